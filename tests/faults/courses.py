"""The two ways through life that are held against each other: undisturbed and with deaths."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.faults.endings import Ending, ending
from tests.faults.lives import Life, early_settlement, late_payment
from tests.faults.place import Place


@dataclass(frozen=True)
class Course:
    """A way through life, and the kind of person who takes it."""

    persona: str
    live: Callable[[Life], Awaitable[None]]


EARLY: Final = Course("approved", early_settlement)
LATE: Final = Course("story", late_payment)


async def lived(place: Place, course: Course) -> Ending:
    life = Life.of(place, course.persona)
    await course.live(life)
    return await ending(life)
