"""Three mismatches a day for one person, then a day's lock."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.verification.limits import ASK_AGAIN, Attempts, locked_until

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def ago(*hours: float) -> list[datetime]:
    return [NOW - timedelta(hours=one) for one in hours]


@pytest.mark.parametrize("hours", [(), (1,), (1, 2), (0, 0), (1, 2, 25.5), (24, 25, 26)])
def test_fewer_than_three_in_a_day_lock_nothing(hours: tuple[float, ...]) -> None:
    assert locked_until(Attempts(ago(*hours), 0), 3, NOW) is None


@pytest.mark.parametrize(
    ("hours", "hours_left"),
    [
        ((0, 0, 0), 24),
        ((1, 2, 3), 23),
        ((3, 1, 2), 23),
        # The first has left the day that counts; the lock that the third began goes on.
        ((5, 20, 28), 19),
        ((23.5, 30, 40), 0.5),
        # A fourth, which was under way when the third was answered, begins the day anew.
        ((1, 5, 6, 7), 23),
    ],
)
def test_the_third_in_a_day_locks_for_a_day(hours: tuple[float, ...], hours_left: float) -> None:
    assert locked_until(Attempts(ago(*hours), 0), 3, NOW) == NOW + timedelta(hours=hours_left)


@pytest.mark.parametrize(
    ("hours", "under_way", "free"),
    [((), 2, True), ((1,), 1, True), ((1, 2), 1, False), ((), 3, False), ((1, 30), 1, True)],
)
def test_a_try_under_way_takes_its_place(
    hours: tuple[float, ...], under_way: int, free: bool
) -> None:
    expected = None if free else NOW + ASK_AGAIN
    assert locked_until(Attempts(ago(*hours), under_way), 3, NOW) == expected
