"""What a decision asks of others than the bureaus: side by side, paid once, its absence no pass.

The simulators answer over HTTP; the gateway, its breakers and its record are the real ones.
"""

import asyncio
import json
import time
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.decisioning.decision import Decisions
from domain.decisioning.decision import Decision, Outcome
from domain.people.consents import Purpose
from domain.sources import Capability
from messages import calls
from messages.applications import AssessApplication
from sandbox.personas import person
from storage.decisioning.decisions import DecisionRepository, DecisionRow
from storage.people.consents import ConsentRepository
from storage.sources import EnquiryRepository, EnquiryRow
from tests.definitions import Sources
from tests.integration.story import (
    Applicant,
    Bench,
    applicant,
    operator,
    real_name,
)
from tests.products import CASH, changed, release_products

ON = date(2026, 3, 2)
RULES = {
    "blacklist": ("shared_lists",),
    "multi_lender": (
        "multi_lender_lenders_queried_7d",
        "multi_lender_lenders_queried_30d",
        "multi_lender_lenders_queried_90d",
        "multi_lender_unsettled_loans",
        "multi_lender_new_loans_30d",
    ),
    "fireeye": ("model_score", "model_score_low"),
}
"""By the provider that fails: the rules that find their facts missing."""
MISSED = {rule for rules in RULES.values() for rule in rules}
SOURCES = {"blacklist": "blacklist", "multi_lender": "multi_lender", "fireeye": "fireeye_score"}

_members = count(7000)


async def verified(bench: Bench, key: str = "approved", product: str = "cash") -> Applicant:
    known = await applicant(bench, person(key, next(_members)), product=product)
    await known.verify_identity()
    return known


async def assess(bench: Bench, known: Applicant, on: date = ON) -> Decision:
    request = AssessApplication(
        application_id=known.start.application_id,
        decided_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
        business_date=on,
    )
    return await bench.perform(calls.ASSESS_APPLICATION, request)


async def recorded(bench: Bench, known: Applicant) -> DecisionRow:
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(known.start.application_id)
    return row


async def attempts(bench: Bench, known: Applicant) -> list[EnquiryRow]:
    """All attempts made for the decision."""
    application_id = known.start.application_id
    async with bench.database.read() as tx:
        rows = await EnquiryRepository(tx).of_application(application_id)
    return [row for row in rows if row.request_id == application_id]


async def enquiries(bench: Bench, known: Applicant, source: str) -> list[EnquiryRow]:
    return [row for row in await attempts(bench, known) if row.source == source]


async def asking(bench: Bench, source: Capability) -> str:
    """Offer a product that asks this source alone, and return its code."""
    product = changed(CASH, f"asking_{source}", decision_sources=(source,))
    await release_products(bench.database, product)
    return product.code


async def test_every_source_is_asked_once_and_paid_once(bench: Bench) -> None:
    known = await verified(bench)
    assert (await assess(bench, known)).outcome is Outcome.APPROVE
    row = await recorded(bench, known)
    async with bench.database.read() as tx:
        trace = DecisionRepository(tx).trace(row)
    assert trace is not None
    facts = trace.steps[-1].facts
    assert (facts["model_score"], facts["listed_kinds"]) == (780, ())
    assert facts["lending_lenders_queried_30d"] == 1
    assert row.facts["sources"] == {
        "blacklist": {"source": "blacklist"},
        "multi_lender": {"source": "multi_lender"},
        "model_score": {"source": "fireeye_score"},
    }
    for source, cost in (("blacklist", 50), ("multi_lender", 80), ("fireeye_score", 150)):
        (asked,) = await enquiries(bench, known, source)
        assert (asked.outcome, asked.cost) == ("match", cost)


async def test_the_sources_are_asked_at_the_same_time(bench: Bench) -> None:
    known = await verified(bench)
    sources = ("bureau", "bureau_second", "blacklist", "multi_lender", "fireeye")
    for provider in sources:
        await bench.simulators.fault(provider, latency_seconds=0.6)
    started = time.monotonic()
    assert (await assess(bench, known)).outcome is Outcome.APPROVE
    assert time.monotonic() - started < 0.6 * (len(sources) - 1)


async def test_what_lenders_share_of_a_person_decides(bench: Bench) -> None:
    heavy = await verified(bench, "multi_lender_heavy")
    decision = await assess(bench, heavy)
    found = {hit.rule: hit.read for hit in decision.hits if hit.rule.startswith("multi_lender")}
    # 8, 16 and 24 lenders in 7, 30 and 90 days, 7 loans unsettled, 5 new: all above their limits.
    assert found == {
        "multi_lender_lenders_queried_7d": "8",
        "multi_lender_lenders_queried_30d": "16",
        "multi_lender_lenders_queried_90d": "24",
        "multi_lender_unsettled_loans": "7",
        "multi_lender_new_loans_30d": "5",
    }
    listed = await verified(bench, "blacklisted")
    decision = await assess(bench, listed)
    read = {hit.rule: (hit.reject_code, hit.read) for hit in decision.hits}
    assert read["shared_lists"] == ("R05", "court_enforcement, fraud")


@pytest.mark.parametrize(
    ("provider", "fault", "code"),
    [
        ("blacklist", {"status": 503}, "server_error"),
        ("multi_lender", {"reset": True}, "connection_lost"),
        ("multi_lender", {"garbage": "wrong_shape"}, "invalid_response"),
        ("blacklist", {"status": 404}, None),
        ("fireeye", {"status": 500}, "server_error"),
        ("fireeye", {"status": 404}, "http_404"),
        ("fireeye", {"fireeye": "0004"}, "processing_error"),
        ("fireeye", {"fireeye": "data_below"}, "invalid_response"),
        ("fireeye", {"fireeye": "two_codes"}, "invalid_response"),
    ],
)
async def test_a_source_that_cannot_say_leaves_its_fact_to_a_person(
    bench: Bench, provider: str, fault: dict[str, Any], code: str | None
) -> None:
    known = await verified(bench)
    await bench.simulators.fault(provider, **fault)
    decision = await assess(bench, known)
    assert decision.outcome is Outcome.REFER
    assert {(hit.rule, hit.read) for hit in decision.hits} == {
        (rule, "missing") for rule in RULES[provider]
    }
    capability = "model_score" if provider == "fireeye" else provider
    why = (await recorded(bench, known)).facts["sources"][capability]["missing"]
    assert why == code or code is None


async def test_when_all_of_them_are_unavailable_a_person_decides(bench: Bench) -> None:
    known = await verified(bench)
    for provider in RULES:
        await bench.simulators.fault(provider, status=503)
    decision = await assess(bench, known)
    assert (decision.outcome, decision.score) == (Outcome.REFER, 780)
    assert {hit.rule for hit in decision.hits} == {
        rule for rules in RULES.values() for rule in rules
    }


@pytest.mark.parametrize("provider", list(RULES))
async def test_a_failure_that_passes_at_once_refers_nobody(bench: Bench, provider: str) -> None:
    known = await verified(bench)
    await bench.simulators.fault(provider, status=500, times=2)
    assert (await assess(bench, known)).outcome is Outcome.APPROVE
    asked = await enquiries(bench, known, SOURCES[provider])
    assert [one.outcome for one in asked] == ["unavailable", "unavailable", "match"]
    assert sum(one.cost for one in asked) == asked[-1].cost


@pytest.mark.parametrize(("code", "reason"), [("0001", "not_enabled"), ("0002", "bad_credential")])
async def test_fireeye_that_refuses_us_is_unavailable_and_left_alone(
    bench: Bench, code: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = await verified(bench), await verified(bench)
    await bench.simulators.fault("fireeye", fireeye=code)
    assert (await assess(bench, first)).outcome is Outcome.REFER
    assert (await recorded(bench, first)).facts["sources"]["model_score"] == {"missing": reason}
    (asked,) = await enquiries(bench, first, "fireeye_score")
    # Never repeated, not billed, and operations are told.
    assert (asked.outcome, asked.code, asked.cost) == ("rejected", reason, 0)
    assert "provider_refuses_us" in capfd.readouterr().out
    await bench.simulators.repair()
    before = len(await bench.simulators.calls(provider="fireeye"))
    assert (await assess(bench, second)).outcome is Outcome.REFER
    missing = (await recorded(bench, second)).facts["sources"]["model_score"]
    assert missing == {"missing": "breaker_open"}
    assert len(await bench.simulators.calls(provider="fireeye")) == before


async def test_that_fireeye_knows_nobody_is_an_answer_and_is_billed(bench: Bench) -> None:
    known = await verified(bench, "thin_file")
    decision = await assess(bench, known)
    assert ("model_score", "missing") in {(hit.rule, hit.read) for hit in decision.hits}
    (asked,) = await enquiries(bench, known, "fireeye_score")
    assert (asked.outcome, asked.code, asked.cost) == ("mismatch", "not_found", 150)
    assert (await recorded(bench, known)).facts["sources"]["model_score"] == {
        "source": "fireeye_score"
    }


async def test_without_a_verified_card_there_is_no_score(bench: Bench) -> None:
    known = await applicant(bench, person("approved", next(_members)))
    for data in (real_name(known.person), operator(known.person)):
        await known.verify(data)
    decision = await assess(bench, known)
    assert [hit.rule for hit in decision.hits] == list(RULES["fireeye"])
    assert (await recorded(bench, known)).facts["sources"]["model_score"] == {
        "missing": "not_verified"
    }
    assert await enquiries(bench, known, "fireeye_score") == []


async def test_sources_that_are_switched_off_leave_facts_missing(
    bench: Bench, sources: Sources
) -> None:
    off = {
        name: {"enabled": False}
        for name in ("bureau", "bureau_second", "blacklist", "multi_lender", "fireeye_score")
    }
    known = await verified(bench)
    await sources.be(off)
    decision = await assess(bench, known)
    assert (decision.outcome, decision.score) == (Outcome.REFER, None)
    assert all(
        hit.read == "missing" for hit in decision.hits if not hit.rule.startswith("cash-limit.")
    )
    assert MISSED | {"blacklist", "score", "multi_head"} <= {hit.rule for hit in decision.hits}
    assert await attempts(bench, known) == []


async def test_a_second_source_stands_in_for_the_first(bench: Bench, sources: Sources) -> None:
    await sources.be({"score_spare": {"capability": "model_score", "order": 2, "cost": 10}})
    known = await verified(bench)
    await bench.simulators.fault("fireeye", times=1, fireeye="0001")
    assert (await assess(bench, known)).outcome is Outcome.APPROVE
    assert (await recorded(bench, known)).facts["sources"]["model_score"] == {
        "source": "score_spare"
    }


async def test_a_product_asks_only_what_it_wants_to_know(
    bench: Bench,
) -> None:
    bureau = await asking(bench, Capability.BUREAU)
    known = await verified(bench, "multi_lender_heavy", bureau)
    decision = await assess(bench, known)
    assert {hit.rule for hit in decision.hits} == {"score_low", "multi_head"}
    for source in SOURCES.values():
        assert await enquiries(bench, known, source) == []
    model = await asking(bench, Capability.MODEL_SCORE)
    known = await verified(bench, "thin_file", model)
    assert (await assess(bench, known)).hits[0].rule == "model_score"
    assert await enquiries(bench, known, "bureau") == []


async def test_an_age_that_rejects_is_known_before_anybody_is_paid(bench: Bench) -> None:
    known = await verified(bench)
    decision = await assess(bench, known, date(2003, 1, 1))
    assert (decision.outcome, decision.reject_code) == (Outcome.REJECT, "R02")
    assert await attempts(bench, known) == []
    row = await recorded(bench, known)
    async with bench.database.read() as tx:
        trace = DecisionRepository(tx).trace(row)
    # Our own data rejected: the decision's policy was never asked, and no score was paid for.
    assert trace is not None
    assert [step.policy.code for step in trace.steps] == ["preliminary"]
    assert "score" not in trace.steps[0].facts


async def test_the_bureaus_are_waited_for_and_other_answers_are_not_paid_twice(
    bench: Bench,
) -> None:
    known = await verified(bench)
    await bench.simulators.fault("bureau", status=503)
    with pytest.raises(ApplicationError, match="bureau: server_error"):
        await assess(bench, known)
    await bench.simulators.repair()
    assert (await assess(bench, known)).outcome is Outcome.APPROVE
    for source in SOURCES.values():
        first, *again = await enquiries(bench, known, source)
        assert first.outcome == "match"
        assert {(one.outcome, one.cost) for one in again} <= {("reused", 0)}


async def test_a_question_that_is_on_its_way_already_is_waited_for_and_not_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing of the source: the activity comes again, and nobody is referred for it."""
    monkeypatch.setattr("activities.sources.enquiries._MAX_SECONDS_FOR_EQUAL_QUERY", 0.1)
    known = await verified(bench)
    await bench.simulators.fault("blacklist", latency_seconds=0.9, times=1)
    first = asyncio.create_task(assess(bench, known))
    async with asyncio.timeout(20):
        while not await enquiries(bench, known, "blacklist"):  # noqa: ASYNC110 -- another connection's row
            await asyncio.sleep(0.01)
    with pytest.raises(ApplicationError, match="asked_already"):
        await assess(bench, known)
    decision = await first
    assert decision.outcome is Outcome.APPROVE
    assert await assess(bench, known) == decision


async def test_a_quota_that_is_used_up_leaves_the_fact_to_a_person(
    bench: Bench, sources: Sources
) -> None:
    known = await verified(bench)
    await sources.be({"fireeye_score": {"daily_quota": 0}})
    assert (await assess(bench, known)).outcome is Outcome.REFER
    assert (await recorded(bench, known)).facts["sources"]["model_score"] == {
        "missing": "quota_exhausted"
    }


async def test_nothing_of_the_person_nor_the_key_is_told_anywhere(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    known, failing = await verified(bench), await verified(bench)
    await assess(bench, known)
    await bench.simulators.fault("fireeye", fireeye="0002")
    await assess(bench, failing)
    logs = capfd.readouterr().out
    for one in (known, failing):
        who = one.person
        row = await recorded(bench, one)
        audit = [
            asked.model_dump_json()
            for source in SOURCES.values()
            for asked in await enquiries(bench, one, source)
        ]
        told = json.dumps([row.facts, [hit.model_dump() for hit in row.rules], audit, logs])
        for secret in (who.identity_number, who.mobile, who.card_number, "password"):
            assert secret not in told
        assert who.name not in logs
    (asked,) = await enquiries(bench, known, "fireeye_score")
    assert asked.consent_id is not None


def test_decisions_hold_no_provider_of_their_own() -> None:
    """Everybody is asked through the gateway, which knows consents, quotas and records."""
    assert set(Decisions.__dataclass_fields__) == {"database", "gateway"}


async def test_taking_back_the_consent_leaves_all_of_them_unasked(bench: Bench) -> None:
    known = await verified(bench)
    async with bench.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            known.start.applicant_id,
            Purpose.BUREAU_QUERY,
            revoked_by="test",
            at=datetime(2026, 3, 2, tzinfo=UTC),
        )
    assert (await assess(bench, known)).outcome is Outcome.REFER
    why = (await recorded(bench, known)).facts["sources"]
    assert {one["missing"] for one in why.values()} == {"no_consent"}
    assert await attempts(bench, known) == []
