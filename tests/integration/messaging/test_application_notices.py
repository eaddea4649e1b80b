"""W13: each decision on an application is told once, and a rejection says why and until when."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.applications.application import ApplicationState, Supplement, Waiting
from domain.common import reject_codes
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.decision import Decision, Outcome, RuleHit
from messages import calls, ids
from messages.applications import Offer, RecordDecision, RecordState
from messages.verification import RecordSupplement
from runtime.clock import utc_now
from sandbox.personas import person
from services.applications.reviews import open_review_of
from storage.applications.offers import OfferRepository, OfferState
from storage.messaging.outbox import CustomerMessageRepository, CustomerMessageRow, MessageState
from tests.definitions import ref
from tests.integration.messaging.test_outbox import drain, due_now, sender, sent_through
from tests.integration.story import AMOUNT, Applicant, Bench, applicant, offer

ON = date(2026, 3, 2)


async def verified(bench: Bench, index: int) -> Applicant:
    known = await applicant(bench, person("approved", index))
    await known.verify_identity()
    return known


async def notices(bench: Bench, known: Applicant) -> dict[str, CustomerMessageRow]:
    async with bench.database.read() as tx:
        rows = await CustomerMessageRepository(tx).page(
            None, 50, subject=ids.application_workflow(known.start.application_id)
        )
    assert len({row.purpose for row in rows}) == len(rows)
    return {row.purpose: row for row in rows}


def decided(
    known: Applicant,
    *,
    made: Offer | None = None,
    reject_code: str | None = None,
    reapply_on: date | None = None,
    rule: str = "score",
) -> RecordDecision:
    rejected = reject_code is not None
    outcome = Outcome.REJECT if rejected else Outcome.APPROVE
    hit = RuleHit(rule=rule, outcome=outcome, reject_code=reject_code, read="")
    return RecordDecision(
        application_id=known.start.application_id,
        decision=Decision(
            outcome=outcome,
            policy=ref(RISK_POLICY, "cash"),
            score=None,
            reject_code=reject_code,
            reapply_on=reapply_on,
            hits=(hit,) if rejected else (),
        ),
        state=ApplicationState.REJECTED if rejected else ApplicationState.OFFERED,
        waiting=Waiting.NOTHING if rejected else Waiting.APPLICANT,
        state_seq=5,
        at=utc_now(),
        review_due_at=None,
        offer=made,
    )


@pytest.mark.parametrize(
    ("amount", "purpose"),
    [(AMOUNT, "application_approved"), (AMOUNT - 100_000, "offer_lowered")],
)
async def test_an_approval_is_told_once_with_its_amount_and_end(
    bench: Bench, amount: int, purpose: str
) -> None:
    known = await verified(bench, 1430 + amount % 7)
    made = offer(amount=amount)
    for _ in range(2):
        await bench.perform(calls.RECORD_DECISION, decided(known, made=made))
    await drain(bench)
    told = await notices(bench, known)
    assert set(told) == {purpose, "offer_ending"}
    assert told[purpose].said["amount"] == {"amount": amount, "currency": "CNY"}
    assert told[purpose].said.get("asked", {"amount": AMOUNT})["amount"] == AMOUNT
    assert told[purpose].state is MessageState.SENT
    assert await sent_through(bench, told[purpose].id) == ["sms"]
    # That the offer ends is told a day before it does.
    assert told["offer_ending"].state is MessageState.OPEN
    assert told["offer_ending"].ends_at == made.expires_at


@pytest.mark.parametrize("state", [OfferState.OPEN, OfferState.ACCEPTED, OfferState.LAPSED])
async def test_that_an_offer_ends_is_told_only_while_it_is_open(
    bench: Bench, state: OfferState
) -> None:
    known = await verified(bench, 1434)
    made = offer()
    await bench.perform(calls.RECORD_DECISION, decided(known, made=made))
    async with bench.database.transaction() as tx:
        if state is not OfferState.OPEN:
            await OfferRepository(tx).set_state(made.offer_id, state)
    ending = (await notices(bench, known))["offer_ending"]
    await due_now(bench, ending.id)
    await drain(bench)
    ending = (await notices(bench, known))["offer_ending"]
    is_open = state is OfferState.OPEN
    assert ending.state is (MessageState.SENT if is_open else MessageState.CANCELLED)
    assert await sent_through(bench, ending.id) == (["sms"] if is_open else [])


@pytest.mark.parametrize(
    ("rule", "reapply_on", "purpose", "said"),
    [
        ("score", date(2026, 4, 1), "application_rejected", {"reason": "credit_assessment"}),
        ("score", None, "application_rejected", {"reason": "credit_assessment"}),
        (reject_codes.REAPPLY_LOCK, date(2026, 4, 1), "applicant_locked", {}),
    ],
)
async def test_a_rejection_is_open_until_it_was_sent_and_says_why_and_until_when(
    bench: Bench, rule: str, reapply_on: date | None, purpose: str, said: dict[str, Any]
) -> None:
    """The reason is the category that applicants are told, never the code (R08: a low score)."""
    await drain(bench)
    known = await verified(bench, 1435)
    request = decided(known, reject_code="R08", reapply_on=reapply_on, rule=rule)
    for _ in range(2):
        await bench.perform(calls.RECORD_DECISION, request)
    async with bench.database.read() as tx:
        unsent = await CustomerMessageRepository(tx).page(
            None, 50, unsent=True, applicant_id=known.start.applicant_id
        )
    assert [row.purpose for row in unsent] == [purpose]
    assert unsent[0].said == said | {
        "application": known.start.application_id[-6:].upper(),
        "reapply_on": None if reapply_on is None else reapply_on.isoformat(),
    }
    assert await sender(bench).send_due() == 1
    told = await notices(bench, known)
    assert told[purpose].state is MessageState.SENT
    assert await sent_through(bench, told[purpose].id) == ["sms"]


async def test_a_rejection_after_an_appeal_is_told_again(bench: Bench) -> None:
    known = await verified(bench, 1438)
    first = decided(known, reject_code="R08")
    appealed = decided(known, made=offer()).model_copy(
        update={"state": ApplicationState.IN_REVIEW, "state_seq": 6, "offer": None}
    )
    second = decided(known, reject_code="R13").model_copy(update={"state_seq": 7})
    for request in (first, appealed, second, second):
        await bench.perform(calls.RECORD_DECISION, request)
    async with bench.database.read() as tx:
        rows = await CustomerMessageRepository(tx).page(
            None, 50, applicant_id=known.start.applicant_id
        )
    assert [row.purpose for row in rows] == ["application_rejected"] * 2


async def test_a_rejection_while_elements_are_collected_is_told(bench: Bench) -> None:
    known = await verified(bench, 1436)
    await bench.perform(
        calls.RECORD_STATE,
        RecordState(
            application_id=known.start.application_id,
            state=ApplicationState.REJECTED,
            waiting=Waiting.NOTHING,
            state_seq=4,
            at=utc_now(),
            reject_code="R12",
            business_date=ON,
        ),
    )
    told = (await notices(bench, known))["application_rejected"]
    # R12 as shipped: an identity that does not match locks for a day.
    assert (told.said["reason"], told.said["reapply_on"]) == ("identity", "2026-03-03")


async def test_each_round_of_a_supplement_is_told(bench: Bench) -> None:
    known = await verified(bench, 1437)
    asked = Supplement(
        round=1,
        kinds=("operator", "bank_card"),
        reason="unclear",
        requested_by="rita",
        due_at=utc_now() + timedelta(days=7),
    )
    request = RecordSupplement(
        application_id=known.start.application_id,
        supplement=asked,
        state=ApplicationState.COLLECTING,
        waiting=Waiting.APPLICANT,
        state_seq=6,
        at=utc_now(),
        business_date=ON,
    )
    async with bench.database.transaction() as tx:
        await open_review_of(tx, known.start.application_id, utc_now(), utc_now())
    for _ in range(2):
        await bench.perform(calls.RECORD_SUPPLEMENT, request)
    told = (await notices(bench, known))["supplement_requested"]
    assert told.said["missing"] == 2
