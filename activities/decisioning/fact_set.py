"""The facts of a case by the names of the catalogue, from what is known free and what was asked.

A fact that nobody knows is left out. Those that are there only for some people are named in `told`,
so that a policy can tell what was not provided from what a source did not say.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from domain.common.ages import AgeTurn, age_on
from domain.decisioning.affordability import affordability_of, fitting_amount
from domain.decisioning.decision import Facts
from domain.decisioning.facts import FactValue
from domain.decisioning.provided_facts import Provided
from domain.loans.schedule import build_plan
from domain.people.identity_documents import birth_date_in
from domain.pricing.rate_caps import RateCaps, lowest_hard_limit
from domain.products.products import AgreedProduct
from domain.verification.elements import Verdict
from storage.applications.applications import ApplicationRow
from storage.decisioning.own_history import OwnHistoryRow
from storage.verification.elements import ElementStatus

_PROVIDED: Final[Mapping[str, str]] = {
    "operator_months_on_network": "operator_report.months_on_network",
    "operator_active": "operator_report.active",
    "operator_silent_days_30d": "operator_report.silent_days_30d",
    "operator_unpaid_bills": "operator_report.unpaid_bills",
    "operator_collector_calls": "operator_report.collector_calls",
    "statements_overdue_bills": "online_banking.overdue_bills",
    "statements_utilisation_per_mille": "online_banking.utilisation_per_mille",
    "platform_name_matches": "ecommerce.name_matches",
    "platform_credit_overdue": "ecommerce.credit_overdue",
    "address_book_entries": "address_book.entries",
    "address_book_overdue_entries": "address_book.overdue_entries",
    "bank_flows_consistent": "bank_flows.balance_follows",
    "report_enquiries_90d": "bureau_report.enquiries_90d",
    "report_overdue_months_24": "bureau_report.overdue_months_24",
}
"""Facts by where they are told of what was provided."""


def free_facts(
    application: ApplicationRow,
    product: AgreedProduct,
    history: OwnHistoryRow,
    identity_number: str,
    on: date,
    caps: RateCaps,
    listed: Mapping[str, frozenset[str]],
) -> dict[str, FactValue]:
    """Return what costs nothing: what is asked for, who asks, and what we know of them.

    `listed` are the facts of our own lists. No offer is dearer than the lowest hard cap of the law.
    """
    content = product.content
    rate = content.terms.annual_rate
    limit = lowest_hard_limit(caps, content.lender_kind, on)
    facts: dict[str, FactValue | None] = {
        "customer": application.applicant_id,
        "product": application.product,
        "channel": application.channel,
        "business_date": on,
        "conditions_met": frozenset(),
        "amount_asked": application.amount,
        "amount_min": content.amount_min,
        "amount_step": content.amount_step,
        "amount_cap": content.amount_max,
        "amount_authority": content.amount_max,
        "term_asked": application.instalments,
        "terms_allowed": frozenset(str(one) for one in content.instalments),
        "annual_rate_asked": rate,
        "annual_rate_cap": rate if limit is None else limit,
        "age": _age(identity_number, on),
        "level": history.level,
        "labels": frozenset(history.labels),
        **{f"own_{name}": value for name, value in _amounts(history)},
        **listed,
    }
    return {**known(facts), "told": frozenset(name for name in _OPTIONAL if facts.get(name))}


_OPTIONAL: Final = ("own_limit",)


def _amounts(history: OwnHistoryRow) -> list[tuple[str, int | None]]:
    counts = history.model_dump(exclude={"level", "labels"})
    return list(counts.items())


def _age(identity_number: str, on: date) -> int | None:
    birth_date = birth_date_in(identity_number, on)
    return None if birth_date is None else age_on(birth_date, on, AgeTurn.BIRTHDAY)


def element_facts_of(
    provided: Provided, statuses: Iterable[ElementStatus], referred: Iterable[str]
) -> dict[str, FactValue]:
    """Return what the elements tell; margins say by how much a face lies above its threshold."""
    facts: dict[str, FactValue | None] = {
        name: _told(provided, place) for name, place in _PROVIDED.items()
    }
    for side in ("card", "registry"):
        likeness, threshold = (
            _told(provided, f"face.{side}_{what}") for what in ("similarity", "threshold")
        )
        if likeness is not None and threshold is not None:
            facts[f"face_{side}_margin"] = Decimal(likeness) - Decimal(threshold)
    told = known(facts)
    return {
        **told,
        "told": frozenset(told),
        "elements_passed": frozenset(one.kind for one in statuses if one.verdict is Verdict.MATCH),
        "elements_referred": frozenset(referred),
    }


def affordability_facts(
    provided: Provided, application: ApplicationRow, product: AgreedProduct, on: date
) -> dict[str, FactValue]:
    """Return what the applicant can afford, as far as account and bureau report say it.

    `dti_after` is the share of income that debts take with what is asked for, `affordable_amount`
    the greatest amount whose instalment still fits, 0 if not even the least does.
    """
    month = affordability_of(provided)

    def instalment_of(amount: int) -> int:
        terms = product.content.loan_terms(amount, application.instalments, on)
        return max(row.total for row in build_plan(terms).rows)

    affordable, amount = month.affordable_instalment(), None
    if affordable is not None:
        content = product.content
        amount = fitting_amount(
            application.amount,
            least=content.amount_min,
            step=content.amount_step,
            affordable=affordable,
            instalment_of=instalment_of,
        )
        amount = amount or 0
    income = month.income_monthly
    facts = known(
        {
            **month.model_dump(),
            "dti_after": month.dti_after(instalment_of(application.amount)) if income else None,
            "affordable_amount": amount,
        }
    )
    return {**facts, "told": frozenset(facts)}


def source_facts(facts: Facts, overdue_history: int | None, spread: int | None) -> dict[str, Any]:
    """Return what the sources said that were asked, and which these are."""
    lending = facts.lending.model_dump() if facts.lending is not None else {}
    return {
        "asked_sources": frozenset(one.value for one in facts.asked),
        **known(
            {
                "score": facts.score,
                "blacklisted": facts.blacklisted,
                "bureau_lenders_queried_30d": facts.lenders_queried_30d,
                "overdue_history": overdue_history,
                "score_spread": spread,
                "listed_kinds": None if facts.listed is None else frozenset(facts.listed),
                "model_score": facts.model_score,
                **{f"lending_{name}": count for name, count in lending.items()},
            }
        ),
    }


def joined(*parts: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """Return the facts of several parts; what each was told counts."""
    told = (part.get("told") for part in parts)
    names = frozenset(name for one in told if isinstance(one, frozenset) for name in one)
    return {name: value for part in parts for name, value in part.items()} | {"told": names}


def known(facts: Mapping[str, FactValue | None]) -> dict[str, FactValue]:
    """Return the facts that are there."""
    return {name: value for name, value in facts.items() if value is not None}


def _told(provided: Provided, place: str) -> Any:
    part, field = place.split(".")
    return getattr(getattr(provided, part), field, None)
