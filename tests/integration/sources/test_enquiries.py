"""The gateway on the real record and simulators over HTTP: who is asked, when, at what cost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from activities.sources.enquiries import (
    CannotSay,
    DataSourceGateway,
    SourceResponse,
    Subject,
)
from domain.people.consents import CONSENT_TEXT, ConsentMissing, Purpose
from messages.ids import new_id
from providers import (
    ProviderRejected,
    Providers,
    ProviderUnavailable,
    Verdict,
    VerificationResponse,
)
from providers.http.verdict import Assessment
from providers.sources.credit_history import BureauRequest
from providers.verification.factors import RealNameRequest, TwoFactorRequest
from sandbox.personas import Person, person
from storage.database import Database
from storage.people.consents import ConsentCreate, ConsentRepository
from storage.sources import EnquiryRepository, EnquiryRow, UsageRow
from tests.definitions import Sources, ref
from tests.integration.story import Applicant, Bench, applicant
from tests.simulators import Simulators, connected, sandbox_config

MORNING = datetime(2026, 3, 2, 1, tzinfo=UTC)
COST = 30
_members = count(5000)
_sources = count(1)


def someone(key: str = "approved") -> Person:
    """A person that no other test asks about."""
    return person(key, next(_members))


@dataclass
class Scene:
    """A gateway with sources of its own, and what surrounds it."""

    bench: Bench
    spare: Simulators
    known: Applicant
    providers: Providers
    sources: Sources
    main: str
    now: datetime = MORNING
    seconds: float = 1000.0
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: list[Database] = field(default_factory=list)

    def gateway(self, *, lease: timedelta | None = None) -> DataSourceGateway:
        """A gateway as another process would have it."""
        return DataSourceGateway(
            self.bench.database,
            self.providers,
            now=lambda: self.now,
            clock=lambda: self.seconds,
            lease=lease,
        )

    async def settle(self) -> None:
        """Have the changes in force wherever the scene asks from."""
        await self.sources.be(self.changes, *self.processes)

    def source(self, **fields: Any) -> None:
        self.changes[self.main] |= fields

    def add_spare(self, name: str, **fields: Any) -> str:
        """Add a second source, at the spare simulators when its name begins with `spare`."""
        self.changes[name] = {"capability": "real_name", "cost": 50, "order": 2, **fields}
        return name

    def subject(self, request_id: str | None = None) -> Subject:
        start = self.known.start
        return Subject(request_id or new_id("elt"), start.applicant_id, start.application_id)

    async def ask(
        self, who: Person, subject: Subject | None = None, gateway: DataSourceGateway | None = None
    ) -> SourceResponse[VerificationResponse]:
        await self.settle()
        subject = subject or self.subject()
        return await (gateway or self.gateway()).query(real_name(who), subject)

    async def calls(self, who: Person, simulators: Simulators | None = None) -> int:
        """How often the simulators were asked in this scene."""
        rows = await self.rows()
        asked = await (simulators or self.bench.simulators).calls(provider="real_name")
        return sum(call["request_id"] in {row.request_id for row in rows} for call in asked)

    async def rows(self) -> list[EnquiryRow]:
        async with self.bench.database.read() as tx:
            return await EnquiryRepository(tx).of_application(self.known.start.application_id)

    async def begun(self) -> None:
        """Wait until an attempt is on its way."""
        while True:
            if await self.rows():
                return
            await asyncio.sleep(0.01)

    async def endings(self) -> list[tuple[str, str | None, str | None, int]]:
        return [(row.source, row.outcome, row.code, row.cost) for row in await self.rows()]

    async def usage(self, source: str | None = None) -> list[UsageRow]:
        async with self.bench.database.read() as tx:
            rows = await EnquiryRepository(tx).usage(
                MORNING.date(), MORNING.date() + timedelta(days=400)
            )
        return [row for row in rows if row.source == (source or self.main)]


def real_name(who: Person) -> RealNameRequest:
    return RealNameRequest(name=who.name, identity_number=who.identity_number)


@pytest.fixture(scope="module")
async def spare_simulators(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulators]:
    async with connected(sandbox_config(tmp_path_factory.mktemp("spare"))) as running:
        yield running


@pytest.fixture
async def scene(
    bench: Bench, spare_simulators: Simulators, sources: Sources
) -> AsyncIterator[Scene]:
    main = f"names{next(_sources)}"
    simulators = bench.simulators

    def url(source: str) -> str:
        if source.startswith("dead"):
            return "http://127.0.0.1:9"
        return spare_simulators.url if source.startswith("spare") else simulators.url

    async with Providers.connect(
        url,
        SecretStr(simulators.config.api_key),
        SecretStr(simulators.config.signing_secret),
        1.0,
    ) as providers:
        known = await applicant(bench, someone())
        scene = Scene(bench, spare_simulators, known, providers, sources, main)
        scene.changes = {
            "real_name": {"enabled": False},
            main: {
                "capability": "real_name",
                "cost": COST,
                "validity_days": 30,
                "denial_validity_days": 1,
            },
        }
        yield scene
    await spare_simulators.repair()


async def test_an_answer_is_paid_once_and_used_by_every_equal_question(scene: Scene) -> None:
    who = someone()
    first = await scene.ask(who)
    second = await scene.ask(who)
    assert (first.answer.verdict, first.source, first.reused) == (
        Verdict.MATCH,
        scene.main,
        False,
    )
    assert (second.answer, second.source, second.reused) == (first.answer, scene.main, True)
    assert await scene.calls(who) == 1
    assert await scene.endings() == [
        (scene.main, "match", None, COST),
        (scene.main, "reused", None, 0),
    ]
    asked, reused = await scene.rows()
    assert reused.reused == asked.id
    [usage] = await scene.usage()
    assert (usage.asked, usage.answered, usage.reused, usage.cost) == (1, 1, 1, COST)


async def test_a_recorded_match_stands_for_thirty_days_and_a_denial_for_one(scene: Scene) -> None:
    honest, liar = someone(), someone("name_mismatch")
    await scene.ask(honest)
    assert (await scene.ask(liar)).answer.verdict is Verdict.MISMATCH
    scene.now = MORNING + timedelta(days=1)
    assert not (await scene.ask(liar)).reused
    assert (await scene.ask(honest)).reused
    scene.now = MORNING + timedelta(days=30)
    assert not (await scene.ask(honest)).reused


async def test_without_validity_only_the_same_enquiry_gets_its_answer_again(scene: Scene) -> None:
    scene.source(validity_days=0)
    who, subject = someone(), scene.subject()
    assert not (await scene.ask(who, subject)).reused
    assert (await scene.ask(who, subject)).reused
    assert not (await scene.ask(who)).reused


async def test_another_person_or_another_source_is_another_question(scene: Scene) -> None:
    who = someone()
    await scene.ask(who)
    assert not (await scene.ask(someone())).reused
    scene.source(enabled=False)
    scene.add_spare(f"spare{scene.main}")
    assert not (await scene.ask(who)).reused


async def test_a_quota_is_kept_whoever_asks_and_renewed_the_next_day(scene: Scene) -> None:
    scene.source(daily_quota=3)
    gateways = [scene.gateway(), scene.gateway()]
    results = await asyncio.gather(
        *(scene.ask(someone(), gateway=gateways[turn % 2]) for turn in range(8)),
        return_exceptions=True,
    )
    refused = [error for error in results if isinstance(error, ProviderUnavailable)]
    assert len([result for result in results if isinstance(result, SourceResponse)]) == 3
    assert {error.code for error in refused} == {"quota_exhausted"}
    assert {error.retry_after for error in refused} == {timedelta(hours=1)}
    assert len(refused) == 5
    assert (await scene.usage())[0].asked == 3
    # Midnight in Shanghai is 16:00 UTC.
    scene.now = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)
    with pytest.raises(ProviderUnavailable) as last:
        await scene.ask(someone())
    assert last.value.retry_after == timedelta(minutes=1)
    scene.now += timedelta(minutes=1)
    await scene.ask(someone())
    assert [usage.asked for usage in await scene.usage()] == [3, 1]


async def test_what_is_on_record_needs_no_quota(scene: Scene) -> None:
    scene.source(daily_quota=1)
    who = someone()
    await scene.ask(who)
    assert (await scene.ask(who)).reused


async def test_how_much_of_a_quota_is_used_is_shown_until_the_day_ends(scene: Scene) -> None:
    def shown() -> float | None:
        return REGISTRY.get_sample_value(
            "loanflow_enquiry_quota_used_ratio", {"source": scene.main}
        )

    await scene.ask(someone())
    assert shown() is None
    scene.source(daily_quota=4)
    await scene.ask(someone())
    assert shown() == 0.5
    scene.source(daily_quota=2)
    with pytest.raises(ProviderUnavailable):
        await scene.ask(someone())
    assert shown() == 1.0
    # Midnight in Shanghai is 16:00 UTC.
    scene.now = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)
    assert shown() == 1.0
    scene.now += timedelta(minutes=1)
    assert shown() == 0.0


async def test_a_call_that_never_arrived_is_neither_paid_nor_counted(scene: Scene) -> None:
    dead = scene.add_spare(f"dead{scene.main}", billed_on="call", daily_quota=1)
    scene.source(enabled=False)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable) as failed:
            await scene.ask(someone())
        assert (failed.value.provider, failed.value.code) == (dead, "connect_failed")
    assert await scene.endings() == 2 * [(dead, "unsent", "connect_failed", 0)]
    assert (await scene.usage(dead))[0].asked == 0


async def test_a_source_that_is_down_hands_over_to_the_next(scene: Scene) -> None:
    spare = scene.add_spare(f"spare{scene.main}")
    await scene.bench.simulators.fault("real_name", status=500)
    who = someone()
    told = await scene.ask(who)
    assert (told.source, told.answer.verdict) == (spare, Verdict.MATCH)
    assert await scene.calls(who, scene.spare) == 1
    assert await scene.endings() == [
        (scene.main, "unavailable", "server_error", 0),
        (spare, "match", None, 50),
    ]


async def test_a_source_that_cannot_say_is_no_pass_and_no_last_word(scene: Scene) -> None:
    unknown = someone("not_in_registry")
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(unknown)
    assert (failed.value.provider, failed.value.code) == (scene.main, "not_in_registry")
    spare = scene.add_spare(f"spare{scene.main}")
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(unknown)
    assert failed.value.provider == spare
    # It is asked anew every time: nothing was learned that could be used again.
    assert [ending[1] for ending in await scene.endings()] == 3 * ["unavailable"]


async def test_when_all_are_down_it_is_unavailable_until_the_first_may_answer(
    scene: Scene,
) -> None:
    spare = scene.add_spare(f"spare{scene.main}")
    await scene.bench.simulators.fault("real_name", status=503, retry_after=900)
    await scene.spare.fault("real_name", status=429, retry_after=40)
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(someone())
    assert (failed.value.provider, failed.value.code) == (spare, "rate_limited")
    assert failed.value.retry_after == timedelta(seconds=40)
    await scene.spare.fault("real_name", reset=True)
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(someone())
    assert failed.value.retry_after is None


async def test_a_capability_without_a_source_is_unavailable(scene: Scene) -> None:
    scene.source(enabled=False)
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(someone())
    assert failed.value.code == "switched_off"


async def test_a_refused_question_is_not_taken_to_the_next_source(scene: Scene) -> None:
    scene.add_spare(f"spare{scene.main}")
    await scene.bench.simulators.fault("real_name", status=422)
    with pytest.raises(ProviderRejected) as refused:
        await scene.ask(someone())
    assert refused.value.provider == scene.main
    assert [ending[1] for ending in await scene.endings()] == ["rejected"]


async def test_a_source_that_fails_on_and_on_is_left_alone_for_thirty_seconds(
    scene: Scene,
) -> None:
    await scene.bench.simulators.fault("real_name", reset=True)
    gateway, who = scene.gateway(), someone()

    async def code() -> str:
        with pytest.raises(ProviderUnavailable) as failed:
            await scene.ask(who, gateway=gateway)
        return failed.value.code

    assert [await code() for _ in range(12)] == 10 * ["connection_lost"] + 2 * ["breaker_open"]
    assert await scene.calls(who) == 10
    await scene.bench.simulators.repair()
    scene.seconds += 29
    assert await code() == "breaker_open"
    scene.seconds += 1
    told = await asyncio.gather(*(scene.ask(who, gateway=gateway) for _ in range(3)))
    assert {one.answer.verdict for one in told} == {Verdict.MATCH}
    assert await scene.calls(who) == 11


async def test_an_open_breaker_does_not_hide_what_is_on_record(scene: Scene) -> None:
    gateway, who = scene.gateway(), someone()
    await scene.ask(who, gateway=gateway)
    await scene.bench.simulators.fault("real_name", status=500)
    for _ in range(10):
        with pytest.raises(ProviderUnavailable):
            await scene.ask(someone(), gateway=gateway)
    assert (await scene.ask(who, gateway=gateway)).reused


async def test_a_source_that_refuses_us_is_left_at_once_for_the_next(
    scene: Scene, bench: Bench
) -> None:
    async with Providers.connect(
        lambda source: scene.spare.url if source.startswith("spare") else bench.simulators.url,
        SecretStr("a key that was withdrawn"),
        SecretStr(bench.simulators.config.signing_secret),
        1.0,
    ) as providers:
        scene.providers = providers
        gateway = scene.gateway()
        codes = []
        for _ in range(2):
            with pytest.raises(ProviderUnavailable) as failed:
                await scene.ask(someone(), gateway=gateway)
            codes.append(failed.value.code)
    assert codes == ["unauthorized", "breaker_open"]
    assert [ending[1:3] for ending in await scene.endings()] == [("rejected", "unauthorized")]


async def test_calls_go_at_the_rate_that_the_source_allows(scene: Scene) -> None:
    scene.source(calls_per_second=0.1)
    gateway = scene.gateway()
    await scene.ask(someone(), gateway=gateway)
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(someone(), gateway=gateway)
    assert failed.value.code == "throttled"
    assert failed.value.retry_after is not None
    assert timedelta(seconds=5) < failed.value.retry_after <= timedelta(seconds=10)
    assert (await scene.usage())[0].asked == 1


async def test_equal_questions_at_once_are_asked_once(scene: Scene) -> None:
    await scene.bench.simulators.fault("real_name", latency_seconds=0.2)
    who, gateways = someone(), [scene.gateway(), scene.gateway()]
    told = await asyncio.gather(*(scene.ask(who, gateway=gateways[turn % 2]) for turn in range(8)))
    assert {one.answer.verdict for one in told} == {Verdict.MATCH}
    assert [one.reused for one in told].count(False) == 1
    assert await scene.calls(who) == 1
    assert (await scene.usage())[0].cost == COST


async def test_equal_questions_at_once_to_a_source_that_fails_do_not_block_each_other(
    scene: Scene,
) -> None:
    await scene.bench.simulators.fault("real_name", status=500)
    who, gateway = someone(), scene.gateway()
    results = await asyncio.gather(
        *(scene.ask(who, gateway=gateway) for _ in range(6)), return_exceptions=True
    )
    assert {type(result) for result in results} == {ProviderUnavailable}


async def test_an_attempt_whose_end_nobody_recorded_is_taken_over(scene: Scene) -> None:
    await scene.bench.simulators.fault("real_name", latency_seconds=30)
    who, subject = someone(), scene.subject()
    lost = asyncio.create_task(
        scene.ask(who, subject, scene.gateway(lease=timedelta(milliseconds=300)))
    )
    await scene.begun()
    lost.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lost
    await scene.bench.simulators.repair()
    told = await scene.ask(who, subject)
    assert (told.answer.verdict, told.reused) == (Verdict.MATCH, False)
    assert [ending[1:] for ending in await scene.endings()] == [
        ("lost", None, COST),
        ("match", None, COST),
    ]
    assert (await scene.usage())[0].cost == 2 * COST


async def test_in_a_crowd_nothing_locks_up_and_the_books_agree(scene: Scene) -> None:
    """Equal and other questions by several processes, whose attempts often outlive their lease."""
    scene.source(daily_quota=40, billed_on="call")
    await scene.bench.simulators.fault("real_name", latency_seconds=0.03)
    people = [someone(key) for key in ("approved", "story", "name_mismatch", "not_in_registry")]
    gateways = [scene.gateway(lease=timedelta(milliseconds=20)) for _ in range(3)]
    results = await asyncio.wait_for(
        asyncio.gather(
            *(scene.ask(people[turn % 4], gateway=gateways[turn % 3]) for turn in range(48)),
            return_exceptions=True,
        ),
        60,
    )
    assert {type(result) for result in results} <= {SourceResponse, CannotSay, ProviderUnavailable}
    told = [result for result in results if isinstance(result, SourceResponse)]
    assert {one.answer.verdict for one in told} == {Verdict.MATCH, Verdict.MISMATCH}
    rows = await scene.rows()
    assert {row.state for row in rows} == {"done"}
    [usage] = await scene.usage()
    assert usage.cost == sum(row.cost for row in rows)
    made = [row for row in rows if row.outcome not in ("reused", "unsent", "exhausted")]
    assert usage.asked == len(made) == usage.answered + usage.failed <= 40
    assert usage.reused == sum(row.outcome == "reused" for row in rows)


async def test_a_fault_of_ours_is_raised_and_leaves_nothing_on_its_way(scene: Scene) -> None:
    subject, who = scene.subject(), someone()

    class Broken(RealNameRequest):
        def is_answered_by(self, _: VerificationResponse) -> bool:
            raise ZeroDivisionError

    wrong = Broken(**real_name(who).model_dump())
    await scene.settle()
    with pytest.raises(ZeroDivisionError):
        await scene.gateway().query(wrong, subject)
    assert (await scene.ask(who, subject)).answer.passed
    assert [ending[1:3] for ending in await scene.endings()] == [
        ("lost", "internal_error"),
        ("match", None),
    ]


async def grant(scene: Scene, purpose: Purpose) -> str:
    async with scene.bench.database.transaction() as tx:
        (row,) = await ConsentRepository(tx).grant(
            scene.known.start.applicant_id,
            [ConsentCreate(new_id("con"), purpose, "1", "0" * 64, ref(CONSENT_TEXT, purpose))],
            channel="app",
            given_by="test",
            at=MORNING,
        )
    return row.id


async def revoke(scene: Scene, purpose: Purpose) -> None:
    async with scene.bench.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            scene.known.start.applicant_id, purpose, revoked_by="test", at=MORNING
        )


async def test_no_consent_no_call(scene: Scene) -> None:
    scene.source(consent="bureau_query")
    who = someone()
    # Every other purpose is consented to.
    await revoke(scene, Purpose.BUREAU_QUERY)
    with pytest.raises(ConsentMissing) as missing:
        await scene.ask(who)
    assert "bureau_query" in missing.value.message
    assert await scene.rows() == []
    consent_id = await grant(scene, Purpose.BUREAU_QUERY)
    await scene.ask(who)
    assert [row.consent_id for row in await scene.rows()] == [consent_id]


async def test_a_revoked_consent_keeps_even_what_is_on_record(scene: Scene) -> None:
    scene.source(consent="bureau_query")
    who = someone()
    await grant(scene, Purpose.BUREAU_QUERY)
    await scene.ask(who)
    await revoke(scene, Purpose.BUREAU_QUERY)
    with pytest.raises(ConsentMissing):
        await scene.ask(who)
    assert len(await scene.rows()) == 1


async def test_a_subject_without_an_applicant_has_consented_to_nothing(scene: Scene) -> None:
    scene.source(consent="credit_analysis")
    with pytest.raises(ConsentMissing):
        await scene.ask(someone(), Subject("analysis-1", None))


async def test_every_bureau_is_asked_and_a_missing_one_only_missed_where_allowed(
    scene: Scene,
) -> None:
    who = someone("story")
    scene.changes |= {
        "bureau": {"validity_days": 0},
        "bureau_second": {"enabled": False},
        f"spare{scene.main}": {"capability": "bureau", "cost": 7, "order": 2},
    }
    subject = scene.subject()
    request = BureauRequest(name=who.name, identity_number=who.identity_number, mobile=who.mobile)
    await scene.bench.simulators.fault("bureau", status=500)
    await scene.settle()
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.gateway().query_all(request, subject)
    assert failed.value.provider == "bureau"
    await scene.settle()
    [one] = await scene.gateway().query_all(request, subject, may_miss=1)
    assert (one.source, one.answer.score) == (f"spare{scene.main}", 610)
    await scene.spare.fault("bureau", status=500)
    await scene.bench.simulators.repair()
    # The spare's answer to this very enquiry is on record, though it is valid for no other.
    await scene.settle()
    told = await scene.gateway().query_all(request, subject)
    assert [(one.source, one.reused) for one in told] == [
        ("bureau", False),
        (f"spare{scene.main}", True),
    ]
    await scene.bench.simulators.fault("bureau", status=500)
    await scene.settle()
    with pytest.raises(ProviderUnavailable):
        await scene.gateway().query_all(request, scene.subject(), may_miss=2)


async def test_the_audit_shows_nobody(scene: Scene) -> None:
    who = someone()
    await scene.ask(who)
    await scene.ask(someone("name_mismatch"))
    async with scene.bench.database.read() as tx:
        records = await tx.connection.fetch(
            "select e::text as row, e.asked from enquiries e where application_id = $1",
            scene.known.start.application_id,
        )
    canaries = (who.name, who.identity_number, who.identity_number[6:14], who.mobile)
    text = "".join(record["row"] for record in records)
    as_hex = [canary.encode().hex() for canary in canaries]
    assert not [canary for canary in (*canaries, *as_hex) if canary in text]
    masked = (await scene.rows())[0]
    number = who.identity_number
    assert masked.asked == {
        "name": {"characters": len(who.name)},
        "identity_number": f"{number[:6]}********{number[-4:]}",
    }
    assert masked.answered == {"verdict": "match", "reasons": []}


@pytest.mark.parametrize(
    "statement",
    [
        "update enquiries set outcome = 'match' where application_id = $1",
        "update enquiries set cost = 0 where application_id = $1",
        "delete from enquiries where application_id = $1",
    ],
)
async def test_what_has_ended_is_not_changed(scene: Scene, statement: str) -> None:
    await scene.ask(someone("name_mismatch"))
    async with scene.bench.database.autocommit() as tx:
        with pytest.raises(asyncpg.RestrictViolationError):
            await tx.connection.execute(statement, scene.known.start.application_id)


async def test_an_answer_may_be_forgotten_and_is_then_asked_for_again(scene: Scene) -> None:
    who = someone()
    await scene.ask(who)
    async with scene.bench.database.autocommit() as tx:
        await tx.connection.execute(
            "update enquiries set answer_enc = null where application_id = $1",
            scene.known.start.application_id,
        )
    assert not (await scene.ask(who)).reused


async def test_an_answer_of_a_form_no_longer_understood_is_asked_for_again(scene: Scene) -> None:
    who, subject = someone(), scene.subject()
    await scene.ask(who, subject)

    class Longer(VerificationResponse):
        since: datetime

    class LongerRequest(TwoFactorRequest[Longer]):
        capability = RealNameRequest.capability
        operation = RealNameRequest.operation

        def read(self, content: bytes) -> Longer:
            short = VerificationResponse.model_validate_json(content)
            return Longer(verdict=short.verdict, reasons=short.reasons, since=MORNING)

    request = LongerRequest(**real_name(who).model_dump())
    await scene.settle()
    told = await scene.gateway().query(request, subject)
    assert (told.reused, told.answer.since) == (False, MORNING)
    assert await scene.calls(who) == 2


async def test_only_the_source_that_was_named_is_asked(scene: Scene) -> None:
    spare = scene.add_spare(f"spare{scene.main}")
    subject, who = scene.subject(), someone()
    await scene.settle()
    told = await scene.gateway().query(real_name(who), subject, only=spare)
    assert told.source == spare


async def test_an_answer_that_will_change_is_handed_back_and_not_kept(scene: Scene) -> None:
    """Such as the state of a report that is not ready: asked for under one key again and again."""
    subject, who = scene.subject(), someone()

    class ForNow(VerificationResponse):
        @property
        def assessment(self) -> Assessment:
            return replace(super().assessment, cacheable=False)

    class ForNowRequest(TwoFactorRequest[ForNow]):
        capability = RealNameRequest.capability
        operation = RealNameRequest.operation

    request = ForNowRequest(**real_name(who).model_dump())
    gateway = scene.gateway()
    await scene.settle()
    told = [await gateway.query(request, subject) for _ in range(2)]
    assert [one.reused for one in told] == [False, False]
    assert (await scene.usage())[0].answered == 2


async def test_a_report_that_is_not_ready_is_no_failure_in_the_metrics(scene: Scene) -> None:
    subject, who = scene.subject(), someone()

    class NotReady(VerificationResponse):
        @property
        def assessment(self) -> Assessment:
            return Assessment(Verdict.UNAVAILABLE, None, is_conclusive=True, cacheable=False)

    class NotReadyRequest(TwoFactorRequest[NotReady]):
        capability = RealNameRequest.capability
        operation = RealNameRequest.operation

    await scene.settle()
    await scene.gateway().query(NotReadyRequest(**real_name(who).model_dump()), subject)
    assert [ending[1] for ending in await scene.endings()] == ["unavailable"]
    counted = {
        outcome: REGISTRY.get_sample_value(
            "loanflow_enquiries_total", {"source": scene.main, "outcome": outcome}
        )
        for outcome in ("pending", "unavailable")
    }
    assert counted == {"pending": 1.0, "unavailable": None}
