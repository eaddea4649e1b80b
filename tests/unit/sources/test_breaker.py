"""The breaker, on a clock of the test's own."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.http.breaker import Breaker, NotSent, State
from providers.http.errors import ProviderError, ProviderRejected, ProviderUnavailable


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("bureau", clock)


def down() -> ProviderUnavailable:
    return ProviderUnavailable("bureau", "timeout")


def call(breaker: Breaker, error: ProviderError | None = None) -> None:
    try:
        with breaker.attempt():
            if error is not None:
                raise error
    except ProviderError as raised:
        if raised is not error:
            raise


def test_half_of_the_last_twenty_calls_failing_opens_it(breaker: Breaker) -> None:
    for _ in range(10):
        call(breaker)
    for _ in range(9):
        call(breaker, down())
    assert breaker.wait() is None
    call(breaker, down())
    assert breaker.state is State.OPEN
    with pytest.raises(NotSent) as refused:
        call(breaker)
    assert refused.value.code == "breaker_open"
    assert refused.value.retry_after == timedelta(seconds=30)


def test_failures_that_lie_further_back_do_not_count(breaker: Breaker) -> None:
    for _ in range(50):
        call(breaker, down())
        call(breaker)
        call(breaker)
    assert breaker.state is State.CLOSED


def test_after_thirty_seconds_one_call_probes(breaker: Breaker, clock: Clock) -> None:
    for _ in range(10):
        call(breaker, down())
    clock.seconds += 29.9
    assert breaker.wait() is not None
    clock.seconds += 0.1
    assert (breaker.state, breaker.wait()) == (State.HALF_OPEN, None)
    with breaker.attempt():
        assert breaker.wait() == timedelta(seconds=1)
        with pytest.raises(NotSent):
            call(breaker)
    assert breaker.state is State.CLOSED
    call(breaker, down())
    assert breaker.state is State.CLOSED


def test_a_failing_probe_opens_it_for_another_thirty_seconds(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(10):
        call(breaker, down())
    clock.seconds += 30
    call(breaker, down())
    assert breaker.wait() == timedelta(seconds=30)


async def test_a_probe_that_is_cancelled_leaves_room_for_the_next(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(10):
        call(breaker, down())
    clock.seconds += 30

    async def probe() -> None:
        with breaker.attempt():
            await asyncio.Event().wait()

    probing = asyncio.create_task(probe())
    await asyncio.sleep(0)
    assert breaker.wait() is not None
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert breaker.wait() is None


@pytest.mark.parametrize(
    "code", ["unauthorized", "http_403", "bad_credential", "not_enabled", "bad_signature"]
)
def test_a_provider_that_refuses_us_is_asked_no_more(breaker: Breaker, code: str) -> None:
    call(breaker, ProviderRejected("bureau", code))
    assert breaker.state is State.OPEN


def test_refusing_a_request_or_asking_for_less_is_no_failure(breaker: Breaker) -> None:
    for _ in range(40):
        call(breaker, ProviderRejected("bureau", "invalid_request"))
        call(breaker, ProviderUnavailable("bureau", "rate_limited"))
    assert breaker.state is State.CLOSED


def test_every_move_is_told(clock: Clock) -> None:
    told: list[State] = []
    breaker = Breaker("bureau", clock, lambda _, state: told.append(state))
    for _ in range(10):
        call(breaker, down())
    clock.seconds += 30
    call(breaker)
    assert told == [State.OPEN, State.HALF_OPEN, State.CLOSED]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=200))
def test_whatever_happens_a_provider_that_is_back_is_called_again(
    course: list[tuple[bool, int]],
) -> None:
    clock = Clock()
    breaker = Breaker("bureau", clock)
    for works, pause in course:
        clock.seconds += pause
        if breaker.wait() is None:
            call(breaker, None if works else down())
    clock.seconds += 30
    call(breaker)
    assert breaker.state is State.CLOSED
