"""The second half of the story: months of instalments, an overdue episode, an early payoff."""

from datetime import date, timedelta
from typing import Final

from local.story import figures
from local.story.borrower import LEVEL
from local.story.client import NOBODY, Answer, until
from local.story.processes import events_of
from local.story.scene import Chapter, Scene
from local.story.terms import AMOUNT, FRONT, MONTHS, RATE, money
from local.story.timeline import expect
from messages import ids

_MISSED: Final = 3
_PAYS_AFTER_DAYS: Final = 6
_PAID_OFF_IN: Final = 6
_DAYS_INTO_MONTH: Final = 15
_RECEIVABLES: Final = ("principal_receivable", "interest_receivable", "penalty_receivable")

SERVICING: Final = Chapter("5  Servicing: two good months, one bad")
PAYOFF: Final = Chapter("6  Early payoff")
CHAPTERS: Final = (SERVICING, PAYOFF)


def plan_row(number: int) -> figures.Row:
    """Return an instalment of the story's plan, worked out without the product's code."""
    return figures.annuity(AMOUNT, RATE, MONTHS)[number - 1]


def _month(chapter: Chapter, number: int) -> None:
    @chapter.step(
        f"Instalment {number} is debited on its due date",
        "the card is debited, the instalment paid",
    )
    async def debited(scene: Scene) -> str:
        before = await events_of(scene.client, scene.process_ids()["loan"])
        due_on = scene.due_dates[number - 1]
        await scene.live_until(due_on)
        debit = await scene.auto_debit(number)
        expect("the debit", (debit["state"], debit["source"]), ("settled", "auto_debit"))
        expect("the amount", debit["amount"], LEVEL)
        found = await scene.instalment(number)
        expect("the instalment", (found["state"], found["paid_on"]), ("paid", str(due_on)))
        await _expect_owed(scene, plan_row(number).balance)
        scene.month_events = await events_of(scene.client, scene.process_ids()["loan"]) - before
        return f"{due_on}: {money(LEVEL)} debited, {money(plan_row(number).balance)} still owed"


async def _expect_owed(scene: Scene, balance: int) -> None:
    loan = await scene.loan()
    expect("the loan's state", loan["state"], "current")
    expect("the principal owed", loan["position"]["principal_outstanding"], balance)


_month(SERVICING, 1)
_month(SERVICING, 2)


@SERVICING.step("Instalment 3 fails", "insufficient funds; the instalment stays due")
async def _misses(scene: Scene) -> str:
    due_on = scene.due_dates[_MISSED - 1]
    await scene.live_until(due_on)
    debit = await scene.auto_debit(_MISSED)
    expect("the debit", (debit["state"], debit["reason"]), ("failed", "insufficient_funds"))
    found = await scene.instalment(_MISSED)
    expect("the instalment", (found["state"], found["outstanding"]), ("due", LEVEL))
    return f"{due_on}: debit of {money(LEVEL)} failed, {debit['reason']}"


@SERVICING.step("The day after", "the loan is overdue and the borrower is reminded")
async def _is_reminded(scene: Scene) -> str:
    day = _day_past_due(scene, 1)
    await scene.live_until(day)
    loan = await scene.loan()
    expect("the loan's state", loan["state"], "overdue")
    expect("days past due", loan["position"]["days_past_due"], 1)
    expect("the bucket", loan["position"]["bucket"], "M1")
    message_id = _action_id(scene, "reminder")
    sent = await scene.sandbox.rows(NOBODY, "/sandbox/messages", message_id=message_id)
    expect("the messages at the gateway", len(sent), 1)
    return f"{day}: overdue, M1; SMS {sent[0]['template']} to {sent[0]['mobile']}"


@SERVICING.step("Four days past due", "a collector has a call to make")
async def _is_called(scene: Scene) -> str:
    day = _day_past_due(scene, 4)
    await scene.live_until(day)
    task_id = _action_id(scene, "first_call")
    tasks = [
        task
        async for task in scene.api.pages("collector", "/v1/collections/tasks")
        if task["id"] == task_id
    ]
    expect("the call tasks of the loan", [task["days_past_due"] for task in tasks], [4])
    result = {"result": "promised", "note": "call_back_later"}
    path = f"/v1/collections/tasks/{task_id}/result"
    done = await scene.api.post("collector", path, result)
    expect("the task's result", done["result"], "promised")
    return f"{day}: {done['handled_by']} called; the borrower promised to pay"


@SERVICING.step(
    "Six days past due the card is debited again, as the borrower asked",
    "what is due and 24 % a year on the late principal; the loan is current",
)
async def _pays_late(scene: Scene) -> str:
    day = _day_past_due(scene, _PAYS_AFTER_DAYS)
    await scene.live_until(day)
    due_on = scene.due_dates[_MISSED - 1]
    penalty = figures.penalty(plan_row(_MISSED).principal, RATE, due_on, day)
    due = (await scene.loan())["position"]["due"]
    expect("the penalty", due["penalty"], penalty)
    repayment = await _repay(scene, {})
    expect("the amount paid", repayment["amount"], LEVEL + penalty)
    found = await scene.instalment(_MISSED)
    expect("the instalment", (found["state"], found["penalty_paid"]), ("paid", penalty))
    await _expect_owed(scene, plan_row(_MISSED).balance)
    return f"{day}: {money(LEVEL)} and {money(penalty)} of penalty paid; current again"


@SERVICING.step("The collections case", "closes with the payment")
async def _case_closes(scene: Scene) -> str:
    handle = scene.client.get_workflow_handle(scene.process_ids()["collections"])
    case = await until(
        handle.describe,
        lambda found: found.status is not None and found.status.name != "RUNNING",
        "the end of the collections case",
    )
    expect("the case", case.status.name if case.status else None, "COMPLETED")
    return "closed: nothing more is sent, nobody calls"


_month(PAYOFF, 4)
_month(PAYOFF, 5)


@PAYOFF.step("In month 6 a payoff is quoted", "the principal owed and the interest earned so far")
async def _quotes_payoff(scene: Scene) -> str:
    since, until_ = scene.due_dates[_PAID_OFF_IN - 2], scene.due_dates[_PAID_OFF_IN - 1]
    day = since + timedelta(days=_DAYS_INTO_MONTH)
    await scene.live_until(day)
    path = f"/v1/loans/{scene.loan_id}/payoff-quotes"
    scene.payoff = await scene.api.post(FRONT, path)
    owed = plan_row(_PAID_OFF_IN - 1).balance
    earned = figures.earned_interest(plan_row(_PAID_OFF_IN).interest, since, until_, day)
    expect("the principal", scene.payoff["principal"], owed)
    expect("the interest earned", scene.payoff["accrued_interest"], earned)
    expect("the payoff", scene.payoff["total"], owed + earned)
    return f"{day}: {money(owed)} and {money(earned)} of interest for {_DAYS_INTO_MONTH} days"


@PAYOFF.step("The payoff is paid", "the loan is settled")
async def _pays_off(scene: Scene) -> str:
    repayment = await _repay(scene, {"payoff_total": scene.payoff["total"]})
    expect("the amount paid", repayment["amount"], scene.payoff["total"])
    loan = await until(scene.loan, lambda one: one["state"] == "settled", "the settlement")
    expect("the principal owed", loan["position"]["principal_outstanding"], 0)
    expect("what is due", loan["position"]["total_due"], 0)
    return f"{money(repayment['amount'])} debited; settled on {loan['position']['settled_on']}"


@PAYOFF.step("The books", "no receivable is left, everything sums to zero")
async def _balances(scene: Scene) -> str:
    sheet = await trial_balance(scene, loan_id=scene.loan_id)
    left = {account: sheet.get(account, 0) for account in _RECEIVABLES}
    expect("the receivables of the loan", left, dict.fromkeys(_RECEIVABLES, 0))
    expect("the sum of the loan's accounts", sum(sheet.values()), 0)
    expect("the sum of all accounts", sum((await trial_balance(scene)).values()), 0)
    earned = -sheet.get("interest_income", 0) - sheet.get("penalty_income", 0)
    expect("cash", sheet.get("cash", 0), earned)
    return f"receivables zero, all accounts sum to zero; {money(earned)} earned"


async def trial_balance(scene: Scene, **of: str) -> dict[str, int]:
    """Return the balances of the ledger by account, of everything or of one loan."""
    sheet = await scene.api.get("analyst", "/v1/ledger/trial-balance", **of)
    return {line["account"]: line["balance"] for line in sheet["balances"]}


async def _repay(scene: Scene, body: Answer) -> Answer:
    path = f"/v1/loans/{scene.loan_id}/repayments"
    taken = await scene.api.post(FRONT, path, body)
    scene.repayment_ids.append(taken["id"])
    ended = await scene.api.ended(f"/v1/repayments/{taken['id']}", "the repayment")
    expect("the repayment", (ended["state"], ended["reason"]), ("settled", None))
    return ended


def _day_past_due(scene: Scene, days: int) -> date:
    return scene.due_dates[_MISSED - 1] + timedelta(days=days)


def _action_id(scene: Scene, step: str) -> str:
    return ids.derived_id("act", scene.loan_id, "1", step)
