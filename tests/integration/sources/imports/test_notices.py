"""The signed notices of data imports: late, twice, forged, refused, across a restart."""

from dataclasses import replace
from pathlib import Path

from providers.http.client import ProviderClient
from providers.http.signature import SignatureInvalid, verify_signature
from providers.verification.data_import import ReportNotice, ReportStatus
from runtime.clock import utc_now
from sandbox.personas import stranger
from tests.integration.source_clients import (
    confirmed,
    ended,
    notice_of,
    report_query,
    reported,
    signed_client,
)
from tests.simulators import Callbacks, Simulators, connected, sandbox_config


async def test_notices_come_late_twice_and_forged(
    client: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    callbacks.statuses[:] = [401, 401, 401, 200, 200, 200]
    await simulators.fault(
        "callbacks",
        operation="report",
        times=1,
        latency_seconds=0.2,
        duplicates=2,
        forge_signature=True,
    )
    data_import = await confirmed(client, stranger(13))
    await ended(client, report_query(data_import))
    assert callbacks.received.empty(), "the notice is late"
    posts = [await callbacks.next() for _ in range(6)]
    assert {ReportNotice.model_validate_json(body).capture_no for _, body in posts} == {
        data_import["capture_no"]
    }
    assert len({body for _, body in posts}) == 1
    secret = simulators.config.callback_secret
    faults = [fault_of(secret, headers["x-signature"], body) for headers, body in posts]
    assert sorted(faults, key=str) == [None, None, None, "wrong", "wrong", "wrong"]


def fault_of(secret: str, header: str, body: bytes) -> str | None:
    """Return the code of what is wrong with a signature."""
    try:
        verify_signature(secret, header, body, utc_now())
    except SignatureInvalid as error:
        return error.code
    return None


async def test_a_running_data_import_and_its_notice_survive_a_restart(
    tmp_path: Path, callbacks: Callbacks
) -> None:
    patient = replace(sandbox_config(tmp_path, callbacks.url), settle_seconds=600)
    async with connected(patient) as simulators, signed_client(simulators) as client:
        data_import = await confirmed(client, stranger(40))
        assert (await reported(client, data_import)).status is ReportStatus.PENDING
    async with connected(replace(patient, settle_seconds=0.05)) as simulators:
        notice, _ = await notice_of(callbacks, simulators, data_import["capture_no"])
        assert notice.status == "done"
        async with signed_client(simulators) as client:
            assert (await reported(client, data_import)).status is ReportStatus.DONE


async def test_a_notice_is_posted_until_it_is_taken(
    client: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    callbacks.statuses[:] = [500, 404]
    data_import = await confirmed(client, stranger(41))
    posts = [await notice_of(callbacks, simulators, data_import["capture_no"]) for _ in range(3)]
    assert len({notice.event_id for notice, _ in posts}) == 1
