"""How well a customer is known: a level and labels, by rules over the history with the lender.

The rules are a definition in force, read whenever a level is worked out. A person may set another
level for a time, which goes before the rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.errors import FieldError
from domain.common.zones import ZONES

STANDARD_LEVELS: Final = "standard"
"""The rules that levels go by, by code of the definition."""

HistoryFact = Literal[
    "loans",
    "open_loans",
    "settled_loans",
    "written_off_loans",
    "days_late",
    "worst_days_late",
    "days_known",
    "applications",
    "rejections",
]

_Days = Annotated[int, Field(strict=True, ge=1, le=3650)]
_Level = Annotated[int, Field(strict=True, ge=0, le=9)]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class History(Data):
    """What one person has to do with the lender, in all channels.

    `days_late` is that of the unpaid instalment which fell due first, 0 without one;
    `worst_days_late` the longest that any instalment was paid, or is unpaid, after its due date.
    `days_known` counts from the first loan. Calendar days where the loan is.
    """

    loans: int = 0
    open_loans: int = 0
    settled_loans: int = 0
    written_off_loans: int = 0
    days_late: int = 0
    worst_days_late: int = 0
    days_known: int = 0
    applications: int = 0
    rejections: int = 0


class LevelCondition(Content):
    """A fact of the history lies within bounds, both included; one of them is enough."""

    fact: HistoryFact
    at_least: int | None = Field(default=None, strict=True, ge=0)
    at_most: int | None = Field(default=None, strict=True, ge=0)

    def holds(self, history: History) -> bool:
        """Say whether it holds."""
        value: int = getattr(history, self.fact)
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


class LevelRule(Content):
    """Who fulfils all conditions has the level, unless an earlier rule said otherwise."""

    code: _Name
    level: _Level
    when: tuple[LevelCondition, ...] = Field(min_length=1, max_length=20)


class LabelRule(Content):
    """Who fulfils all conditions has the label."""

    label: _Name
    when: tuple[LevelCondition, ...] = Field(min_length=1, max_length=20)


class CustomerLevels(Content):
    """Rules for levels and labels, and when they are worked out again.

    A level that the rules gave stays `no_fall_before_days`, unless a loan is `falls_at_days_late`.
    Days begin in `zone`.
    """

    zone: str = Field(max_length=64)
    recompute_after_days: _Days
    no_fall_before_days: _Days
    falls_at_days_late: _Days
    override_max_days: _Days
    otherwise: _Level
    rules: tuple[LevelRule, ...] = Field(max_length=50)
    labels: tuple[LabelRule, ...] = Field(default=(), max_length=20)


class LevelOverrideTooLong(FieldError):
    """A level that a person sets has to end on a day to come, within the longest time."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level with its labels; `rule` is the code of the rule that gave it, None without one."""

    level: int
    labels: tuple[str, ...]
    rule: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """The level that a person has.

    `since` is the day on which the rules gave it, None for one that did not come from rules;
    `until` the last day of one that a person set.
    """

    level: int
    labels: tuple[str, ...]
    since: date | None
    until: date | None


def level_by_rules(history: History, levels: CustomerLevels) -> Level:
    """Return what the rules say of a history."""
    labels = tuple(one.label for one in levels.labels if _all_hold(one.when, history))
    first = next((one for one in levels.rules if _all_hold(one.when, history)), None)
    if first is None:
        return Level(levels.otherwise, labels, None)
    return Level(first.level, labels, first.code)


def next_level(held: Held, history: History, levels: CustomerLevels, on: date) -> Level:
    """Return the level that a person has from the day `on`.

    What a person set counts to the end of its last day. A level does not fall too early; the labels
    follow the rules at once.
    """
    if held.until is not None and on <= held.until:
        return Level(held.level, held.labels, None)
    ruled = level_by_rules(history, levels)
    if ruled.level >= held.level or _may_fall(held, history, levels, on):
        return ruled
    return Level(held.level, ruled.labels, None)


def compute_again_on(held: Held, history: History, levels: CustomerLevels, on: date) -> date:
    """Return when a level that was worked out on `on` has to be worked out again.

    That is the day after a person's own ends, tomorrow while something is late, and otherwise the
    maximum time, or the day on which the level may fall if that is earlier.
    """
    if held.until is not None and on <= held.until:
        return held.until + timedelta(days=1)
    if history.days_late > 0:
        return on + timedelta(days=1)
    latest = on + timedelta(days=levels.recompute_after_days)
    if held.since is None:
        return latest
    falls = held.since + timedelta(days=levels.no_fall_before_days)
    return min(latest, falls) if falls > on else latest


def check_override(until: date, levels: CustomerLevels, on: date) -> None:
    """Raise `LevelOverrideTooLong` unless a level may be set until a day."""
    last = on + timedelta(days=levels.override_max_days)
    if not on <= until <= last:
        raise LevelOverrideTooLong(
            f"until: name a day from {on} to {last}, the last on which the level counts",
            field="until",
        )


def _may_fall(held: Held, history: History, levels: CustomerLevels, on: date) -> bool:
    if held.since is None or history.days_late >= levels.falls_at_days_late:
        return True
    return on >= held.since + timedelta(days=levels.no_fall_before_days)


def _all_hold(conditions: Sequence[LevelCondition], history: History) -> bool:
    return all(one.holds(history) for one in conditions)


def check_customer_levels(levels: CustomerLevels, _: InForce) -> Iterator[Finding]:
    """Say what is wrong: rules twice, conditions without bounds or that nothing fulfils."""
    if levels.zone not in ZONES:
        yield Finding("zone", "there is no such time zone", "Asia/Shanghai")
    yield from _twice("rules", "code", [one.code for one in levels.rules])
    yield from _twice("labels", "label", [one.label for one in levels.labels])
    for number, rule in enumerate(levels.rules):
        yield from _pointless(f"rules.{number}", rule.when)
    for number, label in enumerate(levels.labels):
        yield from _pointless(f"labels.{number}", label.when)
    for number, later in enumerate(levels.rules):
        for earlier in levels.rules[:number]:
            if all(any(_implies(own, other) for own in later.when) for other in earlier.when):
                yield Finding(
                    f"rules.{number}",
                    f"it never gives a level: whoever fulfils it fulfils {earlier.code} before",
                    "put the narrower rule first",
                )
                break


def _pointless(where: str, conditions: Sequence[LevelCondition]) -> Iterator[Finding]:
    for place, one in enumerate(conditions):
        field = f"{where}.when.{place}"
        if one.at_least is None and one.at_most is None:
            yield Finding(field, "it says neither at_least nor at_most", "at_least = 1")
        elif one.at_most is not None and (one.at_least or 0) > one.at_most:
            yield Finding(field, f"nothing is at least {one.at_least} and at most {one.at_most}")


def _implies(one: LevelCondition, other: LevelCondition) -> bool:
    """Say whether whoever fulfils one condition fulfils the other."""
    lowest, highest = one.at_least or 0, one.at_most
    return (
        one.fact == other.fact
        and lowest >= (other.at_least or 0)
        and (other.at_most is None or (highest is not None and highest <= other.at_most))
    )


def _twice(part: str, name: str, codes: Sequence[str]) -> Iterator[Finding]:
    for number, code in enumerate(codes):
        if code in codes[:number]:
            yield Finding(f"{part}.{number}.{name}", f"{code} stands there twice", "another name")


CUSTOMER_LEVELS: Final = Kind("customer_levels", CustomerLevels, check_customer_levels)
