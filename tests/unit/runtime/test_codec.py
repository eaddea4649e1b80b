from collections.abc import AsyncIterator, Callable
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from google.protobuf.json_format import MessageToJson, Parse
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads

from api.http.auth import Authenticator
from api.http.callers import Callers
from api.http.codec import codec_router
from api.http.wrong_credentials import WrongCredentials
from domain.people.principals import Principal, StaffRole
from domain.people.staff import PersonLeft
from messages.ids import new_id
from runtime.keyring import Keyring, Tampered, UnknownKey
from runtime.settings import Settings, Token
from runtime.temporal.codec import ENCODING, KeyringCodec, ProcessCodec
from runtime.temporal.converter import UNREADABLE, CheckedPayloadConverter, TamperedPayload

FreshKeys = Callable[..., str]

CANARY = b'{"name":"canary"}'
UI = "http://127.0.0.1:8233"


def payload() -> Payload:
    return Payload(metadata={"encoding": b"json/plain", "messageType": b"Name"}, data=CANARY)


async def test_sealed_payloads_show_neither_data_nor_metadata(fresh_keys: FreshKeys) -> None:
    codec = KeyringCodec(Keyring.parse(fresh_keys("k1")))
    (sealed,) = await codec.encode([payload()])
    assert sealed.metadata == {"encoding": b"binary/encrypted", "encryption-key-id": b"k1"}
    assert b"canary" not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert await codec.decode([sealed]) == [payload()]


async def test_payloads_of_others_pass_through(fresh_keys: FreshKeys) -> None:
    codec = KeyringCodec(Keyring.parse(fresh_keys("k1")))
    assert await codec.decode([payload()]) == [payload()]


async def test_old_keys_open_and_unknown_ones_do_not(fresh_keys: FreshKeys) -> None:
    old, new = fresh_keys("old"), fresh_keys("new")
    (sealed,) = await KeyringCodec(Keyring.parse(old)).encode([payload()])
    assert await KeyringCodec(Keyring.parse(f"{new},{old}")).decode([sealed]) == [payload()]
    with pytest.raises(UnknownKey, match="old"):
        await KeyringCodec(Keyring.parse(new)).decode([sealed])


async def test_a_changed_payload_is_refused(fresh_keys: FreshKeys) -> None:
    codec = KeyringCodec(Keyring.parse(fresh_keys("k1")))
    (sealed,) = await codec.encode([payload()])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(Tampered):
        await codec.decode([sealed])


class Colleagues:
    """A directory in which everybody holds every role, but for one who left."""

    async def principal(self, handle: str, role: StaffRole) -> Principal:
        if handle == "former-1":
            raise PersonLeft(handle)
        return Principal(role, handle, new_id("stf"))


def client_of(settings: Settings, host: str = "127.0.0.1") -> httpx.AsyncClient:
    app = FastAPI()
    # Without a database: wrong tokens are counted where they are refused.
    authenticator = Authenticator(Callers(settings), Colleagues(), cast("WrongCredentials", None))
    app.include_router(codec_router(settings, authenticator.principal))
    transport = httpx.ASGITransport(app, client=(host, 50000))
    return httpx.AsyncClient(transport=transport, base_url="http://codec")


@pytest.fixture
async def body(settings: Settings) -> str:
    codec = KeyringCodec(Keyring.parse(settings.payload_keys.get_secret_value()))
    return MessageToJson(Payloads(payloads=await codec.encode([payload()])))


@pytest.fixture
def production(settings: Settings) -> Settings:
    tokens = [
        Token(token=SecretStr("ops-token"), role="ops", subject="ops-1"),
        Token(token=SecretStr("former-token"), role="ops", subject="former-1"),
        Token(token=SecretStr("gate-token"), role="codec", subject="ui-gate"),
        Token(token=SecretStr("reviewer-token"), role="reviewer", subject="reviewer-1"),
    ]
    return settings.model_copy(update={"environment": "production", "tokens": tokens})


@pytest.fixture
async def local(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings) as client:
        yield client


async def test_the_temporal_ui_reads_on_this_machine(local: httpx.AsyncClient, body: str) -> None:
    preflight = await local.options(
        "/codec/decode", headers={"origin": UI, "access-control-request-method": "POST"}
    )
    assert preflight.headers["access-control-allow-origin"] == UI
    assert "x-namespace" in preflight.headers["access-control-allow-headers"]
    answer = await local.post("/codec/decode", content=body, headers={"origin": UI})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == UI
    assert Parse(answer.text, Payloads()).payloads[0] == payload()


async def test_pages_of_other_origins_cannot_read(local: httpx.AsyncClient, body: str) -> None:
    answer = await local.post(
        "/codec/decode", content=body, headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_other_machines_need_a_token_even_locally(settings: Settings, body: str) -> None:
    async with client_of(settings, "10.0.0.7") as client:
        assert (await client.post("/codec/decode", content=body)).status_code == 401


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Bearer reviewer-token", 401),
        ("Basic ops-token", 401),
        ("Bearer former-token", 401),
        ("Bearer ops-token", 200),
        ("Bearer gate-token", 200),
    ],
)
async def test_production_asks_for_ops(
    production: Settings, body: str, authorization: str | None, status: int
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    async with client_of(production) as client:
        answer = await client.post("/codec/decode", content=body, headers=headers)
    assert answer.status_code == status
    assert ("canary" in answer.text) is False


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"payloads": 1}', b"\xff", b'{"nothing": 1}'])
async def test_a_body_that_is_not_payloads_is_refused(
    local: httpx.AsyncClient, content: bytes
) -> None:
    assert (await local.post("/codec/decode", content=content)).status_code == 422


async def test_a_payload_of_an_unknown_key_is_told_without_detail(
    local: httpx.AsyncClient, fresh_keys: FreshKeys
) -> None:
    codec = KeyringCodec(Keyring.parse(fresh_keys("elsewhere")))
    body = MessageToJson(Payloads(payloads=await codec.encode([payload()])))
    answer = await local.post("/codec/decode", content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "a payload cannot be decrypted: UnknownKey"


async def test_an_endless_body_is_cut_off(local: httpx.AsyncClient) -> None:
    answer = await local.post("/codec/decode", content=b" " * (9 * 1024 * 1024))
    assert answer.status_code == 413


async def test_the_temporal_ui_sends_on_this_machine(local: httpx.AsyncClient) -> None:
    """More Actions, Send a Signal: the UI has its payload encrypted first (fault list, S9)."""
    preflight = await local.options(
        "/codec/encode", headers={"origin": UI, "access-control-request-method": "POST"}
    )
    assert preflight.headers["access-control-allow-origin"] == UI
    plain = MessageToJson(Payloads(payloads=[payload()]))
    answer = await local.post("/codec/encode", content=plain, headers={"origin": UI})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == UI
    assert "canary" not in answer.text
    (sealed,) = Parse(answer.text, Payloads()).payloads
    assert sealed.metadata["encoding"] == b"binary/encrypted"
    back = await local.post("/codec/decode", content=answer.text, headers={"origin": UI})
    assert Parse(back.text, Payloads()).payloads[0] == payload()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer gate-token", 401),
        ("Bearer reviewer-token", 401),
        ("Bearer former-token", 401),
        ("Bearer ops-token", 200),
    ],
)
async def test_production_encrypts_for_people_only(
    production: Settings, authorization: str | None, status: int
) -> None:
    """What is encrypted counts as sent by us: a shared password is not enough."""
    headers = {"authorization": authorization} if authorization else {}
    plain = MessageToJson(Payloads(payloads=[payload()]))
    async with client_of(production) as client:
        answer = await client.post("/codec/encode", content=plain, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("encrypted_only", [False, True])
async def test_what_cannot_be_opened_is_read_by_no_converter(
    fresh_keys: FreshKeys, encrypted_only: bool
) -> None:
    """A process goes on without it; one that lacks a key waits for the key."""
    keys = fresh_keys("k1")
    codec = ProcessCodec(Keyring.parse(keys), encrypted_only=encrypted_only)
    (sealed,) = await codec.encode([payload()])
    assert await codec.decode([sealed]) == [payload()]

    broken = Payload.FromString(sealed.SerializeToString())
    broken.data = broken.data[:-1] + bytes([broken.data[-1] ^ 1])
    empty = Payload(metadata={"encoding": ENCODING})
    for unread in await codec.decode([broken, empty]):
        assert unread == Payload(metadata={"encoding": UNREADABLE})
        with pytest.raises(TamperedPayload):
            CheckedPayloadConverter().from_payloads([unread], [str])

    (elsewhere,) = await KeyringCodec(Keyring.parse(fresh_keys("k2"))).encode([payload()])
    with pytest.raises(UnknownKey):
        await codec.decode([elsewhere])


async def test_outside_the_local_environment_only_what_we_sealed_is_read(
    fresh_keys: FreshKeys,
) -> None:
    """Whoever reaches the server can send a signal; without our key it decides nothing."""
    keyring = Keyring.parse(fresh_keys("k1"))
    plain = payload()
    assert await ProcessCodec(keyring, encrypted_only=False).decode([plain]) == [plain]
    (refused,) = await ProcessCodec(keyring, encrypted_only=True).decode([plain])
    assert refused == Payload(metadata={"encoding": UNREADABLE})
