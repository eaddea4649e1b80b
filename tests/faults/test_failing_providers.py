"""Third parties that are down, slow, broken or talk nonsense: waited for, in the open."""

import asyncio
from typing import Any, Final

import pytest

from tests.faults.endings import ending
from tests.faults.lives import AMOUNT, FRONT, LEVEL, OWED_AFTER, Life
from tests.faults.place import Place, until

pytestmark = [pytest.mark.stack, pytest.mark.fault]

SLOW_SECONDS: Final = 30
BROKEN: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "operator": ("operator", {"latency_seconds": SLOW_SECONDS}),
    "identity_card": ("identity_card", {"status": 500}),
    "bank_card": ("bank_card", {"garbage": "not_json"}),
    "liveness": ("liveness", {"garbage": "wrong_shape"}),
}
"""By the kind of element that needs them: what is wrong with providers."""


async def named(place: Place) -> Life:
    """Return an application whose real name is verified."""
    life = Life.of(place, "approved")
    await life.apply()
    await life.provide("real_name")
    return life


async def waits_for_provider(place: Place, life: Life) -> None:
    """Wait until an application is seen to wait for a provider, over HTTP and by operators."""
    await until(life.application, lambda one: one["waiting"] == "provider", "the waiting state")
    found = await until(
        lambda: waiting_processes(place),
        lambda ids: life.workflow_id in ids,
        "the application among those that wait for a provider",
    )
    assert life.workflow_id in found


async def waiting_processes(place: Place) -> set[str]:
    return {item.id async for item in place.client.list_workflows("Waiting = 'provider'")}


async def attempts(place: Place, provider: str) -> int:
    calls = await place.sandbox.get("/sandbox/calls", params={"provider": provider})
    return len(calls.json())


def verdict_of(application: dict[str, Any], kind: str) -> str:
    [found] = [one["verdict"] for one in application["elements"] if one["kind"] == kind]
    return str(found)


async def provides(life: Life, kind: str) -> str:
    """Hand in one element and return the verdict that is answered."""
    answer = await life.provide(kind)
    return str(answer["elements"][0]["verdict"])


@pytest.mark.slow
async def test_slow_broken_and_mad_providers_are_waited_for(place: Place) -> None:
    lives = {kind: await named(place) for kind in BROKEN}
    await lives["liveness"].provide("identity_card")
    for provider, fault in BROKEN.values():
        await place.fault(provider, **fault)
    before = {kind: await attempts(place, BROKEN[kind][0]) for kind in BROKEN}

    verdicts = await asyncio.gather(*(provides(life, kind) for kind, life in lives.items()))
    assert set(verdicts) == {"pending"}
    await asyncio.gather(*(waits_for_provider(place, life) for life in lives.values()))
    for kind, (provider, _) in BROKEN.items():
        # The slow one's calls are recorded when they end.
        if kind != "operator":
            assert await attempts(place, provider) >= before[kind] + 3
    await place.heal()

    for kind, life in lives.items():
        found = await until(
            life.application, lambda one: one["waiting"] == "applicant", "the applicant's turn"
        )
        assert verdict_of(found, kind) == "match"
    assert not {life.workflow_id for life in lives.values()} & await waiting_processes(place)


@pytest.mark.slow
async def test_a_provider_that_is_down_is_waited_for(place: Place) -> None:
    """Also by a drawdown, whose order is sent once."""
    applicant, borrower = await named(place), Life.of(place, "approved")
    await borrower.quoted()
    await place.stack.supervisor.terminate("sandbox")
    try:
        assert await provides(applicant, "operator") == "pending"
        path = f"/v1/lines/{borrower.line_id}/drawdowns"
        borrower.drew(await place.insist(FRONT, path, borrower.to_draw()))
        await waits_for_provider(place, applicant)
        await until(
            lambda: waiting_processes(place),
            lambda ids: f"drawdown:{borrower.drawdown_id}" in ids,
            "the drawdown among those that wait for a provider",
        )
    finally:
        await place.revive("sandbox")

    found = await until(
        applicant.application, lambda one: one["waiting"] == "applicant", "the applicant's turn"
    )
    assert verdict_of(found, "operator") == "match"
    await borrower.disbursed()
    assert (await ending(borrower)).moved == [("disbursement", AMOUNT)]


async def test_a_broken_bureau_delays_the_decision(place: Place) -> None:
    life = Life.of(place, "approved")
    await life.apply()
    await life.provide()
    await place.fault("bureau", status=503)
    submitted = asyncio.create_task(
        place.insist(FRONT, f"/v1/applications/{life.application_id}/submit")
    )

    await waits_for_provider(place, life)
    assert (await life.application())["state"] == "deciding"
    await place.heal()

    await submitted
    await life.in_state("offered")


async def test_a_broken_bank_delays_the_debit(place: Place) -> None:
    """An error is no answer: the bank is asked, and only what it never booked is sent again."""
    life = Life.of(place, "approved")
    await life.borrowed()
    await place.fault("payments", operation="debit", status=500, times=1)
    await life.live_until(life.due_dates[0])
    await life.pay_off()

    assert (await ending(life)).moved == [
        ("disbursement", AMOUNT),
        ("debit", LEVEL),
        ("debit", OWED_AFTER[1]),
    ]
