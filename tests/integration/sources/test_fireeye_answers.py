"""Whatever Fireeye answers: only a valid 0000 with 1 passes, and nothing personal is written."""

import itertools
import json
import logging
import traceback
from datetime import date
from typing import Any, get_args

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers import ProviderError, ProviderRejected, ProviderUnavailable
from providers.sources.fireeye import FireeyeClient
from providers.sources.fireeye_profile import FireeyeProfile
from providers.sources.fireeye_requests import FireeyeCredentials, ScoreQuery, TransactionQuery
from providers.sources.fireeye_responses import ModelScore, TransactionAuthentication
from sandbox.faults import FireeyeVariant
from sandbox.personas import person
from tests.integration.source_clients import fireeye_client
from tests.integration.sources.test_fireeye import WIRES, scored, transaction, wired
from tests.simulators import Simulators

TODAY = date(2026, 11, 21)
KEYS = ("respCd", "resp", "respCode")

codes: st.SearchStrategy[Any] = (
    st.sampled_from(["0000", "0", "00", "0001", "0002", "0003", "0004", "00000", " 0000", "０"])
    | st.integers(-1, 10_000)
    | st.sampled_from([0, 1, 2, 3, 4, 0.0, True, False, None, [], {}])
    | st.text(max_size=5)
)
data: st.SearchStrategy[Any] = (
    st.sampled_from([0, 1, "0", "1", 1.0, True, False, None, "", "01", "+1", "1 ", "１", [1], {}])
    | st.sampled_from([299, 300, 1000, 1001, "300", "1000", "1001", 888.5, "888.0", -300])
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
)
objects = st.dictionaries(st.sampled_from([*KEYS, "Resp"]), codes, max_size=3).flatmap(
    lambda answer: st.fixed_dictionaries(
        {}, optional={"data": data, "msg": st.text(max_size=5), "extra": st.none()}
    ).map(lambda rest: answer | rest)
)
nearly_right = st.builds(
    lambda key, code, value: {key: code, "msg": "Success", "data": value},
    st.sampled_from(KEYS),
    st.sampled_from(["0000", "0000", 0, "0", "0003", "00000"]),
    st.sampled_from([0, 1, "1"]) | st.integers(250, 1050) | data,
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
contents = st.one_of(
    nearly_right.map(lambda answer: json.dumps(answer).encode()),
    objects.map(lambda answer: json.dumps(answer).encode()),
    objects.map(lambda answer: json.dumps(answer, ensure_ascii=False).encode("gb18030", "replace")),
    anything.map(lambda answer: json.dumps(answer).encode()),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b'{"respCd":"0000","data":1,"data":0}',
            b'{"respCd":"0004","respCd":"0000","data":1}',
            b'{"respCd":"0000","resp":"0002","data":1}',
            b'\xef\xbb\xbf{"respCd":"0000","data":1}',
            b'{"respCd":"0000","data":1}{}',
            b'{"respCd":"0000","data":NaN}',
            b'{"respCd":"0000","data":' + b"9" * 5_000 + b"}",
            b"[" * 20_000,
            b'{"respCd":"0000","data":' * 20_000,
        ]
    ),
)
statuses = st.sampled_from([200] * 12 + [201, 204, 302, 400, 401, 404, 408, 429, 500, 503])
TRANSACTION = transaction(person("story"))
SCORE = scored(person("story"))


def client_of(status: int, content: bytes) -> FireeyeClient:
    """A client whose every request has this answer."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=content))
    credentials = FireeyeCredentials("username", SecretStr("password"))
    http = httpx.AsyncClient(transport=transport, trust_env=False)
    return FireeyeClient(http, FireeyeProfile.published("http://sandbox"), credentials)


def may_pass(status: int, content: bytes, values: set[int]) -> bool:
    """Say, apart from the code under test, whether these bytes are a success with such data."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        try:
            answer = json.loads(content.decode("gb18030"))
        except (ValueError, RecursionError):
            return False
    if not 200 <= status < 300 or not isinstance(answer, dict):
        return False
    given = [answer[key] for key in KEYS if key in answer]
    right = {"0", "00", "000", "0000"}
    succeeded = bool(given) and all(
        (type(code) is int and code == 0) or (type(code) is str and code in right) for code in given
    )
    value = answer.get("data")
    digits = type(value) is str and value in {str(number) for number in values}
    return succeeded and (digits or (type(value) is int and value in values))


@given(statuses, contents)
async def test_only_a_valid_success_passes(status: int, content: bytes) -> None:
    client = client_of(status, content)
    try:
        answer = await client.call(TRANSACTION, request_id="enq_1")
    except (ProviderRejected, ProviderUnavailable) as error:
        check_error(error)
    else:
        assert isinstance(answer, TransactionAuthentication)
        assert not answer.passed or may_pass(status, content, {1})


@given(statuses, contents)
async def test_only_a_valid_success_scores(status: int, content: bytes) -> None:
    client = client_of(status, content)
    try:
        answer = await client.call(SCORE, request_id="enq_1")
    except (ProviderRejected, ProviderUnavailable) as error:
        check_error(error)
    else:
        assert isinstance(answer, ModelScore)
        assert not answer.found or may_pass(status, content, set(range(300, 1001)))


def check_error(error: ProviderError) -> None:
    known = {
        *("invalid_response", "processing_error", "not_enabled", "bad_credential"),
        *("server_error", "rate_limited", "timeout", "http_400", "http_401", "http_404"),
    }
    if error.code not in known or error.__context__ is not None:
        raise AssertionError(repr(error))


@pytest.mark.parametrize("content", [b'{"respCd":"0000","data":1}', b'{"resp":0,"data":"1"}'])
async def test_a_valid_success_does_pass(content: bytes) -> None:
    answer = await client_of(200, content).call(TRANSACTION, request_id="enq_1")
    assert answer.passed


@pytest.mark.parametrize("points", [300, 1000])
async def test_the_ends_of_the_scale_are_scores(points: int) -> None:
    content = json.dumps({"resp": "0000", "data": points}).encode()
    answer = await client_of(200, content).call(SCORE, request_id="enq_1")
    assert answer.score == points


async def test_nothing_personal_is_written_anywhere(
    simulators: Simulators, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, key = person("approved", 11), "key-9f31c7"
    query = transaction(who, mobile=who.mobile, location="杭州市西湖区")
    credentials = FireeyeCredentials("username", SecretStr(key))
    imported = structlog.testing.LogCapture()
    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[imported])
    monkeypatch.setattr("providers.sources.fireeye._log", logger)
    caplog.set_level(logging.DEBUG)
    written = [repr(part) for part in (query, str(query), scored(who), credentials)]
    faults: list[dict[str, object]] = [
        {},
        {"status": 500},
        {"status": 403},
        {"reset": True},
        {"garbage": "wrong_shape"},
        *({"fireeye": variant} for variant in get_args(FireeyeVariant)),
    ]
    for wire, fault in itertools.product(WIRES, faults):
        profile = wired(simulators.url, **wire)
        await simulators.fault("fireeye", times=2, **fault)
        async with fireeye_client(profile, credentials) as client:
            written += [repr(client), repr(profile)]
            written += await _errors(client, query, scored(who))
        await simulators.repair()
    async with fireeye_client(wired("http://127.0.0.1:9"), credentials) as client:
        written += await _errors(client, query, scored(who))
    text = "".join(written) + caplog.text + json.dumps(imported.entries, ensure_ascii=False)
    calls = json.dumps(await simulators.calls(provider="fireeye"), ensure_ascii=False)
    assert "HTTP Request: GET" in caplog.text
    assert "invalid_response" in text
    for fact in (
        who.identity_number,
        who.mobile,
        who.card_number,
        "杭州",
        "%E6%9D%AD",
        key,
        "data=%7B",
    ):
        assert fact not in text
        assert fact not in calls
    assert {event["operation"] for event in imported.entries} == {
        "transaction_authentication",
        "model_score",
    }


async def _errors(client: FireeyeClient, query: TransactionQuery, score: ScoreQuery) -> list[str]:
    """Ask both questions and return everything that errors say."""
    said = []
    for asked in (
        client.call(query, request_id="enq_1"),
        client.call(score, request_id="enq_1"),
    ):
        try:
            await asked
        except ProviderError as error:
            said += [repr(error), str(error), *traceback.format_exception(error)]
    return said
