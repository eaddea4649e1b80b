"""How a life of credit ended, in a form that can be held against another one's ending."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.faults.lives import Life
from tests.faults.place import until


@dataclass(frozen=True)
class Ending:
    """Everything that came of a life but ids and instants. Amounts in minor units.

    `moved` and `failed` are read from the simulator's own book, `told` from the outbox.
    `notices` are what the customer was told, and how often a gateway took each.
    """

    states: list[str]
    verdicts: dict[str, str]
    decisions: list[tuple[str, str]]
    moved: list[tuple[str, int]]
    failed: list[tuple[str, int, str]]
    loan: dict[str, Any]
    instalments: list[dict[str, Any]]
    ledger: dict[str, int]
    told: list[str]
    messages: list[str]
    notices: list[tuple[str, int]]


async def ending(life: Life) -> Ending:
    """Read how a life ended."""
    application = await life.application()
    orders = await _orders(life)
    loan = await life.loan()
    return Ending(
        states=await _states(life),
        verdicts={one["kind"]: one["verdict"] for one in application["elements"]},
        decisions=[(one["stage"], one["outcome"]) for one in application["decisions"]],
        moved=[(one["kind"], one["amount"]) for one in orders if one["status"] == "succeeded"],
        failed=[
            (one["kind"], one["amount"], one["reason"])
            for one in orders
            if one["status"] == "failed"
        ],
        loan={
            "state": loan["state"],
            "principal_outstanding": loan["position"]["principal_outstanding"],
            "received": loan["position"]["received"],
            "paid": loan["position"]["paid"],
            "credit": loan["position"]["credit"],
        },
        instalments=[
            {
                name: one[name]
                for name in ("number", "principal_paid", "interest_paid", "penalty_paid", "state")
            }
            for one in loan["position"]["instalments"]
        ],
        ledger=await _ledger(life),
        told=[row["kind"] for row in await _outbox(life, f"loan:{life.loan_id}")],
        messages=await _messages(life),
        notices=await _notices(life),
    )


async def _orders(life: Life) -> list[dict[str, Any]]:
    """Return the orders of the loan from the simulator's book, as it booked them."""
    rows = await life.place.rows("select order_no from transfers where loan_id = $1", life.loan_id)
    numbers = {row["order_no"] for row in rows}
    book = await life.place.book()
    return [order for order in book["orders"] if order["order_no"] in numbers]


async def _outbox(life: Life, aggregate: str) -> list[dict[str, Any]]:
    return await life.place.rows(
        "select kind, payload::jsonb ->> 'state' as state from outbox"
        " where aggregate = $1 order by id",
        aggregate,
    )


async def _states(life: Life) -> list[str]:
    """Return the states that the application went through, each once.

    Whether it also waited for a provider for a while is no matter.
    """
    told = await _outbox(life, life.workflow_id)
    states = [row["state"] for row in told if row["kind"] == "state_changed"]
    return [state for state, _ in groupby(states) if state not in ("collecting", "deciding")]


async def _ledger(life: Life) -> dict[str, int]:
    rows = await life.place.rows(
        "select account, sum(amount)::bigint as balance from entries"
        " join journal on journal.id = journal_id where loan_id = $1 group by account",
        life.loan_id,
    )
    return {row["account"]: row["balance"] for row in rows}


async def _messages(life: Life) -> list[str]:
    """Return the templates of the messages that the gateway accepted for the loan."""
    rows = await life.place.rows(
        "select id from collection_actions where loan_id = $1 and channel = 'sms'", life.loan_id
    )
    ids = {row["id"] for row in rows}
    reply = await life.place.sandbox.get("/sandbox/messages")
    return [one["template"] for one in reply.json() if one["message_id"] in ids]


async def _notices(life: Life) -> list[tuple[str, int]]:
    """Return what the customer was told, in the order of the names, once it was all sent.

    What a sender claimed that died is due again a minute later.
    """
    subjects = [life.workflow_id, f"drawdown:{life.drawdown_id}", f"loan:{life.loan_id}"]

    async def read() -> list[dict[str, Any]]:
        return await life.place.rows(
            "select id, purpose, state from customer_messages"
            " where subject = any($1) and purpose <> 'offer_ending' order by purpose",
            subjects,
        )

    rows = await until(
        read, lambda rows: all(row["state"] == "sent" for row in rows), "messages sent", 150
    )
    reply = await life.place.sandbox.get("/sandbox/messages")
    taken = [one["message_id"].split("-")[0] for one in reply.json()]
    return [(row["purpose"], taken.count(row["id"])) for row in rows]
