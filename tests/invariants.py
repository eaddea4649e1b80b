"""What must hold of an installation whenever it is at rest, whatever happened to it before.

`violations` reads the record, the book of the payment simulator and Temporal, and lists in words
what does not hold. It trusts no code of the product but the domain's own arithmetic.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
from pydantic import TypeAdapter
from temporalio.client import Client

from domain.loans.events import LoanEvent, Paid, PaidOff
from domain.loans.ledger import balances
from domain.loans.position import Position, position
from domain.loans.servicing import SERVICING_POLICY
from domain.loans.terms import LoanTerms
from messages.applications import ApplicationSnapshot
from messages.loans import LoanView

Row = Mapping[str, Any]

_EVENT: Final[TypeAdapter[LoanEvent]] = TypeAdapter(LoanEvent)
_FINAL: Final = frozenset({"accepted", "rejected", "withdrawn", "expired"})
_IN_FLIGHT: Final = frozenset({"reserved", "signed", "disbursing"})


@dataclass(frozen=True)
class Books:
    """The record and the simulator's book as they were read."""

    tables: Mapping[str, list[Row]]
    orders: Mapping[str, Row]
    movements: Mapping[str, Row]

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables[table]


async def violations(database_url: str, sandbox_url: str, client: Client) -> list[str]:
    """Return what does not hold, sorted; empty when all is well."""
    books = await _read(database_url, sandbox_url)
    found = [
        *_money_moved_once(books),
        *_our_record_is_the_book(books),
        *_journal_balances(books),
        *_sums_are_those_of_lines(books),
        *_loans_follow_from_their_events(books),
        *_repayments_are_events(books),
        *_lines_add_up(books),
        *_applications_are_decided_once(books),
        *_everything_was_told_in_order(books),
        *[line async for line in _processes_agree(books, client)],
        *[line async for line in _processes_are_well(client)],
    ]
    return sorted(found)


_TABLES: Final = {
    "applications": "select * from applications",
    "decisions": "select application_id, stage, attempt, outcome from decisions",
    "reviews": "select subject as application_id, coalesce(outcome, state) as state from cases"
    " where kind = 'review'",
    "lines": "select * from lines",
    "drawdowns": "select * from drawdowns",
    "loans": "select * from loans",
    "loan_events": "select * from loan_events order by sequence",
    "instalments": "select * from instalments order by loan_id, number",
    "journal": "select * from journal order by id",
    "entries": "select e.*, j.loan_id, j.entry_key from entries e join journal j on j.id ="
    " e.journal_id order by journal_id, line",
    "sums": "select account, sum(amount) as difference from"
    " (select account, amount from daily_balances"
    " union all select account, amount from unsummed_journal join entries using (journal_id)"
    " union all select account, -amount from entries) as lines"
    " group by account having sum(amount) <> 0",
    "transfers": "select * from transfers",
    "repayments": "select * from repayments",
    "callbacks": "select event_id, order_no from callbacks",
    "outbox": "select * from outbox order by id",
    "definitions": "select kind, code, version, content from definitions",
    "audit": "select * from audit order by id",
}


async def _read(database_url: str, sandbox_url: str) -> Books:
    async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as http:
        book = (await http.get("/sandbox/book")).raise_for_status().json()
    async with _snapshot(database_url) as connection:
        tables: dict[str, list[Row]] = {
            name: [dict(row) for row in await connection.fetch(statement)]
            for name, statement in _TABLES.items()
        }
    return Books(
        tables,
        {order["order_no"]: order for order in book["orders"]},
        {movement["order_no"]: movement for movement in book["movements"]},
    )


@asynccontextmanager
async def _snapshot(database_url: str) -> AsyncIterator[Any]:
    """Yield a connection on which all tables are read as of one instant."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()


def _money_moved_once(books: Books) -> Iterator[str]:
    """One disbursement a drawdown and loan, one debit an instalment and repayment."""
    loan_of = {row["order_no"]: row["loan_id"] for row in books["transfers"]}
    paid_out = Counter(
        loan_of.get(order_no, order_no)
        for order_no, movement in books.movements.items()
        if movement["kind"] == "disbursement"
    )
    for loan_id, times in paid_out.items():
        if times > 1:
            yield f"{loan_id}: disbursed {times} times"
    for row in books["drawdowns"]:
        moved = f"D-{row['id']}" in books.movements
        if moved != (row["state"] == "disbursed"):
            yield f"{row['id']} is {row['state']}, its money {'is' if moved else 'is not'} out"
    debited = Counter(
        (row["loan_id"], row["requested_on"])
        for row in books["repayments"]
        if row["source"] == "auto_debit" and row["order_no"] in books.movements
    )
    for (loan_id, day), times in debited.items():
        if times > 1:
            yield f"{loan_id}: the instalment of {day} was debited {times} times"


def _our_record_is_the_book(books: Books) -> Iterator[str]:
    """Every order that either side knows has the same content and the same end on both."""
    ours = {row["order_no"]: row for row in books["transfers"]}
    for order_no in sorted(ours.keys() | books.orders.keys()):
        own, booked = ours.get(order_no), books.orders.get(order_no)
        if own is None:
            yield f"{order_no} is in the bank's book and not in the record"
        elif booked is None:
            yield f"{order_no} is {own['state']} in the record and not in the bank's book"
        elif _content(own) != _content(booked):
            yield f"{order_no} is {_content(own)} in the record, {_content(booked)} at the bank"
    for row in books["callbacks"]:
        if row["order_no"] not in ours:
            yield f"callback {row['event_id']} is about the unknown order {row['order_no']}"


def _content(order: Row) -> tuple[Any, ...]:
    state = order["state"] if "state" in order else order["status"]
    return order["kind"], order["amount"], order["currency"], state, order["reason"]


def _journal_balances(books: Books) -> Iterator[str]:
    sums = Counter[tuple[int, str]]()
    for row in books["entries"]:
        sums[row["journal_id"], row["currency"]] += row["amount"]
    for (journal_id, currency), amount in sums.items():
        if amount:
            yield f"journal entry {journal_id} sums to {amount} {currency}"
    with_lines = {journal_id for journal_id, _ in sums}
    for row in books["journal"]:
        if row["id"] not in with_lines:
            yield f"journal entry {row['entry_key']} has no lines"
    cash = sum(row["amount"] for row in books["entries"] if _plain(row["account"]) == "cash")
    moved = sum(
        movement["amount"] * (1 if movement["kind"] == "debit" else -1)
        for movement in books.movements.values()
    )
    if cash != moved:
        yield f"cash is {cash}, the bank's movements are {moved}"


def _plain(account: str) -> str:
    """Return an account without the bank account that it may name."""
    return account.partition(":")[0]


def _sums_are_those_of_lines(books: Books) -> Iterator[str]:
    """What trial balances read, the sums of days and what is not summed, is the ledger."""
    for row in books["sums"]:
        yield f"{row['account']}: sums of days differ from its lines by {row['difference']}"


def _loans_follow_from_their_events(books: Books) -> Iterator[str]:
    """Row, instalments and ledger of a loan are what its terms and events come to."""
    receivable = 0
    for loan in books["loans"]:
        terms = LoanTerms.model_validate_json(loan["terms"])
        events = _events(books, loan["id"])
        stands = position(terms, events, loan["business_date"])
        yield from _loan_row(books, loan, stands)
        yield from _instalments(books, loan, stands)
        ledger = Counter[str]()
        for row in books["entries"]:
            if row["loan_id"] == loan["id"]:
                ledger[_plain(row["account"])] += row["amount"]
        days = [row["business_date"] for row in books["journal"] if row["loan_id"] == loan["id"]]
        should = balances(position(terms, events, max(days))) if days else {}
        if {key: value for key, value in ledger.items() if value} != {
            key.value: value for key, value in should.items() if value
        }:
            yield f"{loan['id']}: the ledger says {dict(ledger)}, its events {dict(should)}"
        receivable += ledger["principal_receivable"]
    outstanding = sum(loan["principal_outstanding"] for loan in books["loans"])
    if receivable != outstanding:
        yield f"principal_receivable is {receivable}, loans owe {outstanding}"


def _events(books: Books, loan_id: str) -> list[LoanEvent]:
    return [
        _EVENT.validate_json(row["event"])
        for row in books["loan_events"]
        if row["loan_id"] == loan_id
    ]


def _loan_row(books: Books, loan: Row, stands: Position) -> Iterator[str]:
    due = stands.next_due
    state = "settled" if stands.settled else "overdue" if stands.total_overdue else "current"
    if stands.written_off_on is not None:
        state = "written_off"
    should = {
        "state": state,
        "bucket": _bucket(books, loan, stands),
        "days_past_due": stands.days_past_due,
        "principal_outstanding": stands.principal_outstanding,
        "next_due_on": due.on if due else None,
        "next_due_amount": due.amount if due else None,
        "settled_on": stands.settled_on,
    }
    for name, value in should.items():
        if loan[name] != value:
            yield f"{loan['id']}: {name} is recorded as {loan[name]}, its events say {value}"


def _bucket(books: Books, loan: Row, stands: Position) -> str:
    """Return the bucket by the version of the policy that the loan names."""
    (text,) = (
        row["content"]
        for row in books["definitions"]
        if f"{row['kind']}/{row['code']}@{row['version']}" == loan["servicing"]
    )
    return SERVICING_POLICY.read(text).bucket_of(stands.days_past_due)


def _instalments(books: Books, loan: Row, stands: Position) -> Iterator[str]:
    recorded = [dict(row) for row in books["instalments"] if row["loan_id"] == loan["id"]]
    should = [
        {
            "loan_id": loan["id"],
            "number": item.number,
            "due_on": item.due_on,
            "principal": item.principal,
            "interest": item.interest,
            "waived_interest": item.interest_waived,
            "penalty": item.penalty,
            "paid_principal": item.principal_paid,
            "paid_interest": item.interest_paid,
            "paid_penalty": item.penalty_paid,
            "state": item.state.value,
            "paid_on": item.paid_on,
            "fee": item.fee,
            "paid_fee": item.fee_paid,
            "waived_principal": item.principal_waived,
            "waived_fee": item.fee_waived,
            "waived_penalty": item.penalty_waived,
            "written_off": item.written_off,
        }
        for item in stands.instalments
    ]
    if recorded != should:
        yield f"{loan['id']}: the instalments are not those of {loan['business_date']}"


def _repayments_are_events(books: Books) -> Iterator[str]:
    """Settled repayments and payment events are the same facts; nothing is allocated twice."""
    settled = {
        f"loan:{row['loan_id']}:repayment:{row['id']}": row["amount"]
        for row in books["repayments"]
        if row["state"] == "settled"
    }
    booked: dict[str, int] = {}
    for row in books["loan_events"]:
        event = _EVENT.validate_json(row["event"])
        if isinstance(event, Paid | PaidOff):
            booked[event.key] = event.amount
    for key in sorted(settled.keys() | booked.keys()):
        if settled.get(key) != booked.get(key):
            yield f"{key}: settled {settled.get(key)}, booked {booked.get(key)}"
    for row in books["repayments"]:
        if (row["order_no"] in books.movements) != (row["state"] == "settled"):
            yield f"{row['id']} is {row['state']}, unlike its order at the bank"


def _lines_add_up(books: Books) -> Iterator[str]:
    for line in books["lines"]:
        drawdowns = [row for row in books["drawdowns"] if row["line_id"] == line["id"]]
        reserved = sum(row["amount"] for row in drawdowns if row["state"] in _IN_FLIGHT)
        loans = [row for row in books["loans"] if row["line_id"] == line["id"]]
        drawn = sum(row["principal_outstanding"] for row in loans)
        if (line["reserved"], line["drawn"]) != (reserved, drawn):
            yield (
                f"{line['id']}: reserved {line['reserved']} and drawn {line['drawn']},"
                f" its drawdowns {reserved} and loans {drawn}"
            )
        if line["mode"] == "single_batch" and len(loans) > 1:
            yield f"{line['id']} was drawn {len(loans)} times"


def _applications_are_decided_once(books: Books) -> Iterator[str]:
    outcomes: dict[str, dict[str, str]] = {}
    for row in books["decisions"]:
        stages = outcomes.setdefault(row["application_id"], {})
        if row["stage"] in stages:
            yield f"{row['application_id']} has two decisions at the stage {row['stage']}"
        stages[row["stage"]] = row["outcome"]
    wanted = {"offered": "approve", "accepted": "approve", "rejected": "reject"}
    for row in books["applications"]:
        decided = outcomes.get(row["id"], {})
        last = decided.get("review", decided.get("automatic"))
        if row["state"] in wanted and last != wanted[row["state"]]:
            yield f"{row['id']} is {row['state']}, decided was {decided}"
    for row in books["reviews"]:
        word = outcomes.get(row["application_id"], {}).get("review")
        said = {"approved": "approve", "rejected": "reject"}.get(row["state"])
        if word != said:
            yield f"{row['application_id']}: the review is {row['state']}, decided was {word}"


def _everything_was_told_in_order(books: Books) -> Iterator[str]:
    told: dict[str, Any] = {}
    for row in books["outbox"]:
        payload = json.loads(row["payload"])
        if row["kind"] == "state_changed":
            mark: Any = payload["state_seq"]
        elif row["aggregate"].startswith("loan:"):
            mark = payload.get("business_date")
        else:
            continue
        before = told.get(row["aggregate"])
        if mark is not None and before is not None and mark < before:
            yield f"{row['aggregate']}: {row['kind']} of {mark} was told after {before}"
        told[row["aggregate"]] = mark if mark is not None else before
    for row in books["applications"]:
        if row["state_seq"] and told.get(f"application:{row['id']}") != row["state_seq"]:
            yield f"{row['id']} is at {row['state_seq']}, told was another state last"
    for row in books["audit"]:
        if not (row["actor"].strip() and row["role"].strip()):
            yield f"audit row {row['id']} ({row['action']}) has no actor"


async def _processes_agree(books: Books, client: Client) -> AsyncIterator[str]:
    """What is not final, and nothing else, has a running process, which says the same."""
    lives = [
        *_expected("application", books["applications"], lambda row: row["state"] not in _FINAL),
        *_expected("drawdown", books["drawdowns"], lambda row: row["state"] in _IN_FLIGHT),
        *_expected("loan", books["loans"], lambda row: row["state"] != "settled"),
        # One that was settled at once never had a process of its own.
        *_expected("repayment", books["repayments"], lambda row: row["state"] == "processing"),
    ]
    running = {item.id async for item in client.list_workflows("ExecutionStatus = 'Running'")}
    for workflow_id, row, should_run in lives:
        if (workflow_id in running) != should_run:
            runs = "ended" if should_run else "runs"
            yield f"{workflow_id} is {row['state']}, its process {runs}"
        elif should_run:
            recorded, said = await _recorded_and_said(books, client, workflow_id, row)
            if recorded != said:
                yield f"{workflow_id} is recorded as {recorded}, its process says {said}"


def _expected(
    kind: str, rows: list[Row], should_run: Callable[[Row], bool]
) -> Iterator[tuple[str, Row, bool]]:
    for row in rows:
        yield f"{kind}:{row['id']}", row, should_run(row)


async def _recorded_and_said(
    books: Books, client: Client, workflow_id: str, row: Row
) -> tuple[Any, Any]:
    """Return the same facts as the record and as the process has them."""
    handle = client.get_workflow_handle(workflow_id)
    kind = workflow_id.partition(":")[0]
    if kind == "application" and row["state_seq"]:
        view = (await handle.query("snapshot", result_type=ApplicationSnapshot)).view
        recorded = (row["state"], row["waiting"], row["state_seq"])
        return recorded, (view.state.value, view.waiting.value, view.state_seq)
    if kind == "loan":
        loan = await handle.query("snapshot", result_type=LoanView)
        events = len(_events(books, row["id"]))
        return (row["principal_outstanding"], events), (loan.principal_outstanding, loan.events)
    return None, None


async def _processes_are_well(client: Client) -> AsyncIterator[str]:
    """No process is stuck on an error of ours, and none ended other than by itself."""
    wrong = "ExecutionStatus in ('Failed', 'TimedOut', 'Terminated', 'Canceled')"
    async for item in client.list_workflows(f"TemporalReportedProblems is not null or {wrong}"):
        status = item.status.name if item.status else "unknown"
        problems = item.search_attributes.get("TemporalReportedProblems")
        yield f"{item.id} is {status} with the problems {problems}"
