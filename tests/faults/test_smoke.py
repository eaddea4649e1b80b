import pytest
from tests.faults.lives import Life, early_settlement, late_payment
from tests.faults.place import Place
import time


async def test_good(place: Place) -> None:
    t = time.monotonic()
    await early_settlement(Life.of(place, "approved"))
    print("good", time.monotonic() - t)
    t = time.monotonic()
    await late_payment(Life.of(place, "story"))
    print("late", time.monotonic() - t)
