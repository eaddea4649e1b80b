"""What is read often is remembered for a second, from when its reading began."""

from time import monotonic

from runtime.recent import Recent


def test_what_was_never_read_is_not_fresh() -> None:
    assert not Recent(0).is_fresh


def test_what_was_just_read_is_fresh_and_replaced() -> None:
    recent = Recent(0)
    recent.replace(1, monotonic())
    assert recent.is_fresh
    assert recent.value == 1


def test_a_second_after_its_reading_began_it_is_stale_but_readable() -> None:
    recent = Recent("old", monotonic() - 1.01)
    assert not recent.is_fresh
    assert recent.value == "old"
