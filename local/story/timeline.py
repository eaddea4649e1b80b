"""The story as people see it, with ticks and times, or programs: one JSON object a line."""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


class Unexpected(Exception):
    """A step did not come out as expected; the message says how."""


def expect(what: str, actual: object, expected: object) -> None:
    """Raise Unexpected unless `what` came out as expected."""
    if actual != expected:
        raise Unexpected(f"{what} is {actual!r}, expected {expected!r}")


@dataclass(frozen=True)
class PlayedStep:
    """One step after it was played; `otherwise` is empty when it came out as expected.

    It took `seconds` and ended `at` so many seconds after the story began.
    """

    title: str
    expected: str
    outcome: str
    seconds: float
    at: float
    otherwise: str = ""


class Screen:
    """Reports the story to people: lines with ticks; every word is readable without colour."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def chapter(self, title: str) -> None:
        """Write a heading."""
        self._console.print()
        self._console.print(Text(title, style="bold"))

    @contextmanager
    def during(self, title: str) -> Iterator[None]:
        """Show the running step on a terminal; elsewhere nothing until it is done."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(Text(f"{title} ...", style="dim"), spinner="dots"):
            yield

    def played(self, step: PlayedStep) -> None:
        """Write a step: tick, time since the beginning, title, and below it what came of it."""
        ok = not step.otherwise
        mark = Text("✓" if ok else "✗", style="bold green" if ok else "bold red")
        line = Table.grid(padding=(0, 1))
        line.add_column(width=1)
        line.add_column(width=6, justify="right", no_wrap=True)
        line.add_column()
        line.add_row(mark, Text(f"{step.at:.1f} s", style="dim"), Text(step.title))
        for text, style in _below(step):
            line.add_row("", "", Text(text, style=style))
        self._print_indented(line)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table; the first column names, the others are figures or words."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*row)
        self._console.print()
        self._print_indented(table)

    def _print_indented(self, what: RenderableType) -> None:
        self._console.print(Padding(what, (0, 0, 0, 2), expand=False))


def _below(step: PlayedStep) -> list[tuple[str, str]]:
    if not step.otherwise:
        return [(step.outcome, "dim")] if step.outcome else []
    return [(f"expected: {step.expected}", ""), (f"came out: {step.otherwise}", "red")]


class JsonLines:
    """Reports the story to programs: one object a line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def chapter(self, title: str) -> None:
        """Write a heading."""
        self._object(event="chapter", title=title)

    @contextmanager
    def during(self, title: str) -> Iterator[None]:
        """Write nothing: a program waits for the outcome."""
        yield

    def played(self, step: PlayedStep) -> None:
        """Write a step."""
        self._object(
            event="step",
            title=step.title,
            expected=step.expected,
            outcome=step.outcome,
            seconds=round(step.seconds, 3),
            at=round(step.at, 3),
            ok=not step.otherwise,
            otherwise=step.otherwise,
        )

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table, each row as an object by column."""
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        self._object(event="table", title=title, rows=named)

    def _object(self, **content: object) -> None:
        self._write(json.dumps(content, ensure_ascii=False))


Reporter = Screen | JsonLines
"""Whoever shows the story while it is played."""


class Timeline:
    """Plays steps one after another, measures them and hands them to the reporter."""

    def __init__(
        self,
        reporter: Reporter,
        *,
        unexpected: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`unexpected` are the errors that mean the same as Unexpected: refusals, waits in vain."""
        self.reporter = reporter
        self.steps: list[PlayedStep] = []
        self._unexpected: tuple[type[Exception], ...] = (Unexpected, *unexpected)
        self._clock = clock
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the story began."""
        return self._clock() - self._began

    @property
    def failure(self) -> PlayedStep | None:
        """The step that came out otherwise, if one did."""
        return next((step for step in self.steps if step.otherwise), None)

    async def step(self, title: str, expected: str, act: Callable[[], Awaitable[str]]) -> bool:
        """Play a step and say whether it came out as expected. `act` words the outcome."""
        began = self._clock()
        outcome = otherwise = ""
        with self.reporter.during(title):
            try:
                outcome = await act()
            except self._unexpected as error:
                otherwise = str(error)
        ended = self._clock()
        played = PlayedStep(title, expected, outcome, ended - began, ended - self._began, otherwise)
        self.steps.append(played)
        self.reporter.played(played)
        return not otherwise
