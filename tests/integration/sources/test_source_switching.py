"""Sources are switched by releases, in every process and without a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.registry import assemble
from domain.sources import SOURCE
from domain.verification.elements import ElementKind, Verdict
from messages import calls
from providers import Providers
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from sandbox.personas import person
from storage.database import Database
from storage.sources import EnquiryRepository
from tests.definitions import Sources, forget, release, shipped
from tests.integration.sources.test_enquiries import spare_simulators
from tests.integration.story import Applicant, Bench, applicant, real_name
from tests.simulators import Simulators

__all__ = ["spare_simulators"]

Changes = dict[str, dict[str, Any]]

_members = count(5900)


@dataclass
class Installation:
    """Two processes of an installation: all activities twice, each with what it remembers."""

    spare: Simulators
    sources: Sources
    databases: list[Database]
    processes: list[Bench]

    async def switch(self, changes: Changes) -> None:
        """Have the shipped sources in force with these changes; both processes know."""
        await self.sources.be(changes, *self.databases)


@pytest.fixture
async def installation(
    bench: Bench,
    spare_simulators: Simulators,
    settings: Settings,
    database_url: str,
    sources: Sources,
) -> AsyncIterator[Installation]:
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    config = bench.simulators.config
    async with AsyncExitStack() as stack:
        providers = await stack.enter_async_context(
            Providers.connect(
                lambda name: (spare_simulators if name == "names_plus" else bench.simulators).url,
                SecretStr(config.api_key),
                SecretStr(config.signing_secret),
                1.0,
            )
        )
        databases = [
            await stack.enter_async_context(Database.open(database_url, 5, keyring, blind_index))
            for _ in range(2)
        ]
        processes = [
            replace(bench, database=one, by_queue=assemble(one, providers, bench.starts))
            for one in databases
        ]
        yield Installation(spare_simulators, sources, databases, processes)
    await spare_simulators.repair()


async def someone(bench: Bench) -> Applicant:
    return await applicant(bench, person("approved", next(_members)))


async def asked(known: Applicant) -> list[tuple[str, str | None]]:
    """Which sources were asked for the application, and what came of it."""
    async with known.bench.database.read() as tx:
        rows = await EnquiryRepository(tx).of_application(known.start.application_id)
    return [(row.source, row.outcome) for row in rows]


async def verified(known: Applicant) -> Verdict:
    return (await known.verify(real_name(known.person))).verdict


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "real_name"),
        ({"names_plus": {"capability": "real_name", "order": 2}}, "real_name"),
        (
            {"names_plus": {"capability": "real_name"}, "real_name": {"order": 2}},
            "names_plus",
        ),
        (
            {"names_plus": {"capability": "real_name"}, "real_name": {"enabled": False}},
            "names_plus",
        ),
    ],
)
async def test_the_first_that_is_on_is_asked(
    installation: Installation, changes: Changes, expected: str
) -> None:
    await installation.switch(changes)
    for bench in installation.processes:
        known = await someone(bench)
        element_id = await known.provide(real_name(known.person))
        request = known.request(element_id, ElementKind.REAL_NAME)
        assert (await bench.perform(calls.VERIFY_ELEMENT, request)).verdict is Verdict.MATCH
        assert await asked(known) == [(expected, "match")]
        at_spare = await installation.spare.calls(provider="real_name", request_id=element_id)
        assert len(at_spare) == (1 if expected == "names_plus" else 0)


async def test_a_source_that_a_release_switches_off_is_asked_no_more(
    installation: Installation,
) -> None:
    """A process that did not release it knows within five seconds, and others of a later change."""
    await installation.switch({"names_plus": {"capability": "real_name", "order": 2}})
    first, second = installation.processes
    for bench in (first, second):
        known = await someone(bench)
        assert await verified(known) is Verdict.MATCH
        assert await asked(known) == [("real_name", "match")]

    off = shipped(SOURCE, "real_name").model_copy(update={"enabled": False})
    released = await release(installation.databases[0], SOURCE, "real_name", off)
    began = monotonic()
    last: dict[str, list[tuple[str, str | None]]]
    last = {"first": [("real_name", "match")], "second": [("real_name", "match")]}
    while any(outcome[0][0] == "real_name" for outcome in last.values()):
        assert monotonic() - began < 5
        for name, bench in (("first", first), ("second", second)):
            known = await someone(bench)
            assert await verified(known) is Verdict.MATCH
            last[name] = await asked(known)
        await asyncio.sleep(0.05)
    assert list(last.values()) == [[("names_plus", "match")]] * 2

    on = await release(installation.databases[0], SOURCE, "real_name", shipped(SOURCE, "real_name"))
    assert on.version == released.version + 1
    await installation.switch({})


async def test_an_enquiry_names_the_profile_that_it_was_made_under(
    installation: Installation,
) -> None:
    dearer = shipped(SOURCE, "real_name").model_copy(update={"cost": 35})
    named = []
    for bench, content in zip(
        installation.processes, (shipped(SOURCE, "real_name"), dearer), strict=True
    ):
        released = str(await release(bench.database, SOURCE, "real_name", content))
        forget(bench.database)
        known = await someone(bench)
        assert await verified(known) is Verdict.MATCH
        async with bench.database.read() as tx:
            (row,) = await EnquiryRepository(tx).of_application(known.start.application_id)
        named.append((row.definition == released, row.cost))
    assert named == [(True, 30), (True, 35)]
    await installation.switch({"real_name": {"cost": 30}})


async def test_the_second_stands_in_for_the_first(installation: Installation) -> None:
    await installation.switch({"names_plus": {"capability": "real_name", "order": 2}})
    bench = installation.processes[0]
    await bench.simulators.fault("real_name", status=503)
    known = await someone(bench)
    assert await verified(known) is Verdict.MATCH
    assert await asked(known) == [("real_name", "unavailable"), ("names_plus", "match")]


async def test_what_waits_for_a_source_goes_on_with_the_one_that_is_switched_on(
    installation: Installation,
) -> None:
    await installation.switch({"real_name": {"enabled": False}})
    first, second = installation.processes
    known = await someone(first)
    element_id = await known.provide(real_name(known.person))
    request = known.request(element_id, ElementKind.REAL_NAME)
    with pytest.raises(ApplicationError, match="switched_off") as held_up:
        await first.perform(calls.VERIFY_ELEMENT, request)
    assert not held_up.value.non_retryable
    await installation.switch(
        {"real_name": {"enabled": False}, "names_plus": {"capability": "real_name"}}
    )
    outcome = await second.perform(calls.VERIFY_ELEMENT, request)
    assert outcome.verdict is Verdict.MATCH
    assert await asked(known) == [("names_plus", "match")]


async def test_a_source_that_is_switched_back_uses_what_it_said_before(
    installation: Installation,
) -> None:
    """Answers are a source's own: the other one is asked, and paid, for itself."""
    who = person("approved", next(_members))
    off: Changes = {
        "real_name": {"enabled": False},
        "names_plus": {"capability": "real_name"},
    }
    outcomes = []
    for changes in ({}, off, {}):
        await installation.switch(changes)
        known = await applicant(installation.processes[0], who)
        assert await verified(known) is Verdict.MATCH
        outcomes.append(await asked(known))
    assert outcomes == [
        [("real_name", "match")],
        [("names_plus", "match")],
        [("real_name", "reused")],
    ]
