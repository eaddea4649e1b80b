"""A face and the registry's photo in the life of an application."""

from domain.applications.application import ApplicationState
from domain.verification.elements import ElementKind, Verdict
from tests.workflows.applying import Applying, apply, six_elements
from tests.workflows.lender import Lender, eventually, person

LIVENESS = ElementKind.LIVENESS


async def provide_all(lender: Lender, key: str) -> tuple[Applying, ApplicationState]:
    applicant = person(key)
    applying = await apply(lender, applicant)
    outcomes = await applying.provide(*six_elements(applicant), submit=True)
    assert {one.kind for one in outcomes.outcomes} == set(await applying.statuses())
    return applying, outcomes.application.state


async def test_who_has_no_registered_photo_is_decided_by_a_person(lender: Lender) -> None:
    """Score and everything else of this person would be approved without one."""
    applying, state = await provide_all(lender, "no_registered_photo")
    assert state is ApplicationState.IN_REVIEW
    face = (await applying.statuses())[LIVENESS]
    assert (face.verdict, face.reason) == (Verdict.MISMATCH, "no_registered_photo")
    assert (await applying.review("approve")).state is ApplicationState.OFFERED


async def test_who_is_not_the_registered_person_comes_no_further(lender: Lender) -> None:
    applying, state = await provide_all(lender, "registered_as_another")
    assert state is ApplicationState.COLLECTING
    face = (await applying.statuses())[LIVENESS]
    assert (face.verdict, face.reason) == (Verdict.MISMATCH, "not_the_registered_person")


async def test_a_registry_that_is_down_is_waited_for(lender: Lender) -> None:
    await lender.simulators.fault("registered_photo", status=503)
    applying, state = await provide_all(lender, "approved")
    assert state is ApplicationState.COLLECTING
    assert (await applying.statuses())[LIVENESS].verdict is None

    await lender.simulators.repair()

    await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)
