"""The last chapter: a loan is left overdue, and everything that speaks of it says the same."""

from datetime import date, timedelta
from typing import Final

from local.story import figures
from local.story.borrower import LEVEL
from local.story.client import NOBODY, Answer, until
from local.story.reconciling import reconcile
from local.story.scene import Chapter, Scene
from local.story.terms import AMOUNT, FRONT, MONTHS, RATE, money
from local.story.timeline import expect

_LATE_DAYS: Final = 9
_SAME: Final = ("state", "bucket", "days_past_due", "principal_outstanding")

OVERDUE: Final = Chapter("8  A loan that stays overdue")


@OVERDUE.step("The third applicant draws the money", "the loan runs")
async def _draws(scene: Scene) -> str:
    found = await scene.application(scene.third)
    await scene.api.post(FRONT, f"/v1/offers/{found['offer']['id']}/accept")
    opened = await until(
        lambda: scene.application(scene.third), lambda one: bool(one["line_id"]), "the line"
    )
    line = f"/v1/lines/{opened['line_id']}"
    wanted = {"amount": AMOUNT, "instalments": MONTHS}
    quote = await scene.api.post(FRONT, f"{line}/quotes", wanted)
    body = {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]}
    taken = await scene.api.post(FRONT, f"{line}/drawdowns", body)
    drawdown = await scene.api.ended(f"/v1/drawdowns/{taken['id']}", "the disbursement")
    expect("the drawdown", (drawdown["state"], drawdown["failure"]), ("disbursed", None))
    scene.overdue_loan_id = taken["loan_id"]
    return f"{taken['loan_id']}: {money(AMOUNT)} sent"


@OVERDUE.step(
    f"The first debit fails, and {_LATE_DAYS} days pass",
    "the loan and the list of loans say how late it is today",
)
async def _is_late(scene: Scene) -> str:
    fault = {
        "provider": "payments",
        "operation": "debit",
        "order_outcome": "insufficient_funds",
        "times": 1,
    }
    await scene.sandbox.put_row(NOBODY, "/sandbox/faults", fault)
    due_on = date.fromisoformat((await _loan(scene))["position"]["next_due"]["on"])
    day = due_on + timedelta(days=_LATE_DAYS)
    noon = await scene.travel.noon_of(scene.overdue_loan_id, day)
    await scene.travel.advance(scene.overdue_loan_id, noon)
    loan = await _loan(scene)
    stands = loan["position"]
    penalty = figures.penalty(figures.annuity(AMOUNT, RATE, MONTHS)[0].principal, RATE, due_on, day)
    expect("the days past due", (loan["state"], stands["days_past_due"]), ("overdue", _LATE_DAYS))
    expect("what is due", stands["total_due"], LEVEL + penalty)
    listed = [
        one
        async for one in scene.api.pages("ops", "/v1/loans", state="overdue")
        if one["id"] == scene.overdue_loan_id
    ]
    said = [{name: one[name] for name in _SAME} for one in listed]
    itself = {name: loan.get(name, stands.get(name)) for name in _SAME}
    expect("the loan in the list", said, [itself])
    return f"{day}: {money(LEVEL)} and {money(penalty)} of penalty due, here and in the list"


@OVERDUE.step("All books, the overdue loan among them", "ledger, positions and lists agree")
async def _agrees(scene: Scene) -> str:
    found = await reconcile(scene.api)
    expect("the differences", found["differences"], [])
    expect("the books", found["reconciled"], True)
    return f"{found['loans']} loans, {found['differing_loans']} differ"


async def _loan(scene: Scene) -> Answer:
    return await scene.api.get("ops", f"/v1/loans/{scene.overdue_loan_id}")
