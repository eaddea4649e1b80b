"""The first half of the story: from an application to a disbursed loan."""

from datetime import date
from typing import Final

from local.story import figures
from local.story.client import NOBODY, Answer, until
from local.story.handing_in import element_for
from local.story.people import KINDS
from local.story.scene import Chapter, Scene
from local.story.terms import AMOUNT, FRONT, MONTHS, RATE, money
from local.story.timeline import Unexpected, expect
from sandbox.pictures import Quality

LEVEL: Final = 94_560
LAST: Final = 94_555
"""What an annuity of 2 % a month asks for: eleven times the level instalment, then the last."""

APPLICATION: Final = Chapter("1  Application")
ELEMENTS: Final = Chapter("2  Six elements, each verified by a third party")
DECISION: Final = Chapter("3  Decision")
DRAWDOWN: Final = Chapter("4  Offer, plan, drawdown")
CHAPTERS: Final = (APPLICATION, ELEMENTS, DECISION, DRAWDOWN)

_SPOKEN: Final = {
    "real_name": "Real name: name and identity number",
    "operator": "Operator: the mobile belongs to the same person",
    "personal_information": "Personal information with two contacts",
    "identity_card": "Identity card, both sides, taken again",
    "liveness": "Liveness and comparison of the face",
    "bank_card": "Bank card: number, name, identity and mobile belong together",
}


@APPLICATION.step(
    f"Applies for {money(AMOUNT)} over {MONTHS} months at {RATE} % a year, channel app",
    "the application collects six elements",
)
async def _apply(scene: Scene) -> str:
    found = await scene.apply(scene.borrower)
    expect("the state", found["state"], "collecting")
    expect("what is asked for", sorted(found["missing"]), sorted(KINDS))
    return f"{found['id']}, {len(found['missing'])} elements are asked for"


async def _provide(scene: Scene, kind: str, quality: Quality = "clear") -> Answer:
    """Provide one element and return it once its source has answered."""
    applicant = scene.borrower
    body = await element_for(
        scene.api, scene.camera, applicant.application_id, applicant.who, kind, quality
    )
    path = f"/v1/applications/{scene.borrower.application_id}/elements"
    given = await scene.api.post(FRONT, path, {"elements": [body]})
    element_id = given["elements"][0]["element_id"]

    async def read() -> Answer:
        found = await scene.application(scene.borrower)
        elements: list[Answer] = found["elements"]
        return next(one for one in elements if one["element_id"] == element_id)

    return await until(read, lambda one: one["verdict"] != "pending", f"the verdict on {kind}")


def _provides(kind: str) -> None:
    attempt = 2 if kind == "identity_card" else 1

    @ELEMENTS.step(_SPOKEN[kind], "match")
    async def provide(scene: Scene) -> str:
        found = await _provide(scene, kind)
        expect("the verdict", (found["verdict"], found["reason"]), ("match", None))
        expect("the attempt", found["attempt"], attempt)
        return "match" if attempt == 1 else f"match, attempt {attempt}"


async def _provide_blurred(scene: Scene) -> str:
    found = await _provide(scene, "identity_card", "blurred")
    expect("the verdict", found["verdict"], "mismatch")
    if "blurred" not in str(found["reason"]):
        raise Unexpected(f"the reason is {found['reason']!r}, not that the picture is blurred")
    return f"refused: {found['reason']}"


for _kind in KINDS:
    if _kind == "identity_card":
        ELEMENTS.step(
            "Identity card, both sides; the picture is blurred",
            "refused, with the reason; it may be taken again",
        )(_provide_blurred)
    _provides(_kind)


@DECISION.step("Submits the application", "the score refers it to a reviewer")
async def _submit(scene: Scene) -> str:
    path = f"/v1/applications/{scene.borrower.application_id}/submit"
    await scene.api.post(FRONT, path)
    found = await scene.decided(scene.borrower)
    expect("the state", (found["state"], found["waiting"]), ("in_review", "reviewer"))
    decision = found["decisions"][0]
    expect("the decision", decision["outcome"], "refer")
    rules = ", ".join(hit["rule"] for hit in decision["rules"])
    return f"score {decision['score']}: referred to a person by the rule {rules}"


@DECISION.step("A reviewer approves", "an offer of what was applied for")
async def _approve(scene: Scene) -> str:
    path = f"/v1/reviews/{scene.borrower.application_id}/approve"
    await scene.api.post("reviewer", path, {"reason": "income and employer confirmed by phone"})
    found = await scene.decided(scene.borrower)
    expect("the state", found["state"], "offered")
    offer = found["offer"]
    scene.offer_id = offer["id"]
    expect("the offer", (offer["amount"], offer["instalments"]), (AMOUNT, MONTHS))
    return f"offered: {money(offer['amount'])}, {MONTHS} months, {offer['annual_rate']} % a year"


@DRAWDOWN.step("Accepts the offer", "a credit line of the amount is open")
async def _accept(scene: Scene) -> str:
    await scene.api.post(FRONT, f"/v1/offers/{scene.offer_id}/accept")
    found = await until(
        lambda: scene.application(scene.borrower), lambda one: bool(one["line_id"]), "the line"
    )
    scene.line_id = found["line_id"]
    line = await scene.api.get("ops", f"/v1/lines/{scene.line_id}")
    expect("the line", (line["state"], line["available"]), ("active", AMOUNT))
    return f"{scene.line_id}: {money(line['available'])} to draw"


@DRAWDOWN.step(
    "Has a plan quoted", f"{MONTHS - 1} instalments of {money(LEVEL)} and one of {money(LAST)}"
)
async def _quote(scene: Scene) -> str:
    scene.quote = await scene.api.post(
        FRONT, f"/v1/lines/{scene.line_id}/quotes", {"amount": AMOUNT, "instalments": MONTHS}
    )
    rows = scene.quote["plan"]
    shown = [figures.Row(row["principal"], row["interest"], row["balance_after"]) for row in rows]
    expect("the plan", shown, figures.annuity(AMOUNT, RATE, MONTHS))
    expect("the instalments", [row["total"] for row in rows], [LEVEL] * (MONTHS - 1) + [LAST])
    return (
        f"{MONTHS - 1} x {money(LEVEL)}, last {money(LAST)}; hash {scene.quote['plan_hash'][:12]}"
    )


@DRAWDOWN.step(
    "Confirms the drawdown against that plan", "the contract is signed and the money disbursed"
)
async def _draw(scene: Scene) -> str:
    body = {"quote_id": scene.quote["id"], "plan_hash": scene.quote["plan_hash"]}
    taken = await scene.api.post(FRONT, f"/v1/lines/{scene.line_id}/drawdowns", body)
    scene.drawdown_id, scene.loan_id = taken["id"], taken["loan_id"]
    drawdown = await scene.api.ended(f"/v1/drawdowns/{taken['id']}", "the disbursement")
    expect("the drawdown", (drawdown["state"], drawdown["failure"]), ("disbursed", None))
    return f"contract {drawdown['contract_no'][:12]}... signed, {money(drawdown['amount'])} sent"


@DRAWDOWN.step("The bank's own book", "exactly one disbursement")
async def _sent_once(scene: Scene) -> str:
    book = await scene.sandbox.get(
        NOBODY, "/sandbox/book", order_no=f"D-{scene.drawdown_id}", kind="disbursement"
    )
    moved = [movement["amount"] for movement in book["movements"]]
    expect("the movements in the bank's book", moved, [AMOUNT])
    return f"one movement of {money(AMOUNT)}"


@DRAWDOWN.step("The plan that is billed", "the quoted one, to the fen")
async def _same_plan(scene: Scene) -> str:
    plan = await scene.api.get("ops", f"/v1/loans/{scene.loan_id}/plan")
    charged = [(row["principal"], row["interest"]) for row in plan["rows"]]
    quoted = [(row["principal"], row["interest"]) for row in scene.quote["plan"]]
    expect("the loan's plan", charged, quoted)
    loan = await scene.loan()
    # A drawdown that midnight overtakes is due on other days, for the same amounts.
    if loan["disbursed_on"] == scene.quote["disbursed_on"]:
        expect("the hash of the loan's plan", loan["plan_hash"], scene.quote["plan_hash"])
    scene.due_dates = tuple(date.fromisoformat(row["due_on"]) for row in plan["rows"])
    return f"{scene.loan_id}: due first on {scene.due_dates[0]}, last on {scene.due_dates[-1]}"
