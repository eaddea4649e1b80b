"""The decision: every rule at its threshold, figures worked out by hand."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.credit_analysis.decision import AnalysisDecision, AnalysisStatus, PartyFacts
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from domain.credit_analysis.proposal import parties_of
from domain.credit_analysis.rules import coverage_of, decide, instalment_of, months_between
from tests.definitions import shipped
from tests.proposals import STANDARD, WITH_ASSESSMENT, at, legal_person, natural_person, read

TODAY = date(2026, 11, 21)
RECENT = {"credit_request_date": "2026-11-20T10:30:00-03:00", "client_since": None}


def decided(
    given: dict[str, Any],
    *,
    kind: PersonKind = PersonKind.LEGAL,
    policy: str = STANDARD,
    assessment: AnalysisStatus | None = None,
    **subject: Any,
) -> AnalysisDecision:
    proposal = read(given, kind)
    clear = {"adverse_facts": 0}
    facts = tuple(
        PartyFacts(party=party, **(clear | subject if party == "subject" else clear))
        for party in parties_of(proposal)
    )
    return decide(shipped(CREDIT_ANALYSIS_POLICY, policy), proposal, facts, assessment, TODAY)


def test_the_published_example_passes_every_rule() -> None:
    decision = decided(legal_person())
    assert (decision.status, decision.reason, decision.hits) == (
        "automatically_approved",
        "policy_passed",
        (),
    )
    # collateral of 60,000,000 and assets of 18,600,000, over 100,000
    assert decision.coverage == Decimal("786.00")
    # 500, seven years at 15, means of more than ten instalments 150, full coverage 100
    assert decision.score == 855


@pytest.mark.parametrize(
    ("constituted", "status"),
    [
        ("2026-06-21", "automatically_reproved"),
        ("2026-05-22", "automatically_reproved"),
        ("2026-05-21", "in_manual_analysis"),
        ("2025-11-22", "in_manual_analysis"),
        ("2025-11-21", "automatically_approved"),
    ],
)
def test_a_company_has_to_be_old_enough(constituted: str, status: str) -> None:
    decision = decided(legal_person(constitution_date=constituted) | RECENT)
    assert decision.status == status
    if status != "automatically_approved":
        assert decision.reason == "constitution_age"


def test_months_are_whole() -> None:
    assert months_between(date(2026, 5, 21), date(2026, 11, 21)) == 6
    assert months_between(date(2026, 5, 22), date(2026, 11, 21)) == 5
    assert months_between(date(2026, 8, 31), date(2026, 9, 30)) == 0


@pytest.mark.parametrize(
    ("adverse", "status"),
    [
        (0, "automatically_approved"),
        (1, "in_manual_analysis"),
        (2, "in_manual_analysis"),
        (3, "automatically_reproved"),
        (None, "in_manual_analysis"),
    ],
)
def test_adverse_facts_count_and_unknown_ones_never_pass(adverse: int | None, status: str) -> None:
    assert decided(legal_person(), adverse_facts=adverse).status == status


@pytest.mark.parametrize(
    ("mismatch", "status"),
    [
        ("legal_name_mismatch", "automatically_challenged"),
        ("constitution_date_mismatch", "automatically_challenged"),
        ("not_registered", "automatically_challenged"),
        ("company_dissolved", "automatically_reproved"),
        ("something_new", "automatically_reproved"),
    ],
)
def test_a_mismatch_challenges_or_reproves(mismatch: str, status: str) -> None:
    decision = decided(legal_person(), mismatch=mismatch)
    assert (decision.status, decision.reason) == (status, mismatch)


def test_the_strongest_wish_wins() -> None:
    given = legal_person(constitution_date="2025-12-01") | RECENT
    assert decided(given).status == "in_manual_analysis"
    assert decided(given, mismatch="legal_name_mismatch").status == "automatically_challenged"
    decision = decided(given, adverse_facts=9)
    assert (decision.status, decision.reason) == ("automatically_reproved", "adverse_facts")
    assert {hit.rule for hit in decision.hits} >= {"adverse_facts", "constitution_age"}


def test_the_instalment_is_the_level_one_of_the_whole_rate() -> None:
    proposal = read(at(legal_person(), "financial.interest_type", "pre_fixed"))
    zero = read(
        at(
            at(legal_person(), "financial.interest_type", "price"),
            "financial.annual_interest_rate",
            0,
        )
    )
    assert instalment_of(zero, Decimal(0)) == 25_000
    # 2.32 % a year on 1,000.00 in four: 1,000 * i / (1 - (1 + i) ** -4), i = 0.0232 / 12
    assert round(instalment_of(proposal, Decimal(99))) == 25_121
    share = read(at(legal_person(), "financial.interest_type", "cdi_percentage"))
    assert instalment_of(share, Decimal("2.32")) == instalment_of(proposal, Decimal(0))


@pytest.mark.parametrize(
    ("revenue", "status"),
    [
        (30_000, "automatically_reproved"),
        (32_000, "in_manual_analysis"),
        (76_000, "in_manual_analysis"),
        (78_000, "automatically_approved"),
        (0, "automatically_reproved"),
    ],
)
def test_revenue_has_to_bear_the_instalment(revenue: int, status: str) -> None:
    # The published instalment is 258.37: 1.2 times it is 310.05, three times it 775.12.
    decision = decided(legal_person(monthly_revenue=revenue))
    assert decision.status == status


def test_large_amounts_need_coverage_and_the_largest_an_analyst() -> None:
    rich = legal_person(monthly_revenue=10**14)
    bare = rich | {"warrants": [], "guarantors": []}
    assert decided(at(bare, "financial.amount", 49_999_999)).status == "automatically_approved"
    uncovered = decided(at(bare, "financial.amount", 50_000_000))
    assert (uncovered.status, uncovered.reason, uncovered.coverage) == (
        "in_manual_analysis",
        "coverage",
        Decimal("0.00"),
    )
    assert decided(at(rich, "financial.amount", 78_600_000)).status == "automatically_approved"
    huge = at(rich, "warrants.0.estimated_value", 10**12)
    huge = at(huge, "warrants.0.forced_selling_value", 10**12)
    assert decided(at(huge, "financial.amount", 500_000_000)).status == "automatically_approved"
    assert decided(at(huge, "financial.amount", 500_000_001)).reason == "amount"


def test_another_currency_cannot_be_compared() -> None:
    decision = decided(at(legal_person(), "financial.currency", "USD"))
    assert (decision.status, decision.reason, decision.coverage) == (
        "in_manual_analysis",
        "currency",
        None,
    )


def test_coverage_counts_the_forced_sale_and_what_persons_declared() -> None:
    given = at(legal_person(), "guarantors.0.declared_assets", 0)
    assert coverage_of(read(given)) == Decimal("600.00")
    assert coverage_of(read(given | {"warrants": []})) == Decimal("0.00")


def test_a_person_has_to_be_of_age() -> None:
    given = natural_person() | RECENT
    grown = decided(given | {"birthdate": "2008-11-21"}, kind=PersonKind.NATURAL)
    assert grown.status == "automatically_approved"
    young = decided(given | {"birthdate": "2008-11-22"}, kind=PersonKind.NATURAL)
    assert (young.status, young.reason) == ("automatically_reproved", "under_age")


def test_guarantors_and_shareholders_under_age_are_referred() -> None:
    """They may bind themselves with others' assent only, which a person has to see."""
    for path, party in (("shareholders", "shareholder:0"), ("guarantors", "guarantor:0")):
        given = legal_person() | RECENT
        grown = decided(at(given, f"{path}.0.birthdate", "2008-11-21"))
        assert grown.status == "automatically_approved"
        for born in ("2008-11-22", "2015-01-01"):
            young = decided(at(given, f"{path}.0.birthdate", born))
            assert (young.status, young.reason) == ("in_manual_analysis", "under_age")
            assert [hit.read for hit in young.hits] == [f"{party}: under age"]


def test_a_party_of_whom_nothing_is_on_record_is_referred() -> None:
    proposal = read(legal_person())
    known = tuple(
        PartyFacts(party=party, adverse_facts=0) for party in ("subject", "shareholder:0")
    )
    decision = decide(shipped(CREDIT_ANALYSIS_POLICY, STANDARD), proposal, known, None, TODAY)
    assert (decision.status, decision.reason) == ("in_manual_analysis", "unchecked")
    assert [hit.read for hit in decision.hits] == ["guarantor:0"]
    assert (
        decide(shipped(CREDIT_ANALYSIS_POLICY, STANDARD), proposal, (), None, TODAY).status
        == "in_manual_analysis"
    )


def test_a_company_without_owners_is_referred() -> None:
    decision = decided(legal_person(shareholders=[]))
    assert (decision.status, decision.reason) == ("in_manual_analysis", "owners")
    assert decided(natural_person(), kind=PersonKind.NATURAL).status == "automatically_approved"


@pytest.mark.parametrize("missing", ["annual_interest_rate", "number_of_installments"])
def test_terms_that_a_proposal_on_record_lacks_are_referred(missing: str) -> None:
    """As of before they were asked for at receipt."""
    given = at(at(legal_person(), "financial.interest_type", "price"), f"financial.{missing}", None)
    proposal = read_proposal(PersonKind.LEGAL, json.dumps(given))
    facts = tuple(PartyFacts(party=party, adverse_facts=0) for party in parties_of(proposal))
    decision = decide(shipped(CREDIT_ANALYSIS_POLICY, STANDARD), proposal, facts, None, TODAY)
    assert (decision.status, decision.reason) == ("in_manual_analysis", "terms")
    assert [hit.read for hit in decision.hits if hit.rule == "terms"] == [f"{missing} unknown"]


def test_a_limit_is_measured_as_if_due_at_once() -> None:
    given = legal_person(credit_type="credit_card_limit")
    given = at(given, "financial.number_of_installments", None)
    given = at(given, "financial.interest_type", "pre_fixed")
    given = at(given, "financial.annual_interest_rate", 12)
    # 1,000.00 and a month at 1 %
    assert instalment_of(read(given), Decimal(0)) == 101_000
    assert decided(given).status == "automatically_approved"
    assert decided(given | {"monthly_revenue": 121_199}).status == "automatically_reproved"


@pytest.mark.parametrize(
    ("assessment", "status"),
    [
        (AnalysisStatus.AUTOMATICALLY_APPROVED, "automatically_approved"),
        (AnalysisStatus.MANUALLY_APPROVED, "automatically_approved"),
        (AnalysisStatus.MANUALLY_REPROVED, "automatically_reproved"),
        (AnalysisStatus.MANUALLY_CHALLENGED, "automatically_challenged"),
        (AnalysisStatus.PENDING, "in_manual_analysis"),
        (None, "in_manual_analysis"),
    ],
)
def test_an_assessment_counts_where_the_policy_asks_for_one(
    assessment: AnalysisStatus | None, status: str
) -> None:
    assert decided(legal_person(), policy=WITH_ASSESSMENT, assessment=assessment).status == status
    assert decided(legal_person(), assessment=assessment).status == "automatically_approved"


def test_six_of_nine_statuses_are_final() -> None:
    final = {status for status in AnalysisStatus if status.is_final}
    assert len(AnalysisStatus) == 9
    assert set(AnalysisStatus) - final == {"in_manual_analysis", "waiting_for_data", "pending"}
