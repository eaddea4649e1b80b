"""Twenty equal requests at once, and two reviewers who disagree at the same moment."""

import asyncio
import json
from typing import Any

import pytest

from local.staff import person_id_of
from tests.faults.lives import AMOUNT, FRONT, LEVEL, OWED_AFTER, Life
from tests.faults.place import Place, Reply, new_key, until

pytestmark = [pytest.mark.stack, pytest.mark.fault]

TIMES = 20
RACES = 5


async def of_twenty_keys(place: Place, path: str, body: dict[str, Any]) -> list[Reply]:
    """Send one command twenty times at once as if meant each time; return the lasting answers."""
    keys = [new_key() for _ in range(TIMES)]
    return await asyncio.gather(*(place.settled(FRONT, path, body, key) for key in keys))


async def sent_twenty_times(place: Place, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send one request many times at once and return the one answer that it has."""
    key = new_key()
    replies = await asyncio.gather(*(place.send(FRONT, path, body, key=key) for _ in range(TIMES)))
    answer: dict[str, Any] = await place.insist(FRONT, path, body, key=key)
    for reply in replies:
        if reply.status == 409:
            assert reply.code == "request_in_progress"
        else:
            assert reply.status in (201, 202)
            assert reply.body["id"] == answer["id"]
    assert any(reply.status == 201 for reply in replies)
    return answer


async def of_the_book(place: Place, life: Life) -> list[tuple[str, int]]:
    rows = await place.rows("select order_no from transfers where loan_id = $1", life.loan_id)
    ours = {row["order_no"] for row in rows}
    book = await place.book()
    return [(one["kind"], one["amount"]) for one in book["movements"] if one["order_no"] in ours]


async def test_one_request_sent_twenty_times_has_one_effect(place: Place) -> None:
    life = Life.of(place, "approved")
    reference = life.to_apply()["customer_reference"]

    applied = await sent_twenty_times(place, "/v1/applications", life.to_apply())
    assert await place.rows(
        "select a.id from applications a join applicants p on p.id = a.applicant_id"
        " where p.customer_reference = $1",
        reference,
    ) == [{"id": applied["id"]}]

    life.application_id = applied["id"]
    await life.quoted()
    drawn = await sent_twenty_times(place, f"/v1/lines/{life.line_id}/drawdowns", life.to_draw())
    life.drew(drawn)
    assert await place.rows("select id from drawdowns where line_id = $1", life.line_id) == [
        {"id": life.drawdown_id}
    ]

    await life.disbursed()
    await life.live_until(life.due_dates[0])
    payoff = {"payoff_total": await life.payoff_total()}
    paid = await sent_twenty_times(place, f"/v1/loans/{life.loan_id}/repayments", payoff)
    assert (await life.repaid(paid["id"]))["state"] == "settled"
    assert await of_the_book(place, life) == [
        ("disbursement", AMOUNT),
        ("debit", LEVEL),
        ("debit", OWED_AFTER[1]),
    ]


async def test_twenty_drawdowns_of_one_quote_are_one(place: Place) -> None:
    life = Life.of(place, "approved")
    await life.quoted()
    path = f"/v1/lines/{life.line_id}/drawdowns"

    replies = await of_twenty_keys(place, path, life.to_draw())

    [taken] = [reply for reply in replies if reply.status == 201]
    refused = {(reply.status, reply.code) for reply in replies if reply is not taken}
    assert refused <= {(409, "quote_used"), (409, "limit_exceeded"), (409, "line_closed")}
    life.drew(taken.body)
    await life.disbursed()
    assert await of_the_book(place, life) == [("disbursement", AMOUNT)]


async def test_twenty_payoffs_of_one_loan_are_one(place: Place) -> None:
    life = Life.of(place, "approved")
    await life.borrowed()
    path, body = f"/v1/loans/{life.loan_id}/repayments", {"payoff_total": AMOUNT}

    replies = await of_twenty_keys(place, path, body)

    [taken] = [reply for reply in replies if reply.status in (201, 202)]
    refused = {(reply.status, reply.code) for reply in replies if reply is not taken}
    assert refused <= {(409, "repayment_in_flight"), (409, "loan_settled"), (409, "loan_closed")}
    assert (await life.repaid(taken.body["id"]))["state"] == "settled"
    assert await of_the_book(place, life) == [("disbursement", AMOUNT), ("debit", AMOUNT)]


async def in_review(place: Place) -> Life:
    life = Life.of(place, "story")
    assert (await life.decided())["state"] == "in_review"
    return life


async def audited(place: Place, life: Life) -> list[tuple[str, str, str]]:
    rows = await place.rows(
        "select actor, action, outcome from audit where subject = $1 order by id", life.workflow_id
    )
    return [(row["actor"], row["action"], row["outcome"]) for row in rows]


async def test_of_approve_and_reject_at_once_one_wins(place: Place) -> None:
    lives = await asyncio.gather(*(in_review(place) for _ in range(RACES)))
    for number, life in enumerate(lives):
        words = ("approve", "reject") if number % 2 else ("reject", "approve")
        replies = await asyncio.gather(
            *(
                place.settled(
                    "reviewer",
                    f"/v1/reviews/{life.application_id}/{word}",
                    {"reason": "as seen"},
                    new_key(),
                )
                for word in words
            )
        )

        by_status = {
            reply.status: (word, reply) for word, reply in zip(words, replies, strict=True)
        }
        assert sorted(by_status) == [200, 409]
        assert by_status[409][1].code == "review_closed"
        won, lost = by_status[200][0], by_status[409][0]
        found = await life.application()
        assert found["state"] == {"approve": "offered", "reject": "rejected"}[won]
        entries = await audited(place, life)
        assert {entry[1:] for entry in entries} == {(won, "accepted"), (lost, "refused")}
        assert all(actor == person_id_of("reviewer-1") for actor, _, _ in entries)


async def test_reviewers_can_signal_by_hand(place: Place) -> None:
    approved, rejected = await asyncio.gather(in_review(place), in_review(place))
    said = {"reviewer": "lin", "reason": "employer unknown"}

    await asyncio.gather(
        place.signal_by_hand(approved.workflow_id, "approve"),
        place.signal_by_hand(rejected.workflow_id, "reject", "--input", json.dumps(said)),
    )
    await approved.in_state("offered")
    found = await rejected.in_state("rejected")

    assert found["rejection"]["reapply_on"] is not None
    assert await audited(place, rejected) == [("lin", "reject", "accepted")]
    # The review is closed by now: a late word changes nothing and is on record.
    await place.signal_by_hand(approved.workflow_id, "reject", "--input", json.dumps(said))
    entries = await until(
        lambda: audited(place, approved), lambda entries: len(entries) > 1, "the late word"
    )
    assert entries == [("reviewer", "approve", "accepted"), ("lin", "reject", "refused")]
    assert (await approved.application())["state"] == "offered"
