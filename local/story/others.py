"""The two other applicants: one is rejected by a rule, one approved by nobody but the score."""

from datetime import date, timedelta
from typing import Final

from domain.common.calendar import business_date
from local.story.client import Answer
from local.story.handing_in import elements_for
from local.story.scene import Applicant, Chapter, Scene
from local.story.terms import AMOUNT, FRONT, ZONE, money
from local.story.timeline import expect
from runtime.clock import utc_now

_LOCKED_FOR: Final = timedelta(days=30)
"""After a rejection for the score: `R08` of the reject codes."""

OTHERS: Final = Chapter("7  Two others, each with all elements in one request")


async def hand_in(scene: Scene, applicant: Applicant) -> Answer:
    """Apply, provide all elements in one request and ask for the decision; return it."""
    await scene.apply(applicant)
    path = f"/v1/applications/{applicant.application_id}/elements"
    given = await elements_for(scene.api, scene.camera, applicant.application_id, applicant.who)
    body = {"elements": given, "submit": True}
    await scene.api.post(FRONT, path, body)
    return await scene.decided(applicant)


@OTHERS.step(
    "A second applicant has a poor score",
    "rejected by a rule, with a day from which to apply again",
)
async def _rejected(scene: Scene) -> str:
    today = business_date(utc_now(), ZONE)
    found = await hand_in(scene, scene.second)
    expect("the state", found["state"], "rejected")
    decision = found["decisions"][0]
    expect("the decision", (decision["outcome"], decision["reject_code"]), ("reject", "R08"))
    reapply_on = date.fromisoformat(found["rejection"]["reapply_on"])
    # Midnight may pass between asking the clock and the decision.
    if reapply_on != today + _LOCKED_FOR + timedelta(days=1):
        expect("the day to apply again", reapply_on, today + _LOCKED_FOR)
    return f"rejected by the rule score ({decision['reject_code']}); may apply again {reapply_on}"


@OTHERS.step("A third applicant has a good score", "approved automatically")
async def _approved(scene: Scene) -> str:
    found = await hand_in(scene, scene.third)
    expect("the state", found["state"], "offered")
    expect("the decision", found["decisions"][0]["outcome"], "approve")
    expect("the offer", found["offer"]["amount"], AMOUNT)
    return f"score {found['decisions'][0]['score']}: offered {money(AMOUNT)}, nobody was asked"
