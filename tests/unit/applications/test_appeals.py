"""Who may have a person look at a rejection: whom a program rejected, once, within a time.

PIPL article 24: of an automated decision with a material effect a person may ask for an
explanation, and refuse that only a program decides. The 30 days are ours, in the table of codes.
"""

from datetime import UTC, datetime, timedelta

import pytest

from domain.applications.appeals import AppealRefused, check_may_appeal
from domain.applications.application import ApplicationState, Rejection
from domain.common.reject_codes import REJECT_CODES, RejectCode, RejectCodes, check_reject_codes
from services.definitions.shipped import shipped

REJECTED_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)


def shipped_codes() -> RejectCodes:
    (found,) = [one.content for one in shipped() if one.kind is REJECT_CODES]
    return RejectCodes.model_validate(found)


@pytest.mark.parametrize(
    ("code", "may"),
    [("R01", True), ("R02", True), ("R05", True), ("R08", True), ("R13", False), ("R14", False)],
)
def test_what_a_program_rejected_may_be_appealed(code: str, may: bool) -> None:
    def appeal() -> None:
        rejection = Rejection(code=code, reapply_on=None)
        check_may_appeal(
            ApplicationState.REJECTED,
            rejection,
            REJECTED_AT,
            REJECTED_AT,
            shipped_codes(),
            by_person=False,
        )

    if may:
        appeal()
        return
    with pytest.raises(AppealRefused):
        appeal()


@pytest.mark.parametrize(
    ("late", "may"), [(timedelta(days=30, seconds=-1), True), (timedelta(days=30), False)]
)
def test_an_appeal_comes_within_the_time_of_the_table(late: timedelta, may: bool) -> None:
    rejection, codes = Rejection(code="R08", reapply_on=None), shipped_codes()
    at = REJECTED_AT + late
    if may:
        check_may_appeal(
            ApplicationState.REJECTED, rejection, REJECTED_AT, at, codes, by_person=False
        )
        return
    with pytest.raises(AppealRefused, match="2026-04-01 04:00 UTC"):
        check_may_appeal(
            ApplicationState.REJECTED, rejection, REJECTED_AT, at, codes, by_person=False
        )


@pytest.mark.parametrize("state", [one for one in ApplicationState if one != "rejected"])
def test_only_a_rejection_can_be_appealed(state: ApplicationState) -> None:
    with pytest.raises(AppealRefused, match=state):
        check_may_appeal(state, None, REJECTED_AT, REJECTED_AT, shipped_codes(), by_person=False)


def test_a_table_that_lets_a_reviewer_s_rejection_be_appealed_is_not_in_order() -> None:
    codes = shipped_codes()
    wrong = codes.model_copy(
        update={
            "codes": tuple(
                RejectCode.model_validate({**one.model_dump(), "may_appeal": True})
                for one in codes.codes
            )
        }
    )
    fields = [one.field for one in check_reject_codes(wrong, None)]  # type: ignore[arg-type]
    assert fields == ["codes.7.may_appeal"]
