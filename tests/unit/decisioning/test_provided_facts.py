"""What applicants provided can send a case to a person, at each limit of the policy."""

from datetime import date
from typing import Any

import pytest

from domain.decisioning.decision import Facts, Outcome, decide
from domain.decisioning.policy import DecisionPolicy, Lending
from domain.decisioning.provided_facts import Provided
from domain.verification.elements import ElementKind
from providers.verification.bank_flows import FlowsFacts
from providers.verification.bureau_report import BureauReportFacts
from providers.verification.ecommerce import EcommerceFacts
from providers.verification.online_banking import BankingFacts
from providers.verification.operator_document import OperatorFacts
from tests.products import RULES, ruled_by

TODAY = date(2026, 11, 21)
REPORT, STATEMENTS = ElementKind.OPERATOR_REPORT, ElementKind.ONLINE_BANKING
PLATFORM, CONTACTS = ElementKind.ECOMMERCE, ElementKind.PERSONAL_INFORMATION
FACE = ElementKind.LIVENESS
FLOWS, FILE = ElementKind.BANK_FLOWS, ElementKind.BUREAU_REPORT

AT_EVERY_LIMIT: dict[ElementKind, dict[str, Any]] = {
    REPORT: {
        "months_on_network": 6,
        "active": True,
        "silent_days_30d": 10,
        "unpaid_bills": 1,
        "collector_calls": 2,
    },
    STATEMENTS: {"overdue_bills": 1, "utilisation_per_mille": 900},
    PLATFORM: {"name_matches": True, "credit_overdue": False},
    FLOWS: {"balance_follows": True, "income_monthly": 800_000},
    FILE: {"overdue_now": False, "monthly_payments": 250_000},
    CONTACTS: {"contacts": 2, "address_book": {"entries": 20, "overdue_entries": 2}},
    FACE: {
        "card_similarity": 0.55,
        "card_threshold": 0.5,
        "registry_similarity": 0.85,
        "registry_threshold": 0.8,
        "models": {},
    },
}


def facts(**changes: Any) -> Facts:
    return Facts(
        birth_date=date(1990, 5, 1),
        score=780,
        blacklisted=False,
        lenders_queried_30d=2,
        listed=(),
        lending=Lending(
            lenders_queried_7d=0,
            lenders_queried_30d=0,
            lenders_queried_90d=0,
            unsettled_loans=0,
            new_loans_30d=0,
        ),
        model_score=700,
    ).model_copy(update=changes)


def told(kind: ElementKind, **changes: Any) -> Facts:
    """Facts of which those of one kind are beyond their limits in one way."""
    return facts(provided=Provided.of({**AT_EVERY_LIMIT, kind: AT_EVERY_LIMIT[kind] | changes}))


def book(entries: int, overdue: int = 0) -> dict[str, int]:
    return {"entries": entries, "overdue_entries": overdue}


def test_at_every_limit_nothing_follows() -> None:
    assert decide(facts(provided=Provided.of(AT_EVERY_LIMIT)), TODAY, RULES).hits == ()


@pytest.mark.parametrize(
    ("given", "rule", "read"),
    [
        (told(REPORT, months_on_network=5), "operator_months", "5"),
        (told(REPORT, active=False), "operator_inactive", "not active"),
        (told(REPORT, silent_days_30d=11), "operator_silent_days", "11"),
        (told(REPORT, unpaid_bills=2), "operator_unpaid_bills", "2"),
        (told(REPORT, collector_calls=3), "operator_collector_calls", "3"),
        (told(STATEMENTS, overdue_bills=2), "statements_overdue", "2"),
        (told(STATEMENTS, utilisation_per_mille=901), "statements_utilisation", "901"),
        (told(PLATFORM, name_matches=False), "platform_name", "another name"),
        (told(PLATFORM, credit_overdue=True), "platform_credit_overdue", "overdue"),
        (told(FLOWS, balance_follows=False), "flows_altered", "a balance does not follow"),
        (told(FILE, overdue_now=True), "bureau_overdue", "overdue"),
        (told(CONTACTS, address_book=book(19)), "address_book_entries", "19"),
        (told(CONTACTS, address_book=book(1_001)), "address_book_entries", "1001"),
        (told(CONTACTS, address_book=book(200, 3)), "address_book_overdue", "3"),
        (told(FACE, card_similarity=0.53), "face_narrow_card", "0.53 of 0.5"),
        (told(FACE, registry_similarity=0.81), "face_narrow_registry", "0.81 of 0.8"),
    ],
)
def test_beyond_a_limit_a_person_decides(given: Facts, rule: str, read: str) -> None:
    decision = decide(given, TODAY, RULES)
    assert decision.outcome is Outcome.REFER
    assert [(hit.rule, hit.read) for hit in decision.hits] == [(rule, read)]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {kind: {} for kind in AT_EVERY_LIMIT},
        {kind: dict.fromkeys(told) for kind, told in AT_EVERY_LIMIT.items()},
        {REPORT: {"reasons": ["name_mismatch"]}, FACE: {"card_similarity": 0.1}},
    ],
)
def test_what_is_not_there_changes_nothing(given: dict[ElementKind, dict[str, Any]]) -> None:
    assert decide(facts(provided=Provided.of(given)), TODAY, RULES) == decide(facts(), TODAY, RULES)
    assert decide(facts(), TODAY, RULES).outcome is Outcome.APPROVE


def test_good_facts_approve_nobody_whom_a_rule_refers_or_rejects() -> None:
    good = Provided.of(AT_EVERY_LIMIT)
    assert decide(facts(score=None, provided=good), TODAY, RULES).outcome is Outcome.REFER
    rejected = decide(told(REPORT, active=False).model_copy(update={"score": 300}), TODAY, RULES)
    assert (rejected.outcome, rejected.reject_code) == (Outcome.REJECT, "R08")


def test_a_mismatch_that_a_person_judges_is_a_rule_that_names_it() -> None:
    decision = decide(facts(referred=((CONTACTS, "relation_mismatch"),)), TODAY, RULES)
    assert decision.outcome is Outcome.REFER
    assert [(hit.rule, hit.read) for hit in decision.hits] == [
        ("element_personal_information", "relation_mismatch")
    ]


def test_limits_are_data_of_the_policy() -> None:
    strict = RULES.thresholds.model_dump()
    strict["provided"]["unpaid_bills_refer_above"] = 0
    rules = ruled_by(DecisionPolicy.model_validate(strict))
    assert decide(told(REPORT), TODAY, rules).outcome is Outcome.REFER


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("operator_report", OperatorFacts),
        ("online_banking", BankingFacts),
        ("ecommerce", EcommerceFacts),
        ("bank_flows", FlowsFacts),
        ("bureau_report", BureauReportFacts),
    ],
)
def test_every_fact_that_is_read_is_one_that_a_data_import_writes(read: str, written: Any) -> None:
    """A fact that was renamed at its source would otherwise silently be told no more."""
    (model,) = [one for one in Provided.__annotations__[read].__args__ if one is not type(None)]
    assert set(model.model_fields) <= set(written.model_fields)
