"""The worked example of the documentation is true code: a vendor is mapped in one file."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers import ProviderRejected, ProviderUnavailable
from providers.sources.credit_history import MultiLenderRequest
from sandbox.gateway import OPERATIONS
from sandbox.personas import person
from tests.integration.source_clients import factors

DOCUMENT = (Path(__file__).parents[3] / "docs" / "providers.md").read_text("utf-8")
RIGHT = {"code": "0000", "d7": "1", "d30": "2", "d90": "4", "open": "1", "new30": "0"}
OTHERS = frozenset({"payments", "signing", "messaging", "identity_card", "liveness"})


@pytest.fixture(scope="module")
def example() -> Mapping[str, Any]:
    """The module that the documentation shows."""
    (source,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    module: dict[str, Any] = {"__name__": "vendor_multi_lender"}
    exec(compile(source, "providers.md", "exec"), module)  # noqa: S102 -- our own document
    return module


async def told(
    example: Mapping[str, Any], content: bytes, status: int = 200
) -> tuple[Any, httpx.Request]:
    """Ask the mapped vendor that answers `content`; return our answer and what was sent."""
    sent: list[httpx.Request] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(status, content=content)

    async with httpx.AsyncClient(transport=httpx.MockTransport(vendor)) as http:
        mapped = example["VendorMultiLender"](
            http, "https://vendor.example/", SecretStr("token"), 5.0
        )
        request = MultiLenderRequest(**factors(person("story")))
        report = await mapped.call(request, request_id="elt_1")
    return report, sent[0]


async def test_the_example_maps_both_ways(example: Mapping[str, Any]) -> None:
    report, sent = await told(example, json.dumps(RIGHT | {"news": "?"}).encode())
    assert list(report.facts().values()) == [1, 2, 4, 1, 0]
    who = person("story")
    assert json.loads(sent.content) == {
        "xm": who.name,
        "sfzh": who.identity_number,
        "sjh": who.mobile,
    }
    assert (sent.headers["x-serial"], str(sent.url)) == (
        "elt_1",
        "https://vendor.example/v3/exposure",
    )


@pytest.mark.parametrize(
    ("code", "verdict", "reason"),
    [
        ("9001", "mismatch", "identity_mismatch"),
        ("0042", "unavailable", "source_maintenance"),
        ("", "unavailable", "source_maintenance"),
    ],
)
async def test_an_unknown_code_is_no_guess(
    example: Mapping[str, Any], code: str, verdict: str, reason: str
) -> None:
    report, _ = await told(example, json.dumps({"code": code}).encode())
    assert (report.verdict, report.reasons) == (verdict, (reason,))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        json.dumps({"code": "0000"}).encode(),
        json.dumps(RIGHT | {"d7": "3"}).encode(),
        json.dumps(RIGHT | {"d7": "-1"}).encode(),
        json.dumps(RIGHT | {"d90": "4.0"}).encode(),
        json.dumps(RIGHT | {"d90": 4}).encode(),
        json.dumps(RIGHT | {"d90": "9" * 5_000}).encode(),
    ],
)
async def test_nonsense_is_unavailable(example: Mapping[str, Any], content: bytes) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        await told(example, content)
    assert caught.value.code == "invalid_response"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (403, ProviderRejected, "http_403"),
        (429, ProviderUnavailable, "rate_limited"),
        (503, ProviderUnavailable, "server_error"),
        (302, ProviderUnavailable, "invalid_response"),
    ],
)
async def test_statuses_are_classed_as_everywhere(
    example: Mapping[str, Any], status: int, error: type[ProviderUnavailable], code: str
) -> None:
    with pytest.raises(error) as caught:
        await told(example, b"{}", status)
    assert caught.value.code == code


@given(content=st.dictionaries(st.sampled_from(sorted(RIGHT)), st.text(max_size=4) | st.integers()))
async def test_garbled_answers_never_pass(example: Mapping[str, Any], content: object) -> None:
    try:
        report, _ = await told(example, json.dumps(content).encode())
    except ProviderUnavailable:
        return
    assert isinstance(content, dict)
    assert report.passed == (content["code"] == "0000")


def test_the_document_tells_every_operation() -> None:
    for provider, operation in OPERATIONS:
        if provider not in OTHERS:
            assert f"`{provider}/{operation}`" in DOCUMENT
