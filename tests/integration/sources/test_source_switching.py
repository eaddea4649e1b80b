"""Sources are switched by settings: whole sets of activities, each as a restart would open it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.registry import build
from domain.verification.elements import ElementKind, Verdict
from messages import calls
from runtime.settings import Settings
from sandbox.personas import person
from storage.sources import EnquiryRepository
from tests.integration.sources.test_enquiries import spare_standins
from tests.integration.story import Applicant, Bench, applicant, real_name
from tests.standins import Standins

__all__ = ["spare_standins"]

_members = count(5900)


@dataclass
class Installation:
    """An installation that can be restarted with other settings."""

    bench: Bench
    spare: Standins
    settings: Settings
    database_url: str
    environment: pytest.MonkeyPatch

    @asynccontextmanager
    async def started(self, sources: dict[str, dict[str, Any]]) -> AsyncIterator[Bench]:
        """Open all activities as a worker does, with this value of the setting."""
        variables = {
            "BASE_URL": self.bench.standins.url,
            "OVERRIDES": json.dumps({"names_plus": self.spare.url}),
            "SOURCES": json.dumps(sources),
            "TIMEOUT_SECONDS": "1",
        }
        for name, value in variables.items():
            self.environment.setenv(f"LOANFLOW_PROVIDERS__{name}", value)
        told = {"providers": Settings().providers, "database_url": self.database_url}
        client = await Client.connect("127.0.0.1:9", lazy=True)
        async with build(self.settings.model_copy(update=told), client) as activities:
            yield replace(self.bench, by_queue=activities)


@pytest.fixture
async def installation(
    bench: Bench,
    spare_standins: Standins,
    settings: Settings,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Installation]:
    yield Installation(bench, spare_standins, settings, database_url, monkeypatch)
    await spare_standins.repair()


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
    ("sources", "expected"),
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
    installation: Installation, sources: dict[str, dict[str, Any]], expected: str
) -> None:
    async with installation.started(sources) as bench:
        known = await someone(bench)
        element_id = await known.provide(real_name(known.person))
        request = known.request(element_id, ElementKind.REAL_NAME)
        assert (await bench.perform(calls.VERIFY_ELEMENT, request)).verdict is Verdict.MATCH
    assert await asked(known) == [(expected, "match")]
    at_spare = await installation.spare.calls(provider="real_name", request_id=element_id)
    assert len(at_spare) == (1 if expected == "names_plus" else 0)


async def test_the_second_stands_in_for_the_first(installation: Installation) -> None:
    sources = {"names_plus": {"capability": "real_name", "order": 2}}
    await installation.bench.standins.fault("real_name", status=503)
    async with installation.started(sources) as bench:
        known = await someone(bench)
        assert await verified(known) is Verdict.MATCH
    assert await asked(known) == [("real_name", "unavailable"), ("names_plus", "match")]


async def test_what_waits_for_a_source_goes_on_with_the_one_that_is_switched_on(
    installation: Installation,
) -> None:
    async with installation.started({"real_name": {"enabled": False}}) as bench:
        known = await someone(bench)
        element_id = await known.provide(real_name(known.person))
        request = known.request(element_id, ElementKind.REAL_NAME)
        with pytest.raises(ApplicationError, match="switched_off") as held_up:
            await bench.perform(calls.VERIFY_ELEMENT, request)
        assert not held_up.value.non_retryable
    switched: dict[str, dict[str, Any]] = {
        "real_name": {"enabled": False},
        "names_plus": {"capability": "real_name"},
    }
    async with installation.started(switched) as bench:
        outcome = await bench.perform(calls.VERIFY_ELEMENT, request)
    assert outcome.verdict is Verdict.MATCH
    assert await asked(known) == [("names_plus", "match")]


async def test_a_source_that_is_switched_back_uses_what_it_said_before(
    installation: Installation,
) -> None:
    """Answers are a source's own: the other one is asked, and paid, for itself."""
    who = person("approved", next(_members))
    off: dict[str, dict[str, Any]] = {
        "real_name": {"enabled": False},
        "names_plus": {"capability": "real_name"},
    }
    outcomes = []
    for sources in ({}, off, {}):
        async with installation.started(sources) as bench:
            known = await applicant(bench, who)
            assert await verified(known) is Verdict.MATCH
        outcomes.append(await asked(known))
    assert outcomes == [
        [("real_name", "match")],
        [("names_plus", "match")],
        [("real_name", "reused")],
    ]
