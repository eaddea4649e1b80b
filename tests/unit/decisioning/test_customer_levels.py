"""Levels by rules: what a history gives, when a level may fall, and which rules make no sense.

Expected levels follow from W32 of the requirements: a minimum time before a fall, a maximum time
until a level is worked out again, and a person's word first while it lasts.
"""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decisioning.customer_levels import (
    CUSTOMER_LEVELS,
    CustomerLevels,
    Held,
    History,
    LevelOverrideTooLong,
    check_customer_levels,
    check_override,
    compute_again_on,
    level_by_rules,
    next_level,
)
from tests.definitions import shipped

LEVELS = shipped(CUSTOMER_LEVELS, "standard")
ON = date(2026, 6, 1)
A_DAY = timedelta(days=1)

NEW = History()
BORROWS = History(loans=1, open_loans=1, days_known=20)
PROVED = History(loans=1, settled_loans=1, days_known=200)
LATE = History(loans=2, open_loans=1, settled_loans=1, days_late=30, worst_days_late=30)


def held(level: int, since: date | None = None, until: date | None = None) -> Held:
    return Held(level, (), since, until)


@pytest.mark.parametrize(
    ("history", "level", "labels"),
    [
        (NEW, 0, ()),
        (BORROWS, 3, ()),
        (PROVED, 4, ("never_late",)),
        (PROVED.model_copy(update={"worst_days_late": 11}), 3, ()),
        (History(loans=4, settled_loans=3, worst_days_late=3), 5, ("repeat_customer",)),
        (History(loans=4, settled_loans=3, worst_days_late=30), 2, ("repeat_customer",)),
        (LATE, 1, ("repeat_customer",)),
        (History(loans=2, settled_loans=1, written_off_loans=1), 0, None),
    ],
)
def test_the_shipped_rules(history: History, level: int, labels: tuple[str, ...] | None) -> None:
    found = level_by_rules(history, LEVELS)
    assert found.level == level
    assert labels is None or found.labels == labels


def test_a_level_rises_at_once_and_falls_after_its_minimum_time() -> None:
    assert next_level(held(3, ON), PROVED, LEVELS, ON).level == 4
    worse = PROVED.model_copy(update={"worst_days_late": 20})
    given_on = ON - timedelta(days=LEVELS.no_fall_before_days)
    assert next_level(held(4, given_on + A_DAY), worse, LEVELS, ON).level == 4
    assert next_level(held(4, given_on), worse, LEVELS, ON).level == 3


def test_thirty_days_late_is_no_reason_to_wait() -> None:
    assert next_level(held(4, ON), LATE, LEVELS, ON).level == 1
    almost = LATE.model_copy(update={"days_late": 29, "worst_days_late": 29})
    assert next_level(held(4, ON), almost, LEVELS, ON).level == 4


def test_what_a_person_set_wins_to_the_end_of_its_last_day() -> None:
    assert next_level(held(9, until=ON), LATE, LEVELS, ON).level == 9
    assert next_level(held(9, until=ON), LATE, LEVELS, ON + A_DAY).level == 1
    # It came from no rule, so that it need not be kept for a minimum time.
    assert next_level(held(9, until=ON), BORROWS, LEVELS, ON + A_DAY).level == 3
    assert compute_again_on(held(9, until=ON), LATE, LEVELS, ON) == ON + A_DAY


def test_when_a_level_is_worked_out_again() -> None:
    maximum = timedelta(days=LEVELS.recompute_after_days)
    assert compute_again_on(held(3), BORROWS, LEVELS, ON) == ON + maximum
    assert compute_again_on(held(3), LATE, LEVELS, ON) == ON + A_DAY
    falls_soon = ON - timedelta(days=LEVELS.no_fall_before_days - 2)
    assert compute_again_on(held(3, falls_soon), BORROWS, LEVELS, ON) == ON + 2 * A_DAY


def test_how_long_a_person_s_level_may_last() -> None:
    last = ON + timedelta(days=LEVELS.override_max_days)
    check_override(ON, LEVELS, ON)
    check_override(last, LEVELS, ON)
    for wrong in (ON - A_DAY, last + A_DAY):
        with pytest.raises(LevelOverrideTooLong, match="until: name a day from 2026-06-01"):
            check_override(wrong, LEVELS, ON)


_COUNTS = st.integers(0, 400)
_HISTORIES = st.builds(History, **dict.fromkeys(History.model_fields, _COUNTS))
_DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(
    history=_HISTORIES,
    level=st.integers(0, 9),
    since=st.none() | _DAYS,
    until=st.none() | _DAYS,
    on=_DAYS,
)
def test_every_step_is_stable(
    history: History, level: int, since: date | None, until: date | None, on: date
) -> None:
    """Worked out twice on one day nothing changes, and the next time lies ahead and not too far."""
    first = next_level(Held(level, (), since, until), history, LEVELS, on)
    kept = until if until is not None and on <= until else None
    now = Held(first.level, first.labels, since if first.level == level else on, kept)
    second = next_level(now, history, LEVELS, on)
    assert (second.level, second.labels) == (first.level, first.labels)
    again = compute_again_on(now, history, LEVELS, on)
    assert on < again <= max(on + timedelta(days=LEVELS.recompute_after_days), (kept or on) + A_DAY)


def _changed(**changes: Any) -> CustomerLevels:
    content = LEVELS.model_dump() | changes
    return CustomerLevels.model_validate(content)


_ANY: dict[str, Any] = {"fact": "loans", "at_least": 1}


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([{"code": "a", "level": 1, "when": [{"fact": "loans"}]}], "rules.0.when.0"),
        ([{"code": "a", "level": 1, "when": [_ANY | {"at_most": 0}]}], "rules.0.when.0"),
        (
            [
                {"code": "a", "level": 1, "when": [_ANY]},
                {"code": "a", "level": 2, "when": [{"fact": "days_late", "at_most": 1}]},
            ],
            "rules.1.code",
        ),
        (
            [
                {"code": "a", "level": 1, "when": [_ANY]},
                {"code": "b", "level": 2, "when": [_ANY | {"at_least": 2}]},
            ],
            "rules.1",
        ),
    ],
)
def test_rules_that_make_no_sense_are_found(rules: list[dict[str, Any]], field: str) -> None:
    found = list(check_customer_levels(_changed(rules=rules), None))  # type: ignore[arg-type]  # not read
    assert [one.field for one in found] == [field]


def test_the_shipped_rules_make_sense() -> None:
    assert list(check_customer_levels(LEVELS, None)) == []  # type: ignore[arg-type]  # not read
    (finding,) = check_customer_levels(_changed(zone="Nowhere"), None)  # type: ignore[arg-type]  # not read
    assert finding.field == "zone"
