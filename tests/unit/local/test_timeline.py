"""The story's own parts: steps as they are told, figures worked out apart, people's elements."""

import io
import json
from datetime import date
from fractions import Fraction
from typing import Literal

import pytest
from pydantic import TypeAdapter
from rich.console import Console
from rich.text import Text

from domain.verification.elements import Element
from local.story import figures
from local.story.client import Late, Refusal
from local.story.people import KINDS, NAMES, elements, someone
from local.story.timeline import JsonLines, Screen, Timeline, Unexpected, expect
from tests.products import CASH

COLOURS: tuple[Literal["truecolor"] | None, ...] = (None, "truecolor")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def succeed() -> str:
    return "as it was told"


async def fail() -> str:
    expect("the state", "rejected", "offered")
    return "never"


async def refused() -> str:
    raise Refusal("forbidden", "not for you", 403)


def on_screen(width: int = 100) -> tuple[Screen, io.StringIO]:
    text = io.StringIO()
    return Screen(Console(file=text, width=width)), text


async def test_a_step_that_comes_out_as_told_is_ticked_and_timed() -> None:
    clock = Clock()
    screen, text = on_screen()
    timeline = Timeline(screen, clock=clock)
    timeline.reporter.chapter("1  Application")

    async def act() -> str:
        clock.seconds += 1.5
        return "app_1"

    assert await timeline.step("Applies", "collecting", act)
    assert timeline.failure is None
    assert (timeline.steps[0].seconds, timeline.steps[0].at) == (1.5, 1.5)
    lines = [line.split() for line in text.getvalue().splitlines() if line.strip()]
    assert lines == [["1", "Application"], ["✓", "1.5", "s", "Applies"], ["app_1"]]


async def test_a_step_that_comes_out_otherwise_says_what_was_expected_and_what_came() -> None:
    screen, text = on_screen()
    timeline = Timeline(screen)
    assert await timeline.step("First", "anything", succeed)
    assert not await timeline.step("The decision", "an offer", fail)
    assert timeline.failure is timeline.steps[1]
    told = text.getvalue()
    assert "✗" in told
    assert "expected: an offer" in told
    assert "came out: the state is 'rejected', expected 'offered'" in told


async def test_errors_that_mean_the_same_fail_the_step_and_others_are_bugs() -> None:
    screen, _ = on_screen()
    timeline = Timeline(screen, unexpected=(Refusal,))
    assert not await timeline.step("Asks", "an answer", refused)
    assert timeline.steps[0].otherwise == "not for you (forbidden)"
    with pytest.raises(Refusal):
        await Timeline(screen).step("Asks", "an answer", refused)


async def test_colour_adds_nothing_to_the_words() -> None:
    told = []
    for colour in COLOURS:
        text = io.StringIO()
        console = Console(file=text, width=80, color_system=colour, legacy_windows=False)
        timeline = Timeline(Screen(console), clock=Clock())
        await timeline.step("Pays", "paid", succeed)
        await timeline.step("Pays again", "paid", fail)
        told.append(text.getvalue())
    plain, coloured = told
    assert "✓  0.0 s Pays" in plain
    assert plain != coloured
    assert Text.from_ansi(coloured).plain.split() == plain.split()


async def test_programs_get_one_object_a_line() -> None:
    lines: list[str] = []
    timeline = Timeline(JsonLines(lines.append), clock=Clock())
    timeline.reporter.chapter("1  申请")
    await timeline.step("Pays", "paid", fail)
    timeline.reporter.table("Events", ("process", "events"), [("loan", "12")])
    chapter, step, table = [json.loads(line) for line in lines]
    assert chapter == {"event": "chapter", "title": "1  申请"}
    assert (step["event"], step["ok"], step["seconds"]) == ("step", False, 0)
    assert table["rows"] == [{"process": "loan", "events": "12"}]


def test_expecting_what_came_is_silent() -> None:
    expect("the amount", 94_560, 94_560)
    with pytest.raises(Unexpected, match="the amount is 1, expected 2"):
        expect("the amount", 1, 2)


def test_a_wait_in_vain_says_for_what() -> None:
    said = str(Late("the disbursement", 20.0))
    assert said.startswith("the disbursement did not come within 20 s, ")
    assert said.endswith("look again later (late)")


# An annuity of 10,000.00 at 2 % a month for 12 months, from any loan calculator: 945.60 a month;
# the last takes 0.05 less. Row 3 by hand: 8,493.89 x 2 % = 169.88, 945.60 - 169.88 = 775.72.
def test_the_figures_of_the_story_are_those_of_an_annuity() -> None:
    rows = figures.annuity(1_000_000, 24, 12)
    assert [row.total for row in rows] == [94_560] * 11 + [94_555]
    assert rows[2] == figures.Row(principal=77_572, interest=16_988, balance=771_817)
    assert rows[-1].balance == 0


def test_penalty_and_earned_interest_count_actual_days() -> None:
    # 775.72 x 24 % x 6 / 365 = 3.0604; 122.40 x 15 / 30 = 61.20
    assert figures.penalty(77_572, 24, date(2027, 2, 22), date(2027, 2, 28)) == 306
    period = date(2027, 4, 22), date(2027, 5, 22)
    assert figures.earned_interest(12_240, *period, date(2027, 5, 7)) == 6_120


def test_halves_are_rounded_up() -> None:
    assert figures.rounded(Fraction(5, 2)) == 3
    assert figures.rounded(Fraction(249, 100)) == 2


@pytest.mark.parametrize("name", NAMES)
def test_what_a_fictional_person_hands_in_has_the_form_that_is_asked_for(name: str) -> None:
    form: TypeAdapter[Element] = TypeAdapter(Element)
    for index in (0, 249_999, 250_000 * 7 + 4):
        given = elements(someone(name, index), ("shake", "blink"))
        kinds = [form.validate_python(one).kind for one in given]
        assert kinds == list(KINDS)
    assert CASH.required_elements == KINDS


def test_two_runs_of_the_story_have_different_people() -> None:
    assert someone("story", 1).identity_number != someone("story", 2).identity_number
    assert someone("story", 1).card_number != someone("story", 2).card_number
