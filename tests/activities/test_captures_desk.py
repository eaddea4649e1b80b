"""Captures at the enquiry desk: audited, paid once, begun at whoever is up, ended where begun."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.enquiries import Desk
from activities.registry import assemble
from domain import elements
from domain.data_sources import catalogue
from domain.elements import ElementKind, Verdict
from providers.registry import Providers
from sandbox.captures import RIGHT_CODE
from sandbox.personas import person
from storage.captures import CaptureRow
from storage.enquiries import EnquiryRow
from tests.activities.story import Bench
from tests.activities.test_elements import Capturing, capturing

NOBODY = "http://127.0.0.1:9"


async def enquiries(capture: Capturing, capability: str) -> list[EnquiryRow]:
    async with capture.of.bench.database.read() as tx:
        rows = await tx.enquiries.of_application(capture.application_id)
    return [row for row in rows if row.capability == capability]


async def recorded(capture: Capturing) -> CaptureRow:
    async with capture.of.bench.database.read() as tx:
        row = await tx.captures.get(capture.element_id)
    assert row is not None
    return row


@pytest.fixture
async def others(bench: Bench) -> AsyncIterator[Providers]:
    """Providers by whom a source whose name begins with `dead` is not there."""
    config = bench.standins.config
    async with Providers.connect(
        lambda source: NOBODY if source.startswith("dead") else bench.standins.url,
        SecretStr(config.api_key),
        SecretStr(config.signing_secret),
        1.0,
    ) as providers:
        yield providers


def at(bench: Bench, providers: Providers, sources: dict[str, dict[str, Any]]) -> Bench:
    """The same activities, with other sources."""
    desk = Desk(bench.database, providers, catalogue(sources))
    by_queue = assemble(bench.database, bench.standins.providers, bench.starts, desk)
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
    report = await capturing(bench, who)
    await report.start()
    await report.confirm(await report.enter("000000"))
    await bench.standins.fault("operator_report", operation="confirm", hold=True)
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


async def test_a_second_source_begins_and_no_other_goes_on(bench: Bench, others: Providers) -> None:
    two = at(bench, others, report_sources())
    report = await capturing(two, person("approved", 6002))
    assert (await report.start()).verdict is Verdict.AWAITING_CODE
    assert (await recorded(report)).source == "spare_report"

    await bench.standins.fault("operator_report", operation="confirm", hold=True)
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
    report.of.bench = at(bench, others, without)
    with pytest.raises(ApplicationError) as failure:
        await report.poll()
    assert failure.value.type == "ProviderUnavailable"
    assert len(await enquiries(report, "operator_report")) == len(rows)
    report.of.bench = two
    assert (await report.poll()).verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        verified = await tx.elements.verification(report.element_id)
    assert verified is not None
    assert verified.provider == "spare_report"


async def test_a_used_up_quota_begins_nothing(bench: Bench) -> None:
    none = {"ecommerce": {"daily_quota": 0}}
    bench = at(bench, bench.standins.providers, none)
    imported = await capturing(
        bench, person("approved", 6003), elements.Ecommerce(platform="taobao")
    )
    with pytest.raises(ApplicationError) as failure:
        await imported.start()
    assert "quota_exhausted" in str(failure.value)
    [row] = await enquiries(imported, "ecommerce")
    assert (row.outcome, row.cost) == ("exhausted", 0)


async def test_a_platform_that_is_not_served_is_a_mismatch_with_its_reason(bench: Bench) -> None:
    imported = await capturing(
        bench, person("approved", 6004), elements.Ecommerce(platform="other")
    )
    progress = await imported.start()
    assert (progress.verdict, progress.reason) == (Verdict.MISMATCH, "platform_not_supported")
    assert imported.kind is ElementKind.ECOMMERCE
