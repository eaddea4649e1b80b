"""An application is decided once, by what the bureau knows and by earlier rejections."""

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.applications.application import ApplicationState, Rejection, Waiting
from domain.decisioning.decision import Outcome, RuleHit
from domain.people.consents import Purpose
from domain.verification.elements import OperatorReport, Verdict
from messages import calls
from messages.applications import AssessApplication, RecordState
from sandbox.personas import person
from storage.decisioning.decisions import DecisionRepository, DecisionRow
from storage.people.consents import ConsentRepository
from storage.verification.elements import ElementRepository
from tests.integration.conftest import Arm
from tests.integration.story import Applicant, Bench, applicant

ON = date(2026, 3, 2)
LENDING = (
    *("lenders_queried_7d", "lenders_queried_30d", "lenders_queried_90d"),
    *("unsettled_loans", "new_loans_30d"),
)
"""What other lenders are asked about, each with a rule of its own."""


def assessment(known: Applicant, on: date = ON) -> AssessApplication:
    return AssessApplication(
        application_id=known.start.application_id,
        decided_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
        business_date=on,
    )


async def verified(bench: Bench, key: str, index: int, channel: str = "app") -> Applicant:
    known = await applicant(bench, person(key, index), channel=channel)
    await known.verify_identity()
    return known


def is_of_limit(hit: RuleHit) -> bool:
    """Without a score there is no grade, and so no limit either."""
    return hit.rule.startswith("cash-limit.")


def facts_read(decisions: DecisionRepository, row: DecisionRow) -> dict[str, Any]:
    trace = decisions.trace(row)
    assert trace is not None
    return dict(trace.steps[-1].facts)


@pytest.mark.parametrize(
    ("key", "outcome", "code", "reapply_on"),
    [
        ("approved", Outcome.APPROVE, None, None),
        ("story", Outcome.REFER, None, None),
        ("heavily_queried", Outcome.REFER, None, None),
        ("multi_lender_heavy", Outcome.REFER, None, None),
        ("thin_file", Outcome.REFER, None, None),
        ("low_score", Outcome.REJECT, "R08", date(2026, 4, 1)),
        ("blacklisted", Outcome.REJECT, "R05", date(2026, 8, 29)),
    ],
)
async def test_the_bureau_s_facts_decide(
    bench: Bench, key: str, outcome: Outcome, code: str | None, reapply_on: date | None
) -> None:
    known = await verified(bench, key, 201)
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert (decision.outcome, decision.reject_code) == (outcome, code)
    assert decision.reapply_on == reapply_on


async def test_two_bureaus_are_asked_and_the_worse_of_each_fact_counts(bench: Bench) -> None:
    known = await verified(bench, "bureau_disagrees", 208)
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    # 780 at the first bureau and 520 at the second: below 650 a person decides.
    assert (decision.outcome, decision.score) == (Outcome.REFER, 520)
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(known.start.application_id)
        facts = facts_read(DecisionRepository(tx), row)
    assert set(row.facts["bureaus"]) == {"bureau", "bureau_second"}
    assert (facts["score_spread"], facts["overdue_history"]) == (260, 3)


async def test_what_only_one_bureau_would_know_is_not_known(bench: Bench) -> None:
    known = await verified(bench, "second_bureau_silent", 209)
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert (decision.outcome, decision.score) == (Outcome.REFER, 780)
    assert [hit.rule for hit in decision.hits] == ["blacklist"]


@pytest.mark.parametrize("down", ["bureau", "bureau_second"])
async def test_a_decision_waits_for_both_bureaus(bench: Bench, down: str) -> None:
    index = {"bureau": 210, "bureau_second": 211}[down]
    known = await verified(bench, "approved", index)
    await bench.simulators.fault(down, status=503)
    with pytest.raises(ApplicationError) as failed:
        await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert (failed.value.message, failed.value.non_retryable) == (f"{down}: server_error", False)
    await bench.simulators.repair()
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert decision.outcome is Outcome.APPROVE
    # What the other bureau said to this application is not asked and paid again.
    other = {"bureau": "bureau_second", "bureau_second": "bureau"}[down]
    asked = await bench.simulators.calls(provider=other, request_id=known.start.application_id)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("index", "verdict", "reason", "outcome"),
    [
        (213, Verdict.MATCH, None, Outcome.REFER),
        # Somebody else's account tells nothing of the applicant.
        (214, Verdict.MISMATCH, "identity_mismatch", Outcome.APPROVE),
    ],
)
async def test_what_a_report_tells_of_the_applicant_is_read(
    bench: Bench, index: int, verdict: Verdict, reason: str | None, outcome: Outcome
) -> None:
    known = await verified(bench, "approved", index)
    element_id = await known.provide(OperatorReport(mobile=known.person.mobile))
    facts = {"months_on_network": 40, "unpaid_bills": 3, "carrier": "mobile"}
    async with bench.database.transaction() as tx:
        await ElementRepository(tx).record_verification(
            element_id, verdict, reason, facts, "operator_report", datetime(2026, 3, 1, tzinfo=UTC)
        )
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert decision.outcome is outcome
    expected = [("operator_unpaid_bills", "3")] if outcome is Outcome.REFER else []
    assert [(hit.rule, hit.read) for hit in decision.hits] == expected
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(known.start.application_id)
    read = {"operator_report": {"months_on_network": 40, "unpaid_bills": 3}} if expected else None
    assert row.facts.get("provided") == read


async def test_without_consent_no_bureau_is_asked_and_a_person_decides(bench: Bench) -> None:
    known = await verified(bench, "approved", 212)
    async with bench.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            known.start.applicant_id,
            Purpose.BUREAU_QUERY,
            revoked_by="test",
            at=datetime(2026, 3, 2, tzinfo=UTC),
        )
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert (decision.outcome, decision.score) == (Outcome.REFER, None)
    assert {(hit.rule, hit.read) for hit in decision.hits if not is_of_limit(hit)} == {
        (rule, "missing")
        for rule in (
            *("blacklist", "score", "score_low", "multi_head", "shared_lists", "model_score"),
            "model_score_low",
            *(f"multi_lender_{count}" for count in LENDING),
        )
    }
    asked = await bench.simulators.calls(request_id=known.start.application_id)
    assert asked == []


async def test_a_repeat_and_a_racing_attempt_get_the_recorded_decision(bench: Bench) -> None:
    known = await verified(bench, "story", 202)
    raced = await asyncio.gather(
        *(bench.perform(calls.ASSESS_APPLICATION, assessment(known)) for _ in range(4))
    )
    await bench.simulators.fault("bureau", status=500)
    repeated = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert all(decision == repeated for decision in raced)
    async with bench.database.read() as tx:
        rows = await DecisionRepository(tx).of(known.start.application_id)
    assert len(rows) == 1
    assert rows[0].decided_by == "policy"


async def test_the_record_holds_an_age_and_no_birth_date(bench: Bench) -> None:
    known = await verified(bench, "approved", 203)
    await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(known.start.application_id)
        facts = facts_read(DecisionRepository(tx), row)
    kept = json.dumps([row.facts, facts])
    # Who may read them has the key: what the catalogue calls personal is not in the open.
    assert facts["score"] == 780
    assert facts["age"] in (40, 41)
    assert not {"score", "age", "blacklisted"} & row.facts.keys()
    assert known.person.birth_date.isoformat() not in kept
    assert known.person.identity_number not in kept


async def test_a_bureau_that_does_not_answer_decides_nothing(bench: Bench) -> None:
    known = await verified(bench, "approved", 204)
    await bench.simulators.fault("bureau", status=503)
    with pytest.raises(ApplicationError) as failed:
        await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert not failed.value.non_retryable
    async with bench.database.read() as tx:
        assert await DecisionRepository(tx).of(known.start.application_id) == []


async def test_a_rejected_person_is_kept_away_in_every_channel_until_the_day(
    bench: Bench,
) -> None:
    first = await verified(bench, "approved", 205)
    rejection = Rejection(code="R13", reapply_on=date(2026, 4, 1))
    recorded = await bench.perform(
        calls.RECORD_STATE,
        RecordState(
            application_id=first.start.application_id,
            state=ApplicationState.REJECTED,
            waiting=Waiting.NOTHING,
            state_seq=2,
            at=datetime(2026, 3, 2, tzinfo=UTC),
            business_date=date(2026, 3, 2),
            reject_code="R13",
        ),
    )
    assert recorded.rejection == rejection
    early = await verified(bench, "approved", 205, "partner")
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(early, date(2026, 3, 31)))
    assert (decision.outcome, decision.reject_code) == (Outcome.REJECT, "R13")
    assert decision.reapply_on == rejection.reapply_on
    asked = await bench.simulators.calls(provider="bureau", request_id=early.start.application_id)
    assert asked == []
    in_time = await verified(bench, "approved", 205, "partner")
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(in_time, date(2026, 4, 1)))
    assert decision.outcome is Outcome.APPROVE


async def test_of_two_applications_decided_at_once_one_goes_on(bench: Bench) -> None:
    channels = ("app", "partner", "other")
    those = [await verified(bench, "approved", 221, channel) for channel in channels]
    made = await asyncio.gather(
        *(bench.perform(calls.ASSESS_APPLICATION, assessment(known)) for known in those)
    )
    outcomes = sorted(decision.outcome for decision in made)
    assert outcomes == [Outcome.APPROVE, Outcome.REJECT, Outcome.REJECT]
    rejected = [decision for decision in made if decision.outcome is Outcome.REJECT]
    assert {(one.reject_code, one.reapply_on) for one in rejected} == {("R14", None)}
    assert {hit.rule for one in rejected for hit in one.hits} == {"pending_application"}
    again = [await bench.perform(calls.ASSESS_APPLICATION, assessment(known)) for known in those]
    assert again == made


async def test_who_has_another_application_decided_is_rejected_until_it_is_over(
    bench: Bench,
) -> None:
    first = await verified(bench, "story", 222)
    await bench.perform(calls.ASSESS_APPLICATION, assessment(first))
    second = await verified(bench, "story", 222, "partner")
    third = await verified(bench, "story", 222, "other")
    fourth = await applicant(bench, person("story", 222), channel="elsewhere", product="revolving")
    await fourth.verify_identity()

    refused = await bench.perform(calls.ASSESS_APPLICATION, assessment(second))
    assert (refused.outcome, refused.reject_code) == (Outcome.REJECT, "R14")
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(second.start.application_id)
    assert row.facts == {"pending_application": first.start.application_id}
    assert await bench.simulators.calls(request_id=second.start.application_id) == []
    # Of another product nothing stands in the way.
    other = await bench.perform(calls.ASSESS_APPLICATION, assessment(fourth))
    assert other.outcome is Outcome.REFER

    state = RecordState(
        application_id=first.start.application_id,
        state=ApplicationState.WITHDRAWN,
        waiting=Waiting.NOTHING,
        state_seq=9,
        at=datetime(2026, 3, 2, 5, tzinfo=UTC),
        business_date=date(2026, 3, 2),
    )
    await bench.perform(calls.RECORD_STATE, state)
    free = await bench.perform(calls.ASSESS_APPLICATION, assessment(third))
    assert free.outcome is Outcome.REFER


async def test_who_has_not_been_decided_upon_yet_stands_in_nobody_s_way(bench: Bench) -> None:
    """Otherwise whoever begins one in another's name would keep that person from credit."""
    begun = await verified(bench, "approved", 223)
    later = await verified(bench, "approved", 223, "partner")
    assert begun.start.product == later.start.product
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(later))
    assert decision.outcome is Outcome.APPROVE


async def test_an_unverified_person_cannot_be_decided_upon(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 206))
    with pytest.raises(ApplicationError) as refused:
        await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert (refused.value.type, refused.value.non_retryable) == ("PersonalDataMissing", True)


async def test_a_decision_lost_before_its_record_is_made_again(bench: Bench, arm: Arm) -> None:
    known = await verified(bench, "low_score", 207)
    arm("assess_application.before_record=raise")
    with pytest.raises(ApplicationError):
        await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    decision = await bench.perform(calls.ASSESS_APPLICATION, assessment(known))
    assert decision.reject_code == "R08"
