"""Third parties that fail, lie or refuse: the class of error, and what is written about it."""

import asyncio
import contextlib
import itertools
import json
import logging
import socket
from datetime import timedelta

import httpx
import pytest
import structlog
from pydantic import SecretStr

from providers import ProviderRejected, Providers, ProviderUnavailable, Verdict
from providers.http.connection_pool import ConnectionPool
from providers.sources.credit_history import BureauRequest
from providers.verification.factors import OperatorRequest, RealNameRequest
from providers.verification.liveness import Action, CompareRequest
from sandbox import pictures
from sandbox.personas import Person, person
from tests.simulators import READ_SECONDS, Simulators

_ids = itertools.count()
ACTIONS: list[Action] = ["blink", "nod"]


@pytest.fixture
async def simulators(served: Simulators) -> Simulators:
    """The module's simulators without faults."""
    await served.console.delete("/sandbox/faults")
    return served


def fresh_id() -> str:
    return f"elt_{next(_ids)}"


async def real_name(providers: Providers, who: Person) -> tuple[Verdict, tuple[str, ...]]:
    answer = await providers.call(
        RealNameRequest(name=who.name, identity_number=who.identity_number), request_id=fresh_id()
    )
    return answer.verdict, answer.reasons


async def operator(providers: Providers, who: Person) -> tuple[Verdict, tuple[str, ...]]:
    answer = await providers.call(
        OperatorRequest(
            name=who.name,
            identity_number=who.identity_number,
            mobile=who.mobile,
        ),
        request_id=fresh_id(),
    )
    return answer.verdict, answer.reasons


async def test_hundreds_of_calls_share_the_connections(simulators: Simulators) -> None:
    config = simulators.config
    key, secret = SecretStr(config.api_key), SecretStr(config.signing_secret)
    # A minute of patience: how fast they are served is not what is asked here.
    async with Providers.connect(lambda _: simulators.url, key, secret, 60) as providers:
        answers = await asyncio.gather(
            *(real_name(providers, person("story", index)) for index in range(300))
        )
    assert set(answers) == {(Verdict.MATCH, ())}


async def test_waiting_for_a_connection_has_an_end(simulators: Simulators) -> None:
    async with httpx.AsyncClient(
        transport=ConnectionPool(1), timeout=httpx.Timeout(5, pool=0.1), base_url=simulators.url
    ) as client:
        async with client.stream("GET", "/health"):
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/health")
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize("steps", range(20))
async def test_a_call_that_was_cut_off_leaves_its_connection_to_nobody(
    simulators: Simulators, steps: int
) -> None:
    """Wherever it is cut off: while it connects, while it sends, while it waits."""
    async with httpx.AsyncClient(
        transport=ConnectionPool(1), timeout=httpx.Timeout(5, pool=0.5), base_url=simulators.url
    ) as client:
        cut_off = asyncio.create_task(client.get("/health"))
        for _ in range(steps):
            await asyncio.sleep(0)
        cut_off.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await cut_off
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 500}, "server_error"),
        ({"status": 503}, "server_error"),
        ({"status": 429}, "rate_limited"),
        ({"status": 408}, "timeout"),
        ({"reset": True}, "connection_lost"),
        ({"lose_response": True}, "connection_lost"),
        ({"garbage": "not_json"}, "invalid_response"),
        ({"garbage": "wrong_shape"}, "invalid_response"),
        ({"garbage": "empty"}, "invalid_response"),
        ({"garbage": "huge"}, "invalid_response"),
        ({"latency_seconds": 30}, "timeout"),
    ],
)
async def test_a_failing_provider_is_unavailable_and_recovers_by_itself(
    simulators: Simulators, fault: dict[str, object], code: str
) -> None:
    await simulators.fault("real_name", times=1, **fault)
    with pytest.raises(ProviderUnavailable) as caught:
        await real_name(simulators.providers, person("story"))
    assert (caught.value.provider, caught.value.code) == ("real_name", code)
    assert caught.value.__context__ is None, "a chained error could quote what was sent"
    assert await real_name(simulators.providers, person("story")) == (Verdict.MATCH, ())


async def test_faults_strike_one_provider_until_cleared(simulators: Simulators) -> None:
    await simulators.fault("real_name", status=500)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            await real_name(simulators.providers, person("story"))
    assert await operator(simulators.providers, person("story")) == (Verdict.MATCH, ())
    await simulators.console.delete("/sandbox/faults")
    assert await real_name(simulators.providers, person("story")) == (Verdict.MATCH, ())


@pytest.mark.parametrize(
    ("seconds", "wish"), [(7, timedelta(seconds=7)), (86_400, timedelta(hours=1)), (None, None)]
)
async def test_a_provider_may_wish_when_to_be_asked_again(
    simulators: Simulators, seconds: int | None, wish: timedelta | None
) -> None:
    await simulators.fault("real_name", times=1, status=429, retry_after=seconds)
    with pytest.raises(ProviderUnavailable) as caught:
        await real_name(simulators.providers, person("story"))
    assert caught.value.retry_after == wish


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_a_refusal_is_not_for_repeating(simulators: Simulators, status: int) -> None:
    await simulators.fault("real_name", times=1, status=status)
    with pytest.raises(ProviderRejected) as caught:
        await real_name(simulators.providers, person("story"))
    # A 403 speaks of our access, whatever code comes with it.
    assert caught.value.code == ("http_403" if status == 403 else "programmed_fault")


async def _answering(response: bytes) -> tuple[asyncio.Server, str]:
    """Serve `response` to everybody, as a broken server would."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(response)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _http(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    "response",
    [
        _http("200 OK", b'{"verdict":"match","reasons":["name_mismatch"]}'),
        _http("200 OK", b'{"verdict":"pass"}'),
        _http("200 OK", b"[" * 100_000),
        _http("200 OK", b"\xff\xfe{}"),
        _http("302 Found", b'{"verdict":"match","reasons":[]}'),
        b"SSH-2.0-nonsense\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"verdict":"match","reasons":[]}',
    ],
)
async def test_nonsense_is_never_a_pass(response: bytes) -> None:
    server, url = await _answering(response)
    key = SecretStr("key")
    async with server, Providers.connect(lambda _: url, key, key, READ_SECONDS) as providers:
        with pytest.raises(ProviderUnavailable):
            await real_name(providers, person("story"))


async def test_a_provider_may_have_a_time_limit_of_its_own(simulators: Simulators) -> None:
    for name in ("real_name", "operator"):
        await simulators.fault(name, latency_seconds=0.6)
    config = simulators.config
    key, secret = SecretStr(config.api_key), SecretStr(config.signing_secret)
    limits = {"real_name": 10.0}
    connection = Providers.connect(lambda _: simulators.url, key, secret, 0.3, timeouts=limits)
    async with connection as providers:
        assert (await real_name(providers, person("story")))[0] is Verdict.MATCH
        with pytest.raises(ProviderUnavailable) as caught:
            await operator(providers, person("story"))
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("body", [b'{"code":"19901000000"}', b"no json", b'{"code":7}'])
async def test_only_codes_are_taken_from_a_refusal(body: bytes) -> None:
    server, url = await _answering(_http("400 Bad Request", body))
    key = SecretStr("key")
    async with server, Providers.connect(lambda _: url, key, key, READ_SECONDS) as providers:
        with pytest.raises(ProviderRejected) as caught:
            await real_name(providers, person("story"))
    assert str(caught.value) == "real_name: http_400"


@pytest.mark.parametrize(
    "body",
    [
        b'{"verdict":"match","reasons":[],"similarity":0.5,"threshold":0.8}',
        b'{"verdict":"match","reasons":[],"similarity":0.9}',
        b'{"verdict":"match","reasons":[],"similarity":NaN,"threshold":0.8}',
        b'{"verdict":"match","reasons":[],"similarity":93,"threshold":0.8}',
    ],
)
async def test_a_match_that_its_figures_do_not_bear_out_is_refused(body: bytes) -> None:
    server, url = await _answering(_http("200 OK", body))
    key, who = SecretStr("key"), person("story")
    async with server, Providers.connect(lambda _: url, key, key, READ_SECONDS) as providers:
        with pytest.raises(ProviderUnavailable) as caught:
            await providers.call(
                CompareRequest(face=pictures.face(who), identity_number="1" * 18),
                request_id=fresh_id(),
            )
    assert caught.value.code == "invalid_response"


@pytest.mark.parametrize(
    "facts",
    [
        '"score":299,"overdue_history":0,"lenders_queried_30d":0,"blacklisted":false',
        '"score":1001,"overdue_history":0,"lenders_queried_30d":0,"blacklisted":false',
        '"score":700.5,"overdue_history":0,"lenders_queried_30d":0,"blacklisted":false',
        '"score":700,"overdue_history":-1,"lenders_queried_30d":0,"blacklisted":false',
        '"score":700,"overdue_history":0,"lenders_queried_30d":0,"blacklisted":"no"',
        '"score":700,"overdue_history":0,"lenders_queried_30d":0',
    ],
)
async def test_a_bureau_report_is_whole_and_in_range(facts: str) -> None:
    body = f'{{"verdict":"match","reasons":[],{facts}}}'.encode()
    server, url = await _answering(_http("200 OK", body))
    key, who = SecretStr("key"), person("story")
    async with server, Providers.connect(lambda _: url, key, key, READ_SECONDS) as providers:
        with pytest.raises(ProviderUnavailable) as caught:
            await providers.call(
                BureauRequest(name=who.name, identity_number="1" * 18, mobile=who.mobile),
                request_id=fresh_id(),
            )
    assert caught.value.code == "invalid_response"


async def test_a_provider_that_is_down_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    key = SecretStr("key")
    async with Providers.connect(lambda _: url, key, key, READ_SECONDS) as providers:
        with pytest.raises(ProviderUnavailable) as caught:
            await real_name(providers, person("story"))
    assert caught.value.code == "connect_failed"


@pytest.mark.parametrize(
    ("api_key", "secret", "code"),
    [("wrong", None, "unauthorized"), (None, "wrong", "bad_signature")],
)
async def test_wrong_credentials_are_a_refusal(
    simulators: Simulators, api_key: str | None, secret: str | None, code: str
) -> None:
    config = simulators.config
    connection = Providers.connect(
        lambda _: simulators.url,
        SecretStr(api_key or config.api_key),
        SecretStr(secret or config.signing_secret),
        READ_SECONDS,
    )
    async with connection as providers:
        with pytest.raises(ProviderRejected) as caught:
            await real_name(providers, person("story"))
    assert caught.value.code == code


async def test_a_person_is_no_request_id(simulators: Simulators) -> None:
    with pytest.raises(ValueError, match="request id"):
        await simulators.providers.call(
            RealNameRequest(name="林小雨", identity_number="1" * 18), request_id="林小雨"
        )


async def test_each_call_is_logged_and_counted_without_personal_data(
    simulators: Simulators, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, config = person("story"), simulators.config
    counted: list[tuple[str, str, bool]] = []
    connection = Providers.connect(
        lambda _: simulators.url,
        SecretStr(config.api_key),
        SecretStr(config.signing_secret),
        READ_SECONDS,
        lambda provider, outcome, seconds: counted.append((provider, outcome, seconds >= 0)),
    )
    caplog.set_level(logging.DEBUG)
    errors = []
    imported = structlog.testing.LogCapture()
    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[imported])
    monkeypatch.setattr("providers.http.client._log", logger)
    async with connection as providers:
        for fault in ({}, {"status": 500}, {"status": 403}, {"garbage": "wrong_shape"}):
            await simulators.fault("operator", times=1, **fault)
            try:
                await operator(providers, who)
            except (ProviderRejected, ProviderUnavailable) as error:
                errors.append(repr(error))
            await simulators.console.delete("/sandbox/faults")
    events = imported.entries
    assert [event["outcome"] for event in events] == [
        "ok",
        "unavailable",
        "rejected",
        "unavailable",
    ]
    for event in events:
        assert event["event"] == "provider_call"
        assert (event["provider"], event["operation"]) == ("operator", "verify")
        assert event["milliseconds"] >= 0
        assert event["request_id"].startswith("elt_")
    assert counted == [("operator", event["outcome"], True) for event in events]
    written = json.dumps(events, ensure_ascii=False) + caplog.text + "".join(errors)
    for fact in (who.name, who.identity_number, who.mobile, config.signing_secret):
        assert fact not in written


async def test_the_record_of_calls_is_masked(simulators: Simulators) -> None:
    who = person("mobile_mismatch")
    request_id = fresh_id()
    await simulators.providers.call(
        OperatorRequest(
            name=who.name,
            identity_number=who.identity_number,
            mobile=who.mobile,
        ),
        request_id=request_id,
    )
    (call,) = await simulators.calls(request_id=request_id)
    assert (call["operation"], call["outcome"]) == ("verify", "mismatch")
    assert json.loads(call["details"])["reasons"] == ["mobile_mismatch"]
    for fact in (who.name, who.identity_number, who.mobile):
        assert fact not in json.dumps(call, ensure_ascii=False)
