"""Which role may call which route, and how its body is taken: the one table.

A route that is not here is refused to everybody, and a test compares the table with the routes.
Whose resources a role may see is `services.people.ownership`'s matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.people.principals import Role
from services.common.json_shape import LIMITS

OTHER: Final = 1024
"""What is kept of a body that does not say it is JSON, where nothing else is taken."""
SMALL: Final = 64 * 1024
PROPOSAL: Final = 512 * 1024
"""A company with fifty shareholders and twenty guarantors; the content of a definition."""
LARGE: Final = 8 * 1024 * 1024
"""Elements carry pictures in base64."""
FILES: Final = 15 * 1024 * 1024
"""A file of 10 MB in base64."""

_BYTES_A_VALUE: Final = 16
"""An address book has 15 bytes a value, anything else more."""

_BORROWER: Final[frozenset[Role]] = frozenset({"applicant", "partner"})
_READS_APPLICATIONS: Final[frozenset[Role]] = _BORROWER | {"reviewer", "analyst", "ops"}
_READS_LOANS: Final[frozenset[Role]] = _BORROWER | {"collector", "analyst", "ops"}
_WORKS_CASES: Final[frozenset[Role]] = frozenset({"reviewer", "ops"})
_RELEASES: Final[tuple[Role, ...]] = ("analyst", "ops")
_KEEPS_BOOKS: Final[tuple[Role, ...]] = ("analyst", "ops")
_READS_ANALYSES: Final[frozenset[Role]] = frozenset({"reviewer", "analyst", "ops"})
_READS_DECISIONS: Final[frozenset[Role]] = frozenset({"reviewer", "analyst", "ops"})
_HOLDS_CASES: Final[frozenset[Role]] = frozenset({"reviewer"})
_OPENS_CASES: Final[frozenset[Role]] = _HOLDS_CASES | {"ops"}
"""Who holds a case, and supervisors: `services.cases.viewing`."""
_STAFF: Final[frozenset[Role]] = frozenset({"reviewer", "collector", "analyst", "ops"})
_DIRECTS: Final[frozenset[Role]] = frozenset({"ops"})
"""Names of the staff are personal data: who changes the directory reads it."""
_READS_LEDGER: Final[frozenset[Role]] = frozenset({"analyst", "ops"})


@dataclass(frozen=True)
class Rule:
    """Who may call a route. `roles` None: anybody, the route has its own proof or needs none.

    A `keyed` route creates or moves something and asks for an Idempotency-Key. `body_limit` is for
    JSON; anything else is read to find out that it cannot be taken, or as JSON of an old client.
    """

    roles: frozenset[Role] | None
    keyed: bool = False
    body_limit: int = SMALL
    json: bool = True

    @property
    def most_values(self) -> int:
        """How many values a body may hold: a small one is refused in a few milliseconds."""
        return min(self.body_limit // _BYTES_A_VALUE, LIMITS.values)

    @property
    def other_limit(self) -> int:
        """How many bytes of a body that is not said to be JSON are kept."""
        return min(self.body_limit, OTHER if self.json else SMALL)


def _reads(roles: frozenset[Role]) -> Rule:
    return Rule(roles)


def _moves(*roles: Role, body_limit: int = SMALL) -> Rule:
    return Rule(frozenset(roles), keyed=True, body_limit=body_limit)


_PUBLIC: Final = Rule(None)

RULES: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("POST", "/v1/applications"): _moves("applicant", "partner"),
        ("GET", "/v1/applications"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/applications/{application_id}"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/applications/{application_id}/events"): _reads(_READS_APPLICATIONS),
        ("POST", "/v1/applications/{application_id}/elements"): _moves(
            "applicant", "partner", body_limit=LARGE
        ),
        ("POST", "/v1/applications/{application_id}/elements/{element_id}/code"): _moves(
            "applicant", "partner"
        ),
        ("GET", "/v1/applications/{application_id}/liveness-challenge"): _reads(_BORROWER),
        ("POST", "/v1/applications/{application_id}/submit"): _moves("applicant", "partner"),
        ("POST", "/v1/applications/{application_id}/withdraw"): _moves("applicant", "partner"),
        ("POST", "/v1/applications/{application_id}/appeal"): _moves("applicant", "partner"),
        ("GET", "/v1/applications/{application_id}/decisions"): _reads(_READS_DECISIONS),
        ("GET", "/v1/applications/{application_id}/decisions/{number}"): _reads(_READS_DECISIONS),
        ("GET", "/v1/cases"): _reads(_WORKS_CASES | {"analyst"}),
        ("GET", "/v1/cases/{case_id}"): _reads(_WORKS_CASES | {"analyst"}),
        ("POST", "/v1/cases/next"): _moves("reviewer"),
        ("POST", "/v1/cases/{case_id}/claim"): _moves("reviewer"),
        ("POST", "/v1/cases/{case_id}/heartbeat"): _moves("reviewer"),
        ("POST", "/v1/cases/{case_id}/release"): _moves("reviewer"),
        ("POST", "/v1/cases/{case_id}/escalate"): _moves("reviewer"),
        ("POST", "/v1/cases/{case_id}/notes"): _moves("reviewer", "ops"),
        ("POST", "/v1/cases/{case_id}/calls"): _moves("reviewer"),
        # Narrowed by the authority matrix: `services.cases.claims`.
        ("POST", "/v1/cases/{case_id}/reassign"): _moves("reviewer", "ops"),
        ("POST", "/v1/reviews/{application_id}/approve"): _moves("reviewer"),
        ("POST", "/v1/reviews/{application_id}/reject"): _moves("reviewer"),
        ("POST", "/v1/reviews/{application_id}/supplement"): _moves("reviewer"),
        ("GET", "/v1/applications/{application_id}/documents"): _reads(_READS_APPLICATIONS),
        ("POST", "/v1/applications/{application_id}/documents"): _moves(
            "applicant", "partner", body_limit=FILES
        ),
        ("GET", "/v1/cases/{case_id}/document"): _reads(_OPENS_CASES),
        ("POST", "/v1/cases/{case_id}/unmask"): _moves("reviewer"),
        ("GET", "/v1/cases/{case_id}/pictures/{name}"): _reads(_HOLDS_CASES),
        ("POST", "/v1/cases/{case_id}/documents"): _moves("reviewer"),
        ("POST", "/v1/cases/{case_id}/files"): _moves("reviewer", body_limit=FILES),
        ("GET", "/v1/cases/{case_id}/files/{file_id}"): _reads(_HOLDS_CASES),
        ("GET", "/v1/users/{applicant_id}/views"): _reads(_DIRECTS),
        ("GET", "/v1/products"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/products/{product}"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/products/{product}/elements"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/consent-texts"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/users/{applicant_id}"): _reads(_READS_APPLICATIONS),
        ("PUT", "/v1/users/{applicant_id}/tags"): _moves("ops"),
        ("GET", "/v1/users/{applicant_id}/levels"): _reads(_STAFF),
        ("GET", "/v1/users/{applicant_id}/exemptions"): _reads(_STAFF),
        ("POST", "/v1/users/{applicant_id}/exemptions"): _moves(*_RELEASES),
        ("POST", "/v1/users/{applicant_id}/exemptions/{exemption_id}/end"): _moves(*_RELEASES),
        ("GET", "/v1/lists/{name}/entries"): _reads(_STAFF),
        ("POST", "/v1/lists/{name}/entries"): _moves(*_RELEASES),
        ("POST", "/v1/lists/{name}/imports"): _moves(*_RELEASES, body_limit=PROPOSAL),
        ("POST", "/v1/lists/{name}/removals"): _moves(*_RELEASES),
        # The key goes into the body: it is personal data.
        ("POST", "/v1/list-entries/search"): Rule(_STAFF),
        ("GET", "/v1/list-changes"): _reads(_STAFF),
        # By a second person: `services.decisioning.lists`.
        ("POST", "/v1/list-changes/{change_id}/approve"): _moves(*_RELEASES),
        ("POST", "/v1/list-changes/{change_id}/reject"): _moves(*_RELEASES),
        ("GET", "/v1/users/{applicant_id}/messages"): _reads(_BORROWER | _STAFF),
        ("GET", "/v1/users/{applicant_id}/preapprovals"): _reads(_BORROWER | _STAFF),
        ("PUT", "/v1/users/{applicant_id}/contact"): _moves("applicant", "partner"),
        ("GET", "/v1/messages"): _reads(_STAFF),
        ("POST", "/v1/messages/{message_id}/resend"): _moves("ops"),
        ("POST", "/v1/users/{applicant_id}/consents"): _moves("applicant", "partner"),
        ("DELETE", "/v1/users/{applicant_id}/consents/{purpose}"): _moves("applicant", "partner"),
        ("GET", "/v1/offers/{offer_id}"): _reads(_READS_APPLICATIONS),
        ("POST", "/v1/offers/{offer_id}/accept"): _moves("applicant", "partner"),
        ("GET", "/v1/lines/{line_id}"): _reads(_READS_APPLICATIONS),
        ("GET", "/v1/lines/{line_id}/elements"): _reads(_READS_APPLICATIONS),
        ("POST", "/v1/lines/{line_id}/elements"): _moves("applicant", "partner", body_limit=LARGE),
        ("POST", "/v1/lines/{line_id}/elements/{element_id}/code"): _moves("applicant", "partner"),
        # A trial stores nothing: it needs no key.
        ("POST", "/v1/plans/preview"): Rule(_BORROWER | {"reviewer", "analyst", "ops"}),
        ("POST", "/v1/lines/{line_id}/quotes"): _moves("applicant", "partner"),
        ("GET", "/v1/quotes/{quote_id}"): _reads(_BORROWER | {"analyst", "ops"}),
        ("POST", "/v1/lines/{line_id}/drawdowns"): _moves("applicant", "partner"),
        ("GET", "/v1/drawdowns/{drawdown_id}"): _reads(_BORROWER | {"analyst", "ops"}),
        ("GET", "/v1/loans"): _reads(_READS_LOANS),
        ("GET", "/v1/loans/{loan_id}"): _reads(_READS_LOANS),
        ("GET", "/v1/loans/{loan_id}/plan"): _reads(_READS_LOANS),
        ("GET", "/v1/loans/{loan_id}/events"): _reads(_READS_LOANS),
        ("GET", "/v1/loans/{loan_id}/records"): _reads(_READS_LOANS),
        ("GET", "/v1/loans/{loan_id}/statement"): _reads(_READS_LOANS),
        ("GET", "/v1/loans/{loan_id}/statement.txt"): _reads(_READS_LOANS),
        ("POST", "/v1/loans/{loan_id}/records"): _moves("ops"),
        ("POST", "/v1/loans/{loan_id}/records/preview"): Rule(frozenset({"analyst", "ops"})),
        ("POST", "/v1/loans/{loan_id}/payoff-quotes"): _moves("applicant", "partner"),
        ("POST", "/v1/loans/{loan_id}/repayments"): _moves("applicant", "partner"),
        ("GET", "/v1/repayments"): _reads(_READS_LOANS),
        ("GET", "/v1/repayments/{repayment_id}"): _reads(_READS_LOANS),
        ("GET", "/v1/collections/tasks"): _reads(frozenset({"collector", "analyst", "ops"})),
        ("POST", "/v1/collections/tasks/{task_id}/result"): _moves("collector"),
        ("GET", "/v1/ledger/trial-balance"): _reads(_READS_LEDGER),
        ("GET", "/v1/ledger/loans/{loan_id}/entries"): _reads(_READS_LEDGER),
        ("GET", "/v1/ledger/reconciliation"): _reads(_READS_LEDGER),
        ("GET", "/v1/ledger/lines/csv"): _reads(_READS_LEDGER),
        ("POST", "/v1/ledger/accruals"): _moves(*_KEEPS_BOOKS),
        ("GET", "/v1/ledger/accruals/{day}"): _reads(_READS_LEDGER),
        ("GET", "/v1/ledger/accruals/{day}/loans"): _reads(_READS_LEDGER),
        ("GET", "/v1/ledger/batches"): _reads(_READS_LEDGER),
        ("POST", "/v1/ledger/batches"): _moves(*_KEEPS_BOOKS),
        ("GET", "/v1/ledger/batches/{number}/csv"): _reads(_READS_LEDGER),
        ("GET", "/v1/ledger/closings"): _reads(_READS_LEDGER),
        ("POST", "/v1/ledger/closings"): _moves(*_KEEPS_BOOKS),
        ("POST", "/v1/ledger/reopenings"): _moves(*_KEEPS_BOOKS),
        ("POST", "/v1/ledger/manual-entries"): _moves(*_KEEPS_BOOKS),
        ("POST", "/v1/ledger/manual-entries/reversals"): _moves(*_KEEPS_BOOKS),
        ("GET", "/v1/ledger/requests"): _reads(_READS_LEDGER),
        # By a second person: `services.loans.closing`.
        ("POST", "/v1/ledger/requests/{request_id}/approve"): _moves(*_KEEPS_BOOKS),
        ("POST", "/v1/ledger/requests/{request_id}/reject"): _moves(*_KEEPS_BOOKS),
        ("GET", "/v1/definitions"): _reads(_STAFF),
        ("GET", "/v1/definitions/kinds"): _reads(_STAFF),
        ("GET", "/v1/definitions/kinds/{kind}"): _reads(_STAFF),
        ("GET", "/v1/definitions/{kind}/{code}"): _reads(_STAFF),
        ("GET", "/v1/definitions/{kind}/{code}/versions"): _reads(_STAFF),
        ("GET", "/v1/definitions/{kind}/{code}/versions/{version}"): _reads(_STAFF),
        ("GET", "/v1/definitions/{kind}/{code}/diff"): _reads(_STAFF),
        ("GET", "/v1/definitions/{kind}/{code}/history"): _reads(_STAFF),
        ("POST", "/v1/definitions/{kind}/{code}/drafts"): _moves("analyst", body_limit=PROPOSAL),
        ("POST", "/v1/definitions/{kind}/{code}/versions/{version}/check"): _moves("analyst"),
        # A trial stores nothing: it needs no key.
        ("POST", "/v1/definitions/risk_policy/{code}/versions/{version}/backtest"): Rule(
            frozenset({"analyst", "ops"})
        ),
        # By a second person, whatever the role: `services.definitions.releasing`.
        ("POST", "/v1/definitions/{kind}/{code}/versions/{version}/release"): _moves(*_RELEASES),
        ("POST", "/v1/definitions/{kind}/{code}/versions/{version}/withdraw"): _moves(*_RELEASES),
        ("POST", "/v1/definitions/{kind}/{code}/versions/{version}/retire"): _moves(*_RELEASES),
        ("POST", "/v1/definitions/{kind}/{code}/rollback"): _moves(*_RELEASES),
        ("POST", "/v1/definitions/{kind}/{code}/retire"): _moves(*_RELEASES),
        ("GET", "/v1/suspensions"): _reads(_STAFF),
        ("POST", "/v1/suspensions/{kind}/{code}"): _moves(*_RELEASES),
        ("POST", "/v1/suspensions/{kind}/{code}/lift"): _moves(*_RELEASES),
        ("GET", "/v1/staff"): _reads(_DIRECTS),
        ("POST", "/v1/staff"): _moves("ops"),
        ("GET", "/v1/staff/{person_id}"): _reads(_DIRECTS),
        ("PUT", "/v1/staff/{person_id}/roles/{role}"): _moves("ops"),
        ("DELETE", "/v1/staff/{person_id}/roles/{role}"): _moves("ops"),
        ("PUT", "/v1/staff/{person_id}/skills"): _moves("ops"),
        ("PUT", "/v1/staff/{person_id}/teams/{team}"): _moves("ops"),
        ("DELETE", "/v1/staff/{person_id}/teams/{team}"): _moves("ops"),
        ("POST", "/v1/staff/{person_id}/deputies"): _moves("ops"),
        ("DELETE", "/v1/staff/{person_id}/deputies/{deputyship_id}"): _moves("ops"),
        ("POST", "/v1/staff/{person_id}/leave"): _moves("ops"),
        ("GET", "/v1/teams"): _reads(_DIRECTS),
        ("POST", "/v1/teams"): _moves("ops"),
        ("GET", "/v1/credit-analyses"): _reads(_READS_ANALYSES),
        ("GET", "/v1/credit-analyses/{analysis_id}"): _reads(_READS_ANALYSES),
        ("POST", "/v1/credit-analyses/{analysis_id}/review"): _moves("reviewer"),
        # Their clients prove themselves by a raw API key (`api.credit_analysis.clients`).
        ("POST", "/credit_analysis/legal_person"): Rule(None, body_limit=PROPOSAL, json=False),
        ("POST", "/credit_analysis/natural_person"): Rule(None, body_limit=PROPOSAL, json=False),
        ("GET", "/credit_analysis/{kind}/{proposal_id}"): _PUBLIC,
        ("PUT", "/credit_analysis/{kind}/{proposal_id}"): Rule(None, json=False),
        # Signers prove themselves by the token of the link that was sent to them.
        ("GET", "/credit_analysis/consents/{token}"): _PUBLIC,
        ("POST", "/credit_analysis/consents/{token}"): _PUBLIC,
        ("POST", "/v1/callbacks/qitech"): Rule(None, json=False),
        ("PUT", "/v1/callbacks/qitech"): Rule(None, json=False),
        # Proves itself by its signature over the raw body.
        ("POST", "/v1/callbacks/payments"): Rule(None, json=False),
        ("POST", "/v1/callbacks/reports"): Rule(None, json=False),
        ("GET", "/health"): _PUBLIC,
        ("GET", "/ready"): _PUBLIC,
        ("GET", "/metrics"): _PUBLIC,
    }
)
