"""What counts of earlier verifications, and when an applicant is reminded of what is missing."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.applications.application import next_reminder
from domain.applications.reusable_verifications import (
    DrawdownElementsMissing,
    EarlierVerification,
    check_may_draw,
    usable_verifications,
)
from domain.common.masking import masked_name, masked_number
from domain.people.consents import Purpose
from domain.verification.elements import ElementKind
from tests.products import CASH, changed

ZONE = ZoneInfo("Asia/Shanghai")
VERIFIED_ON = date(2026, 3, 1)
CARD, FACE, NAME = ElementKind.BANK_CARD, ElementKind.LIVENESS, ElementKind.REAL_NAME
DRAWING = changed(CASH, drawdown_elements=(CARD,))


def kept(
    kind: ElementKind,
    *,
    own: bool = True,
    on: date = VERIFIED_ON,
    name: str = "elt_1",
    valid_until: date | None = None,
) -> EarlierVerification:
    return EarlierVerification(
        kind=kind,
        element_id=name,
        application_id="app_1",
        verified_at=datetime(on.year, on.month, on.day, 4, tzinfo=UTC),
        valid_until=valid_until,
        own=own,
    )


def used(
    *items: EarlierVerification,
    on: date = VERIFIED_ON,
    consented: Collection[Purpose] = tuple(Purpose),
    is_present: bool = False,
) -> dict[ElementKind, str]:
    found = usable_verifications(
        CASH, tuple(ElementKind), items, on, consented=consented, is_present=is_present
    )
    return {item.kind: item.element_id for item in found}


@pytest.mark.parametrize(("days", "counts"), [(0, True), (30, True), (31, False)])
def test_a_card_counts_for_thirty_days(days: int, counts: bool) -> None:
    assert bool(used(kept(CARD), on=VERIFIED_ON + timedelta(days=days))) == counts


def test_what_ends_of_itself_counts_no_longer() -> None:
    until = VERIFIED_ON + timedelta(days=3)
    assert used(kept(CARD, valid_until=until), on=until)
    assert not used(kept(CARD, valid_until=until), on=until + timedelta(days=1))


def test_what_is_not_consented_to_any_more_is_not_used_again() -> None:
    others = set(Purpose) - {Purpose.BANK_CARD_VERIFICATION}
    assert used(kept(CARD), kept(NAME), consented=others) == {NAME: "elt_1"}
    with pytest.raises(DrawdownElementsMissing):
        check_may_draw(DRAWING, [kept(CARD)], VERIFIED_ON, others)


def test_what_the_policies_do_not_know_is_left_alone() -> None:
    """A kind that came up after an application was agreed, verified for another one."""
    policies = CASH.elements.content.policies
    older = CASH.elements.content.model_copy(
        update={"policies": tuple(one for one in policies if one.kind is not CARD)}
    )
    agreed = CASH.model_copy(
        update={"elements": CASH.elements.model_copy(update={"content": older})}
    )
    found = usable_verifications(
        agreed,
        (CARD, NAME),
        [kept(CARD), kept(NAME)],
        VERIFIED_ON,
        consented=tuple(Purpose),
        is_present=False,
    )
    assert [item.kind for item in found] == [NAME]


def test_another_channels_counts_only_for_who_is_present() -> None:
    assert used(kept(CARD, own=False)) == {}
    assert used(kept(CARD, own=False), is_present=True) == {CARD: "elt_1"}


def test_a_face_is_shown_in_every_channel_anew() -> None:
    assert used(kept(FACE)) == {FACE: "elt_1"}
    assert used(kept(FACE, own=False), is_present=True) == {}


def test_ones_own_comes_first_and_then_the_latest() -> None:
    later = VERIFIED_ON + timedelta(days=5)
    items = (
        kept(CARD, own=False, on=later, name="theirs"),
        kept(CARD, name="mine"),
        kept(NAME, name="early"),
        kept(NAME, on=later, name="late"),
    )
    assert used(*items, on=later, is_present=True) == {CARD: "mine", NAME: "late"}


def test_a_drawdown_needs_its_elements_and_those_of_the_application_count() -> None:
    check_may_draw(DRAWING, [kept(CARD)], VERIFIED_ON, tuple(Purpose))
    check_may_draw(CASH, [], VERIFIED_ON, ())
    for items, on in (
        ([], VERIFIED_ON),
        ([kept(NAME)], VERIFIED_ON),
        ([kept(CARD)], VERIFIED_ON + timedelta(days=31)),
        ([kept(CARD, own=False)], VERIFIED_ON),
    ):
        with pytest.raises(DrawdownElementsMissing, match="bank_card"):
            check_may_draw(DRAWING, items, on, tuple(Purpose))


def test_reminders_follow_the_product_and_end() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=ZONE)
    assert next_reminder(CASH, at, 0) == at + timedelta(days=1)
    assert next_reminder(CASH, at, 1) == at + timedelta(days=3)
    assert next_reminder(CASH, at, 2) is None


def test_masks_hide_what_they_are_to_hide() -> None:
    assert masked_name("张伟") == "张*"
    assert masked_number("11010519491231002X", head=3, tail=4) == "110***********002X"
    assert masked_number("6212262308004359191", head=0, tail=4) == "***************9191"
    assert masked_number("123", head=3, tail=4) == "***"
