"""A bank card that is bound in two steps, in the life of an application."""

from datetime import timedelta

import pytest

from domain.applications.application import ApplicationState, CodeRefused
from domain.verification.elements import ElementKind, Verdict
from sandbox.data_imports import RIGHT_CODE
from tests.integration import story
from tests.workflows.applying import Applying, apply
from tests.workflows.lender import Lender, eventually, person, refused

pytestmark = pytest.mark.usefixtures("more_products")

CARD = ElementKind.BANK_CARD


async def awaiting_code(lender: Lender) -> tuple[Applying, str]:
    """Return an application whose card was sent a code, and the card's element id."""
    who = person()
    applying = await apply(lender, who, product="binding")
    await applying.provide(story.real_name(who), story.operator(who))
    begun = (await applying.provide(story.bank_card(who))).outcomes[0]
    assert begun.verdict is Verdict.AWAITING_CODE
    return applying, begun.element_id


async def test_a_bound_card_completes_the_application(lender: Lender) -> None:
    applying, element_id = await awaiting_code(lender)
    wrong = (await applying.confirm(element_id, "000000")).outcomes[0]
    assert (wrong.verdict, wrong.reason) == (Verdict.AWAITING_CODE, "wrong_code")
    right = (await applying.confirm(element_id, RIGHT_CODE)).outcomes[0]
    assert right.verdict is Verdict.MATCH
    assert (await applying.submit()).state is ApplicationState.OFFERED


async def test_three_wrong_codes_are_a_mismatch_and_end_the_binding(lender: Lender) -> None:
    applying, element_id = await awaiting_code(lender)
    for _ in range(2):
        await applying.confirm(element_id, "000000")
    last = (await applying.confirm(element_id, "000000")).outcomes[0]
    assert (last.verdict, last.reason) == (Verdict.MISMATCH, "too_many_codes")
    with refused(CodeRefused):
        await applying.confirm(element_id, RIGHT_CODE)


async def test_a_code_that_nobody_enters_ends_the_binding_without_a_verdict(
    lender: Lender,
) -> None:
    applying, _ = await awaiting_code(lender)
    await lender.pass_time(applying.workflow_id, timedelta(minutes=16))
    found = await eventually(
        applying.statuses, lambda found: found[CARD].verdict is Verdict.UNAVAILABLE
    )
    assert found[CARD].reason == "no_answer"
