"""Data imports at the gateway: audited, paid once, begun at whoever is up, ended where begun."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.registry import assemble
from activities.sources.enquiries import DataSourceGateway
from domain.people.consents import CONSENT_TEXT, Purpose
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from messages.ids import new_id
from providers.registry import Providers
from runtime.clock import utc_now
from sandbox.data_imports import RIGHT_CODE
from sandbox.personas import person
from storage.people.consents import ConsentCreate, ConsentRepository
from storage.sources import EnquiryRepository, EnquiryRow
from storage.verification.data_imports import DataImportRepository, DataImportRow
from storage.verification.elements import ElementRepository
from tests.definitions import Sources, ref, shipped
from tests.integration import story
from tests.integration.story import Bench
from tests.integration.verification.test_elements import Importing, importing

TODAYS_TEXT = shipped(CONSENT_TEXT, Purpose.CONTACTS_CHECK).version
NOBODY = "http://127.0.0.1:9"


async def enquiries(data_import: Importing, capability: str) -> list[EnquiryRow]:
    async with data_import.of.bench.database.read() as tx:
        rows = await EnquiryRepository(tx).of_application(data_import.application_id)
    return [row for row in rows if row.capability == capability]


async def recorded(data_import: Importing) -> DataImportRow:
    async with data_import.of.bench.database.read() as tx:
        row = await DataImportRepository(tx).get(data_import.element_id)
    assert row is not None
    return row


@pytest.fixture
async def others(bench: Bench) -> AsyncIterator[Providers]:
    """Providers by whom a source whose name begins with `dead` is not there."""
    config = bench.simulators.config
    async with Providers.connect(
        lambda source: NOBODY if source.startswith("dead") else bench.simulators.url,
        SecretStr(config.api_key),
        SecretStr(config.signing_secret),
        1.0,
    ) as providers:
        yield providers


def at(bench: Bench, providers: Providers) -> Bench:
    """The same activities, with other providers."""
    gateway = DataSourceGateway(bench.database, providers)
    by_queue = assemble(bench.database, bench.simulators.providers, bench.starts, gateway)
    return replace(bench, by_queue=by_queue)


def report_sources(**second: object) -> dict[str, dict[str, Any]]:
    """Two sources of operator's reports in place of the shipped one, of which one is not there."""
    return {
        "operator_report": {"enabled": False},
        "dead_report": {"capability": "operator_report", "order": 1, "cost": 10},
        "spare_report": {"capability": "operator_report", "order": 2, "cost": 10, **second},
    }


async def test_every_step_is_audited_and_the_beginning_is_paid(bench: Bench) -> None:
    who = person("approved", 6001)
    report = await importing(bench, who)
    await report.start()
    await report.confirm(await report.enter("000000"))
    await bench.simulators.fault("operator_report", operation="confirm", hold=True)
    await report.confirm(await report.enter(RIGHT_CODE))
    await report.poll()
    await report.finish()
    assert (await report.poll()).verdict is Verdict.MATCH

    rows = await enquiries(report, "operator_report")
    assert [(row.operation, row.outcome, row.code, row.cost) for row in rows] == [
        ("begin", "match", None, 300),
        ("confirm", "mismatch", "wrong_code", 0),
        ("confirm", "match", None, 0),
        ("report", "unavailable", None, 0),
        ("report", "match", None, 0),
    ]
    assert all(row.consent_id for row in rows)
    told = str([(row.asked, row.answered) for row in rows])
    for secret in (who.name, who.identity_number, who.mobile, RIGHT_CODE):
        assert secret not in told
    assert rows[-1].answered is not None
    assert set(rows[-1].answered) == {"status", "reason", "retry_after_seconds", "facts"}


async def contacts_called(bench: Bench, index: int, *, told: bool, agreed: str | None) -> Any:
    """Return the fact of a report whose owner called the first of the contacts, if told of."""
    report = await importing(bench, person("approved", index))
    applicant_id = report.of.start.applicant_id
    if told:
        await report.of.provide(
            story.personal_information(report.of.person, "13800000001", "13912345678")
        )
    async with bench.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            applicant_id, Purpose.CONTACTS_CHECK, revoked_by="x", at=utc_now()
        )
        if agreed is not None:
            await ConsentRepository(tx).grant(
                applicant_id,
                [
                    ConsentCreate(
                        new_id("con"),
                        Purpose.CONTACTS_CHECK,
                        agreed,
                        "0" * 64,
                        ref(CONSENT_TEXT, Purpose.CONTACTS_CHECK),
                    )
                ],
                channel="app",
                given_by="x",
                at=utc_now(),
            )
    await report.start()
    await report.confirm(await report.enter(RIGHT_CODE))
    await report.finish()
    assert (await report.poll()).verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        verified = await ElementRepository(tx).verification(report.element_id)
    assert verified is not None
    return verified.facts["emergency_contacts_called"]


@pytest.mark.parametrize(
    ("told", "agreed", "fact"),
    [(True, TODAYS_TEXT, 1), (False, TODAYS_TEXT, None), (True, None, None), (True, "1", None)],
)
async def test_calls_are_compared_with_contacts_who_are_known_and_only_with_consent(
    bench: Bench, told: bool, agreed: str | None, fact: int | None
) -> None:
    """What was not compared is unknown, and never nought; the consent's first text said nothing."""
    index = 6010 + [TODAYS_TEXT, None, "1"].index(agreed) + 3 * told
    assert await contacts_called(bench, index, told=told, agreed=agreed) == fact


async def test_a_second_source_begins_and_no_other_goes_on(
    bench: Bench, others: Providers, sources: Sources
) -> None:
    await sources.be(report_sources())
    report = await importing(at(bench, others), person("approved", 6002))
    assert (await report.start()).verdict is Verdict.AWAITING_CODE
    assert (await recorded(report)).source == "spare_report"

    await bench.simulators.fault("operator_report", operation="confirm", hold=True)
    await report.confirm(await report.enter(RIGHT_CODE))
    assert (await report.poll()).verdict is Verdict.PENDING
    rows = await enquiries(report, "operator_report")
    assert [(row.source, row.operation, row.outcome) for row in rows] == [
        ("dead_report", "begin", "unsent"),
        ("spare_report", "begin", "match"),
        ("spare_report", "confirm", "match"),
        ("spare_report", "report", "unavailable"),
    ]
    await report.finish()
    # The one that began it is switched off: nobody else can know, and nothing is judged.
    without = report_sources(enabled=False)
    without["third_report"] = {"capability": "operator_report", "order": 3}
    await sources.be(without)
    with pytest.raises(ApplicationError) as failure:
        await report.poll()
    assert failure.value.type == "ProviderUnavailable"
    assert len(await enquiries(report, "operator_report")) == len(rows)
    await sources.be(report_sources())
    assert (await report.poll()).verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        verified = await ElementRepository(tx).verification(report.element_id)
    assert verified is not None
    assert verified.provider == "spare_report"


async def test_a_used_up_quota_begins_nothing(bench: Bench, sources: Sources) -> None:
    await sources.be({"ecommerce": {"daily_quota": 0}})
    imported = await importing(
        bench, person("approved", 6003), elements.Ecommerce(platform="taobao")
    )
    with pytest.raises(ApplicationError) as failure:
        await imported.start()
    assert "quota_exhausted" in str(failure.value)
    [row] = await enquiries(imported, "ecommerce")
    assert (row.outcome, row.cost) == ("exhausted", 0)


async def test_a_platform_that_is_not_served_is_a_mismatch_with_its_reason(bench: Bench) -> None:
    imported = await importing(
        bench, person("approved", 6004), elements.Ecommerce(platform="other")
    )
    progress = await imported.start()
    assert (progress.verdict, progress.reason) == (Verdict.MISMATCH, "platform_not_supported")
    assert imported.kind is ElementKind.ECOMMERCE
