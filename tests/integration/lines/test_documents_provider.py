"""Signing and messaging against their simulators: one effect for a number, however often sent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from providers import ProviderRejected, ProviderUnavailable
from providers.messaging import MessageReceipt, MessageRequest
from providers.signing import Signature, SignRequest
from runtime.clock import utc_now
from sandbox.personas import Person, person
from tests.integration.source_clients import signature_of
from tests.simulators import Simulators, connected, sandbox_config

DIGEST = "ab" * 32


@pytest.fixture(scope="module")
async def simulators(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulators]:
    async with connected(sandbox_config(tmp_path_factory.mktemp("sandbox"))) as running:
        yield running


async def sign(
    simulators: Simulators, contract_no: str, digest: str = DIGEST, who: Person | None = None
) -> Signature:
    signer = who or person("story")
    return await simulators.providers.call(
        SignRequest(
            contract_no=contract_no,
            document_sha256=digest,
            name=signer.name,
            identity_number=signer.identity_number,
            mobile=signer.mobile,
        ),
        request_id=contract_no,
    )


async def send(simulators: Simulators, message_id: str, template: str) -> MessageReceipt:
    return await simulators.providers.call(
        MessageRequest(
            message_id=message_id,
            mobile=person("story").mobile,
            template=template,
            variables={"amount": "945.60", "due": "2026-03-01"},
        ),
        request_id=message_id,
    )


async def test_a_contract_is_signed_once(simulators: Simulators) -> None:
    signatures = await asyncio.gather(*(sign(simulators, "contract:1") for _ in range(20)))
    assert len({signature.evidence_id for signature in signatures}) == 1
    assert abs((utc_now() - signatures[0].signed_at).total_seconds()) < 60
    assert await signature_of(simulators.providers, "contract:1") == signatures[0]


async def test_another_document_or_signer_is_refused(simulators: Simulators) -> None:
    await sign(simulators, "contract:2")
    with pytest.raises(ProviderRejected) as document:
        await sign(simulators, "contract:2", digest="cd" * 32)
    with pytest.raises(ProviderRejected) as signer:
        await sign(simulators, "contract:2", who=person("approved"))
    assert {document.value.code, signer.value.code} == {"contract_conflict"}


async def test_an_unsigned_contract_is_none(simulators: Simulators) -> None:
    assert await signature_of(simulators.providers, "contract:none") is None


async def test_a_signature_whose_answer_was_lost_is_found_again(simulators: Simulators) -> None:
    await simulators.fault("signing", operation="sign", times=1, lose_response=True)
    with pytest.raises(ProviderUnavailable):
        await sign(simulators, "contract:3")
    found = await signature_of(simulators.providers, "contract:3")
    assert found == await sign(simulators, "contract:3")


async def test_a_message_is_accepted_once(simulators: Simulators) -> None:
    receipts = await asyncio.gather(
        *(send(simulators, "message:1", "repayment_reminder") for _ in range(20))
    )
    assert {receipt.status for receipt in receipts} == {"accepted"}
    response = await simulators.console.get("/sandbox/messages", params={"message_id": "message:1"})
    (message,) = response.json()
    assert message["template"] == "repayment_reminder"
    assert person("story").mobile not in response.text


async def test_a_message_id_is_not_reused(simulators: Simulators) -> None:
    await send(simulators, "message:2", "repayment_reminder")
    with pytest.raises(ProviderRejected) as caught:
        await send(simulators, "message:2", "overdue_notice")
    assert caught.value.code == "message_conflict"
