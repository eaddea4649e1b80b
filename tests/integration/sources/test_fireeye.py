"""UnionPay Fireeye over real HTTP: the page's samples, every wire, every code, every refusal."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import unquote_plus

import pytest
from pydantic import SecretStr, ValidationError

from activities.registry import fireeye_access
from providers import ProviderRejected, Providers, ProviderUnavailable, Verdict
from providers.http.transport import open_pool
from providers.registry import FireeyeAccess
from providers.sources.fireeye import FireeyeClient
from providers.sources.fireeye_profile import FireeyeOperation, FireeyeProfile, FireeyeWire
from providers.sources.fireeye_requests import FireeyeCredentials, ScoreQuery, TransactionQuery
from providers.sources.fireeye_responses import Authentication
from runtime.settings import ProviderSettings
from sandbox.personas import Person, person, stranger
from tests.integration.source_clients import fireeye_client
from tests.simulators import Simulators

TODAY = date(2026, 11, 21)
CREDENTIALS = FireeyeCredentials("username", SecretStr("password"))
ESB = "/ares/ARESVerificationService/ARESVerificationServiceProxy/modelScore/modelScoreDataQuery"
SAMPLE_CARD, SAMPLE_IDENTITY = "6262320120123210", "411524198810280019"


def transaction(who: Person, **changed: Any) -> TransactionQuery:
    fields: dict[str, Any] = {
        "card_number": who.card_number,
        "transacted_on": date(2026, 11, 1),
        "amount": 21_200,
        "identity_number": who.identity_number,
        "asked_on": TODAY,
    }
    return TransactionQuery(**fields | changed)


def scored(who: Person, **changed: Any) -> ScoreQuery:
    fields = {
        "card_number": who.card_number,
        "identity_number": who.identity_number,
        "mobile": who.mobile,
    }
    return ScoreQuery(**fields | changed)


SAMPLE_TRANSACTION = TransactionQuery(
    card_number=SAMPLE_CARD,
    transacted_on=date(2016, 12, 1),
    amount=21_200,
    identity_number=SAMPLE_IDENTITY,
    asked_on=TODAY,
)
SAMPLE_SCORE = ScoreQuery(
    card_number=SAMPLE_CARD, identity_number=SAMPLE_IDENTITY, mobile="13888888888"
)


def sample_profile(base: str) -> FireeyeProfile:
    """The wires of the page's two samples, as far as they can be wanted."""
    return FireeyeProfile(
        transaction_authentication=FireeyeWire(
            url=f"{base}/creditScore/transationAuthentication",
            method="GET",
            encoding="query",
            envelope="none",
        ),
        model_score=FireeyeWire(url=f"{base}{ESB}"),
        amount_unit="fen",
    )


def sampling(base: str) -> AbstractAsyncContextManager[FireeyeClient]:
    """A client of the page's two samples."""
    return fireeye_client(sample_profile(base), CREDENTIALS)


def wired(base: str, **wire: Any) -> FireeyeProfile:
    """The published paths with this wire for both operations."""
    root = f"{base}/fireeye/creditScore"
    return FireeyeProfile(
        transaction_authentication=FireeyeWire(url=f"{root}/transationAuthentication", **wire),
        model_score=FireeyeWire(url=f"{root}/UnionPayModelScore", **wire),
    )


@pytest.fixture
async def fireeye(simulators: Simulators) -> AsyncIterator[FireeyeClient]:
    profile = FireeyeProfile.published(simulators.url)
    async with fireeye_client(profile, CREDENTIALS) as client:
        yield client


async def authenticate(client: FireeyeClient, query: TransactionQuery) -> Authentication:
    answer = await client.call(query, request_id="enq_1")
    return answer.outcome


async def score(client: FireeyeClient, query: ScoreQuery) -> int | None:
    return (await client.call(query, request_id="enq_1")).score


async def test_the_pages_first_sample_is_answered_as_printed(simulators: Simulators) -> None:
    query = (
        "data=%7B%22transDate%22%3A%2220161201%22%2C%22cardNo%22%3A%226262320120123210%22%2C"
        "%22certid%22%3A%22411524198810280019%22%2C%22transAmount%22%3A%2221200%22%7D"
    )
    response = await simulators.console.get(
        f"/creditScore/transationAuthentication?{query}",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"},
    )
    assert response.json() == {"respCd": "0000", "data": 1, "msg": "Success"}


async def test_the_pages_second_sample_is_answered_as_printed(simulators: Simulators) -> None:
    body = (
        'data={"id":"username","appKey":"password","data":{"mobile":"13888888888",'
        '"cardNo":"6262320120123210","certid":"411524198810280019"}}'
    )
    for content in (body, body.removeprefix("data=")):
        response = await simulators.console.post(
            ESB, content=content, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert response.json() == {"resp": "0000", "msg": "Success", "data": 888}


async def test_the_client_asks_both_samples(simulators: Simulators) -> None:
    async with sampling(simulators.url) as client:
        assert await authenticate(client, SAMPLE_TRANSACTION) is Authentication.MATCH
        assert await score(client, SAMPLE_SCORE) == 888


class Recorder:
    """A server that keeps the bytes that it was sent and answers everybody the same."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.head = b""
        self.body = b""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in self.head.lower().split(b"\r\n") if b"content-length" in line]
        self.body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(self._answer) + self._answer)
        await writer.drain()
        writer.close()


async def test_the_first_samples_bytes_are_the_clients() -> None:
    recorder = Recorder(b'{\n  "respCd": "0000",\n  "data": 1,\n  "msg": "Success"\n}')
    async with recorder.serving() as url, sampling(url) as client:
        assert await authenticate(client, SAMPLE_TRANSACTION) is Authentication.MATCH
    line = recorder.head.split(b"\r\n")[0].decode()
    assert line == (
        "GET /creditScore/transationAuthentication?data=%7B%22transDate%22%3A%2220161201%22%2C"
        "%22cardNo%22%3A%226262320120123210%22%2C%22certid%22%3A%22411524198810280019%22%2C"
        "%22transAmount%22%3A%2221200%22%7D HTTP/1.1"
    )
    assert b"content-type: application/x-www-form-urlencoded\r\n" in recorder.head.lower()
    assert recorder.body == b""


async def test_the_second_samples_body_is_the_clients_but_percent_encoded() -> None:
    recorder = Recorder(b'{\n"resp":"0000",\n"msg":"Success",\n"data":888\n}')
    async with recorder.serving() as url, sampling(url) as client:
        assert await score(client, SAMPLE_SCORE) == 888
    assert recorder.head.startswith(f"POST {ESB} HTTP/1.1\r\n".encode())
    assert not set(recorder.body) & set(b'{}":,+& ')
    assert unquote_plus(recorder.body.decode()) == (
        'data={"id":"username","appKey":"password","data":{"mobile":"13888888888",'
        '"cardNo":"6262320120123210","certid":"411524198810280019"}}'
    )


@pytest.mark.parametrize(
    ("unit", "amount", "sent"),
    [
        ("yuan", 1, "0.01"),
        ("yuan", 21_200, "212.00"),
        ("yuan", 100_005, "1000.05"),
        ("yuan", 10**13, "100000000000.00"),
        ("fen", 21_200, "21200"),
    ],
)
def test_an_amount_is_a_decimal_string(
    unit: Literal["yuan", "fen"], amount: int, sent: str
) -> None:
    fields = transaction(stranger(0), amount=amount).sent(unit)
    assert fields["transAmount"] == sent


def test_names_on_the_wire_are_the_pages() -> None:
    who = stranger(0)
    full = transaction(who, mobile=who.mobile, location="上海").sent("yuan")
    names = {"cardNo", "transDate", "transAmount", "certid", "mobile", "transLocation"}
    assert set(full) == names
    least = transaction(who, identity_number=None).sent("yuan")
    assert set(least) == {"cardNo", "transDate", "transAmount"}
    assert least["transDate"] == "20261101"
    assert set(scored(who).sent("fen")) == {"mobile", "cardNo", "certid"}
    first, second = (FireeyeProfile.published().wire(operation) for operation in FireeyeOperation)
    assert first.method == second.method == "POST"
    base = "https://risktech.unionpay.com/fireeye/creditScore"
    assert first.url == f"{base}/transationAuthentication"
    assert second.url == f"{base}/UnionPayModelScore"


WIRES = [
    {"method": "GET", "encoding": "query"},
    {"encoding": "form"},
    {"encoding": "raw"},
    {"encoding": "raw", "content_type": "application/json"},
]


@pytest.mark.parametrize("charset", ["UTF-8", "GB18030"])
@pytest.mark.parametrize("envelope", ["none", "full"])
@pytest.mark.parametrize("wire", WIRES)
async def test_every_wire_is_understood(
    simulators: Simulators, wire: dict[str, str], envelope: str, charset: str
) -> None:
    who = person("story")
    profile = wired(simulators.url, **wire, envelope=envelope, charset=charset)
    async with fireeye_client(profile, CREDENTIALS) as client:
        query = transaction(who, mobile=who.mobile, location="上海 100%+&=中𠮷")
        assert await authenticate(client, query) is Authentication.MATCH
        assert await score(client, scored(who)) == 610
    for call in (await simulators.calls(provider="fireeye"))[-2:]:
        assert json.loads(call["details"])["wire"] == {
            "method": wire.get("method", "POST"),
            "encoding": wire["encoding"],
            "envelope": envelope,
            "charset": charset,
        }


@pytest.mark.parametrize(
    ("key", "outcome", "points"),
    [
        ("story", Authentication.MATCH, 610),
        ("approved", Authentication.MATCH, 780),
        ("blacklisted", Authentication.MATCH, 380),
        ("low_score", Authentication.MISMATCH, 380),
        ("not_in_registry", Authentication.NOT_FOUND, None),
        ("thin_file", Authentication.MATCH, None),
    ],
)
async def test_people_decide_both_answers(
    fireeye: FireeyeClient, key: str, outcome: Authentication, points: int | None
) -> None:
    for index in (0, 7):
        who = person(key, index)
        assert await authenticate(fireeye, transaction(who)) is outcome
        assert await score(fireeye, scored(who)) == points


async def test_only_a_match_is_a_pass(fireeye: FireeyeClient) -> None:
    for key, passed in (("story", True), ("low_score", False), ("not_in_registry", False)):
        answer = await fireeye.call(transaction(person(key)), request_id="enq_1")
        assert answer.passed is passed
        assert (answer.verdict is Verdict.MATCH) is passed


async def test_another_persons_card_or_mobile_is_no_match(fireeye: FireeyeClient) -> None:
    who, other = person("story"), person("approved")
    query = transaction(who, card_number=other.card_number)
    assert await authenticate(fireeye, query) is Authentication.MISMATCH
    query = transaction(who, mobile=other.mobile)
    assert await authenticate(fireeye, query) is Authentication.MISMATCH
    query = transaction(person("not_in_registry"), identity_number=None)
    assert await authenticate(fireeye, query) is Authentication.NOT_FOUND


UNAVAILABLE = {
    "0004": "processing_error",
    "unknown_code": "invalid_response",
    "no_code": "invalid_response",
    "two_codes": "invalid_response",
    "null_data": "invalid_response",
    "missing_data": "invalid_response",
    "fractional_data": "invalid_response",
    "data_below": "invalid_response",
    "data_above": "invalid_response",
}


@pytest.mark.parametrize("variant", UNAVAILABLE)
async def test_an_answer_without_sense_is_no_answer(
    simulators: Simulators, fireeye: FireeyeClient, variant: str
) -> None:
    await simulators.fault("fireeye", fireeye=variant)
    with pytest.raises(ProviderUnavailable) as caught:
        await authenticate(fireeye, transaction(person("story")))
    assert (caught.value.provider, caught.value.code) == ("fireeye", UNAVAILABLE[variant])
    assert caught.value.__context__ is None
    with pytest.raises(ProviderUnavailable) as caught:
        await score(fireeye, scored(person("story")))
    assert caught.value.code == UNAVAILABLE[variant]


@pytest.mark.parametrize(
    "variant",
    ["numeric_code", "short_code", "other_key", "resp_code_key", "string_data", "gb18030"],
)
async def test_an_answer_in_another_form_is_understood(
    simulators: Simulators, variant: str
) -> None:
    await simulators.fault("fireeye", fireeye=variant)
    profile = wired(simulators.url, charset="GB18030")
    async with fireeye_client(profile, CREDENTIALS) as client:
        assert await authenticate(client, transaction(person("story"))) is Authentication.MATCH
        disagreeing = transaction(person("low_score"))
        assert await authenticate(client, disagreeing) is Authentication.MISMATCH
        assert await score(client, scored(person("story"))) == 610


@pytest.mark.parametrize(("variant", "code"), [("0001", "not_enabled"), ("0002", "bad_credential")])
async def test_a_wrong_access_is_refused_and_not_asked_again(
    simulators: Simulators, fireeye: FireeyeClient, variant: str, code: str
) -> None:
    before = len(await simulators.calls(provider="fireeye"))
    await simulators.fault("fireeye", fireeye=variant)
    with pytest.raises(ProviderRejected) as caught:
        await authenticate(fireeye, transaction(person("story")))
    assert (caught.value.provider, caught.value.code) == ("fireeye", code)
    with pytest.raises(ProviderRejected) as caught:
        await score(fireeye, scored(person("story")))
    assert caught.value.code == code
    assert len(await simulators.calls(provider="fireeye")) == before + 2


@pytest.mark.parametrize("operation", ["transaction_authentication", "model_score"])
async def test_nothing_found_is_an_answer(
    simulators: Simulators, fireeye: FireeyeClient, operation: str
) -> None:
    await simulators.fault("fireeye", fireeye="0003", operation=operation)
    if operation == "model_score":
        assert not (await fireeye.call(scored(stranger(1)), request_id="e")).found
    else:
        found = await authenticate(fireeye, transaction(stranger(1)))
        assert found is Authentication.NOT_FOUND


@pytest.mark.parametrize(
    ("institution", "key", "code"),
    [
        ("username", "wrong", "bad_credential"),
        ("nobody", "password", "bad_credential"),
        ("unopened", "password", "not_enabled"),
    ],
)
async def test_the_simulator_looks_at_credentials(
    simulators: Simulators, institution: str, key: str, code: str
) -> None:
    credentials = FireeyeCredentials(institution, SecretStr(key))
    profile = FireeyeProfile.published(simulators.url)
    async with fireeye_client(profile, credentials) as client:
        with pytest.raises(ProviderRejected) as caught:
            await score(client, scored(person("story")))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 500}, "server_error"),
        ({"status": 503}, "server_error"),
        ({"status": 429}, "rate_limited"),
        ({"reset": True}, "connection_lost"),
        ({"lose_response": True}, "connection_lost"),
        ({"garbage": "not_json"}, "invalid_response"),
        ({"garbage": "wrong_shape"}, "invalid_response"),
        ({"garbage": "empty"}, "invalid_response"),
        ({"garbage": "huge"}, "invalid_response"),
    ],
)
async def test_a_failing_provider_is_unavailable_and_recovers(
    simulators: Simulators, fireeye: FireeyeClient, fault: dict[str, object], code: str
) -> None:
    await simulators.fault("fireeye", times=1, **fault)
    with pytest.raises(ProviderUnavailable) as caught:
        await authenticate(fireeye, transaction(person("story")))
    assert caught.value.code == code
    assert await authenticate(fireeye, transaction(person("story"))) is Authentication.MATCH


@pytest.mark.parametrize("limits", [{"read_seconds": 0.2}, {"total_seconds": 0.2}])
async def test_the_profile_limits_the_wait(
    simulators: Simulators, limits: dict[str, float]
) -> None:
    await simulators.fault("fireeye", times=1, latency_seconds=30)
    profile = FireeyeProfile.published(simulators.url).model_copy(update=limits)
    async with open_pool(60) as shared:
        with pytest.raises(ProviderUnavailable) as caught:
            await score(FireeyeClient(shared, profile, CREDENTIALS), scored(person("story")))
    assert caught.value.code == "timeout"


def test_the_limits_are_three_five_and_eight_seconds() -> None:
    profile = FireeyeProfile.published()
    limits = (profile.connect_seconds, profile.read_seconds, profile.total_seconds)
    assert limits == (3, 5, 8)


def test_a_call_leaves_a_decision_the_time_to_end() -> None:
    profile = FireeyeProfile.published().model_dump()
    with pytest.raises(ValidationError, match="total_seconds"):
        FireeyeProfile.model_validate({**profile, "total_seconds": 16})


async def test_the_providers_share_their_pool_and_not_their_limits(simulators: Simulators) -> None:
    answer = await simulators.providers.call(scored(person("story")), request_id="enq_1")
    assert answer.score == 610
    told: list[tuple[str, str]] = []
    profile = FireeyeProfile.published(simulators.url).model_copy(update={"read_seconds": 0.2})
    key = SecretStr(simulators.config.api_key)
    connection = Providers.connect(
        lambda _: simulators.url,
        key,
        SecretStr(simulators.config.signing_secret),
        60,
        lambda provider, outcome, _: told.append((provider, outcome)),
        fireeye=FireeyeAccess(CREDENTIALS, profile),
    )
    await simulators.fault("fireeye", times=1, latency_seconds=30)
    async with connection as providers:
        with pytest.raises(ProviderUnavailable) as caught:
            await score_of(providers)
        assert caught.value.code == "timeout"
        await score_of(providers)
        await score_of(providers, "fireeye_score")
        await score_of(providers, "score_spare")
    ours = [("fireeye", "unavailable"), ("fireeye", "ok"), ("fireeye", "ok")]
    assert told == [*ours, ("score_spare", "ok")]


async def score_of(providers: Providers, source: str | None = None) -> int | None:
    query = scored(person("story"))
    return (await providers.call(query, request_id="enq_1", source=source)).score


async def test_access_is_read_from_settings(simulators: Simulators) -> None:
    ours = ProviderSettings(
        base_url=simulators.url,
        fireeye_profile=sample_profile(simulators.url).model_dump(),
        fireeye_institution_id="unopened",
    )
    connection = Providers.connect(
        ours.url_of, ours.api_key, ours.signing_secret, 60, fireeye=fireeye_access(ours)
    )
    async with connection as providers:
        with pytest.raises(ProviderRejected) as caught:
            await score_of(providers)
    assert caught.value.code == "not_enabled"
    assert "password" not in repr(fireeye_access(ours))
    with pytest.raises(ValueError, match="model_score"):
        fireeye_access(ProviderSettings(fireeye_profile={"amount_unit": "fen"}))


async def test_a_refused_status_is_no_answer(
    simulators: Simulators, fireeye: FireeyeClient
) -> None:
    await simulators.fault("fireeye", times=1, status=403)
    with pytest.raises(ProviderRejected) as caught:
        await score(fireeye, scored(person("story")))
    assert caught.value.code == "http_403"


@pytest.mark.parametrize(
    "changed",
    [
        {"card_number": "626232012012"},
        {"card_number": "62623201201232101234"},
        {"card_number": "626232012012321X"},
        {"card_number": "６２６２３２０１２０１２３２１０"},
        {"card_number": 6262320120123210},
        {"amount": 0},
        {"amount": -1},
        {"amount": 212.0},
        {"amount": "21200"},
        {"amount": True},
        {"amount": 10**13 + 1},
        {"transacted_on": "20261101"},
        {"transacted_on": datetime(2026, 11, 1, 12)},  # noqa: DTZ001 -- refused for what it is
        {"identity_number": "41152419881028001"},
        {"identity_number": "41152419881028001x"},
        {"mobile": "23888888888"},
        {"location": ""},
        {"location": "a\nb"},
        {"location": "省" * 65},
        {"name": "云无归"},
    ],
)
def test_wrong_input_is_refused_by_name_and_not_quoted(changed: dict[str, Any]) -> None:
    ((name, value),) = changed.items()
    with pytest.raises(ValidationError) as caught:
        transaction(stranger(3), **changed)
    assert name in str(caught.value)
    assert len(str(value)) < 3 or str(value) not in str(caught.value)


async def test_a_transaction_of_tomorrow_is_refused_before_it_is_sent(
    simulators: Simulators, fireeye: FireeyeClient
) -> None:
    before = len(await simulators.calls(provider="fireeye"))
    with pytest.raises(ValueError, match="not after today"):
        await authenticate(fireeye, transaction(stranger(0), transacted_on=date(2026, 11, 22)))
    assert len(await simulators.calls(provider="fireeye")) == before
    query = transaction(stranger(0), transacted_on=TODAY)
    assert await authenticate(fireeye, query) is Authentication.MATCH


async def test_a_person_is_no_request_id(fireeye: FireeyeClient) -> None:
    with pytest.raises(ValueError, match="request id"):
        await fireeye.call(scored(stranger(0)), request_id="林小雨")


@pytest.mark.parametrize(
    "wire",
    [
        {"url": "https://example.org/x", "method": "GET"},
        {"url": "https://example.org/x", "method": "GET", "encoding": "raw"},
        {"url": "https://example.org/x", "encoding": "query"},
        {"url": "https://example.org/x?key=1"},
        {"url": "https://user:secret@example.org/x"},
        {"url": "ftp://example.org/x"},
        {"url": "https://example.org/ x"},
        {"url": "/x"},
        {"url": "https://example.org/x", "charset": "latin-1"},
        {"url": "https://example.org/x", "retries": 3},
    ],
)
def test_a_profile_is_checked_when_it_is_read(wire: dict[str, object]) -> None:
    good = {"url": "https://example.org/x"}
    with pytest.raises(ValidationError):
        FireeyeProfile.model_validate({"transaction_authentication": wire, "model_score": good})


async def test_a_profile_is_data_and_names_what_it_needs() -> None:
    profile = sample_profile("https://example.org")
    assert FireeyeProfile.model_validate_json(profile.model_dump_json()) == profile
    with pytest.raises(ValueError, match="institution id and a key"):
        async with fireeye_client(profile, None):
            pass
    bare = wired("https://example.org", envelope="none")
    async with fireeye_client(bare, None) as client:
        assert client is not None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
async def test_the_simulator_takes_get_and_post_only(simulators: Simulators, method: str) -> None:
    response = await simulators.console.request(method, ESB)
    assert response.status_code == 405


@pytest.mark.parametrize(
    "content",
    [b"", b"data=", b"{", b"[]", b"data=%7B%7D", b'{"cardNo":"x"}', b"\xff\xfe", b"[" * 50_000],
)
async def test_the_simulator_answers_nonsense_with_0004(
    simulators: Simulators, content: bytes
) -> None:
    response = await simulators.console.post(ESB, content=content)
    assert response.json() == {"resp": "0004", "msg": "Failed"}
