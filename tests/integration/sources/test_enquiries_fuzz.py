"""Whatever a source writes: a known error or an answer in form, and a pass only if it said so."""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from activities.sources.masks import masked
from providers import ProviderError, Verdict, VerificationResponse
from providers.http.client import Credentials, ProviderClient
from providers.http.requests import ProviderRequest
from providers.sources.credit_history import (
    BlacklistRequest,
    BureauRequest,
    MultiLenderRequest,
)
from providers.sources.registers import CompanyRequest, PersonRequest
from providers.verification.bank_flows import FlowsReportQuery, FlowsRequest
from providers.verification.bureau_report import BureauReportQuery, BureauReportRequest
from providers.verification.card_binding import (
    BanksRequest,
    BindingCodeEntry,
    BindingCodeRequest,
)
from providers.verification.contacts import Contact, ContactsRequest
from providers.verification.data_import import CodeEntry, CodeResponse, Report
from providers.verification.ecommerce import EcommerceReportQuery, EcommerceRequest
from providers.verification.factors import (
    BankCardRequest,
    CreditCardRequest,
    OperatorRequest,
    RealNameRequest,
)
from providers.verification.identity_card import CardReadRequest
from providers.verification.liveness import CompareRequest, LivenessRequest
from providers.verification.online_banking import BankingReportQuery, BankingRequest
from providers.verification.operator_report import OperatorReportQuery, OperatorReportRequest
from providers.verification.registered_photo import RegisteredPhotoRequest

NAME, NUMBER, MOBILE = "晴方好", "230100198501019004", "19905000000"
CARD: Final = "6299050000000002"
TWO: Final = {"name": NAME, "identity_number": NUMBER}
THREE: Final = {**TWO, "mobile": MOBILE}
FOUR: Final = {**THREE, "card_number": CARD}
PHOTO: Final = base64.b64encode(b"\xff\xd8\xff" + bytes(80)).decode()
ID: Final = "elt_1"
DATA_IMPORT: Final = {"capture_no": "elt_1", "reference": "r1"}

BEGIN: Final = {"capture_no": "elt_1", "consent_id": "con_1", **TWO}


@dataclass(frozen=True)
class Operation:
    """An operation of a source; a pass says all of `needs` (JSON keys that are not null)."""

    request: ProviderRequest[Any]
    needs: tuple[str, ...] = ()


OPERATIONS: Final[dict[str, Operation]] = {
    "real_name": Operation(RealNameRequest(**TWO)),
    "operator": Operation(OperatorRequest(**THREE)),
    "contacts": Operation(
        ContactsRequest(
            identity_number=NUMBER,
            mobile=MOBILE,
            contacts=[Contact(name=NAME, relation="friend", mobile=MOBILE)],
        )
    ),
    "identity_card": Operation(CardReadRequest(front=b"front", back=b"back"), ("fields",)),
    "liveness": Operation(LivenessRequest(frames=[b"frame"], actions=["blink"]), ("score",)),
    "face": Operation(
        CompareRequest(face=b"face", identity_number=NUMBER), ("similarity", "threshold")
    ),
    "registered_photo": Operation(RegisteredPhotoRequest(**TWO), ("photo",)),
    "bank_card": Operation(BankCardRequest(**FOUR), ("bank_code", "bank_name", "card_type")),
    "bureau": Operation(
        BureauRequest(**THREE),
        ("score", "overdue_history", "lenders_queried_30d", "blacklisted"),
    ),
    "blacklist": Operation(BlacklistRequest(**THREE), ("listed",)),
    "multi_lender": Operation(MultiLenderRequest(**THREE), ("lenders_queried_30d",)),
    "credit_card": Operation(CreditCardRequest(**FOUR), ("bank_code",)),
    "company": Operation(
        CompanyRequest(
            country="CN", registration_number="91110000600007156K", legal_name="示例公司"
        ),
        ("status", "constituted_on"),
    ),
    "person": Operation(
        PersonRequest(country="CN", document_number=NUMBER, name=NAME, birth_date=date(1985, 1, 1)),
        ("status",),
    ),
    "send_code": Operation(
        BindingCodeRequest(binding_no="b1", **FOUR), ("binding_no", "reference")
    ),
    "bind": Operation(BindingCodeEntry(binding_no="b1", reference="r1", code="123456")),
    "banks": Operation(BanksRequest()),
    "begin_report": Operation(OperatorReportRequest(**BEGIN, mobile=MOBILE), ("reference",)),
    "confirm_report": Operation(CodeEntry(**DATA_IMPORT, code="123456")),
    "operator_report": Operation(OperatorReportQuery(**DATA_IMPORT, emergency_mobiles=None)),
    "begin_banking": Operation(
        BankingRequest(**BEGIN, bank_code="ICBC"), ("reference", "authorise_url")
    ),
    "online_banking": Operation(BankingReportQuery(**DATA_IMPORT)),
    "begin_ecommerce": Operation(
        EcommerceRequest(**BEGIN, platform="jd"), ("reference", "authorise_url")
    ),
    "ecommerce": Operation(EcommerceReportQuery(**DATA_IMPORT)),
    "begin_flows": Operation(
        FlowsRequest(**BEGIN, bank_code="ICBC", months=6), ("reference", "authorise_url")
    ),
    "bank_flows": Operation(FlowsReportQuery(**DATA_IMPORT)),
    "begin_bureau_report": Operation(
        BureauReportRequest(**BEGIN, bureau="pboc"), ("reference", "authorise_url")
    ),
    "bureau_report": Operation(BureauReportQuery(**DATA_IMPORT)),
}

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [0, 1, 300, 780, 0.0, 0.99, 1.0, "match", "true", "ICBC", "debit", NAME, PHOTO]
    )
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
_VERDICTS: Final[st.SearchStrategy[Any]] = st.sampled_from(
    ["match", "mismatch", "unavailable", "MATCH", " match", "pass", True, 1, None, ["match"], {}]
)
_REASONS: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [[], ["name_mismatch"], None, ["a" * 60], [NUMBER], "", [[]], {"0": 1}]
)
_KEYS = (
    *("score", "similarity", "threshold", "fields", "scores", "bank_code", "bank_name"),
    *("card_type", "overdue_history", "lenders_queried_7d", "lenders_queried_30d"),
    *("lenders_queried_90d", "blacklisted", "listed", "categories", "unsettled_loans"),
    *("new_loans_30d", "status", "legal_name", "constituted_on", "adverse", "address_book"),
    *("capture_no", "reference", "authorise_url", "reason", "retry_after_seconds", "document"),
    *("tries_left", "binding_no", "banks", "photo", "extra"),
)
_NEAR = st.builds(
    lambda verdict, reasons, rest: {"verdict": verdict, "reasons": reasons, **rest},
    _VERDICTS,
    _REASONS,
    st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=8),
)
_BODIES = (
    st.binary(max_size=60)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | _NEAR.map(lambda value: json.dumps(value).encode())
)
_STATUSES = st.sampled_from([200] * 8 + [201, 204, 302, 400, 401, 404, 408, 409, 422, 429, 500])


class Line:
    """A client of one source that answers what it is told to."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._answer = httpx.Response(200)
        self._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: self._answer))
        credentials = Credentials(SecretStr("key"), SecretStr("secret"))
        self._client = ProviderClient(self._http, lambda _: "http://source.test", credentials, 5.0)

    def exchange(
        self, request: ProviderRequest[Any], status: int, body: bytes
    ) -> BaseModel | ProviderError:
        """Return what a client makes of an answer."""
        self._answer = httpx.Response(status, content=body)
        return self._runner.run(self._made_of(request))

    async def _made_of(self, request: ProviderRequest[Any]) -> BaseModel | ProviderError:
        try:
            response: BaseModel = await self._client.call(request, request_id=ID)
            return response
        except ProviderError as error:
            return error

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    opened = Line()
    yield opened
    opened.close()


def says_so(body: bytes, needs: tuple[str, ...]) -> bool:
    """Say by the bare JSON whether a source confirmed something, with all that belongs to it."""
    told = json.loads(body)
    return (
        isinstance(told, dict)
        and told.get("verdict") == "match"
        and not told.get("reasons")
        and all(told.get(key) is not None for key in needs)
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=_STATUSES, body=_BODIES)
@example(status=200, body=b"")
@example(status=200, body=b'{"verdict": "match", "verdict": "mismatch", "reasons": []}')
@example(status=200, body=b'{"verdict": "match", "similarity": NaN, "threshold": 0.5}')
@example(status=200, body=b'{"verdict": "match", "score": 1e400, "threshold": -0.0}')
@example(status=500, body=b'{"verdict": "match", "reasons": []}')
@example(status=200, body=b"[" * 10_000)
def test_no_answer_breaks_us_and_none_is_taken_for_a_pass(
    line: Line, status: int, body: bytes
) -> None:
    """The same answer is given to every operation of every client."""
    for name, operation in OPERATIONS.items():
        result = line.exchange(operation.request, status, body)
        if isinstance(result, ProviderError):
            assert NAME not in str(result)
            assert NUMBER not in str(result)
        else:
            assert 200 <= status < 300, name
            assert NAME not in json.dumps(masked(result), ensure_ascii=False), name
            assert said(result, body, operation.needs), name


def said(result: BaseModel, body: bytes, needs: tuple[str, ...]) -> bool:
    """Say whether what was made of an answer is what its bare JSON says."""
    if isinstance(result, VerificationResponse):
        assessment = result.assessment
        settled = json.loads(body)["verdict"] in ("match", "mismatch")
        passed = assessment.verdict is Verdict.MATCH
        return assessment.is_conclusive is settled and (not passed or says_so(body, needs))
    if isinstance(result, Report) and not result.final:
        return json.loads(body)["status"] not in ("done", "failed")
    if isinstance(result, (CodeResponse, Report)):
        return bool(result.status.value == json.loads(body)["status"])
    return True


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("real_name", {"verdict": "match"}),
        ("bank_card", {"bank_code": "ICBC", "bank_name": "示例银行", "card_type": "debit"}),
        ("face", {"similarity": 0.9, "threshold": 0.9}),
        ("registered_photo", {"photo": PHOTO}),
    ],
)
def test_a_right_answer_passes(line: Line, name: str, body: dict[str, object]) -> None:
    """The net above lets something through."""
    operation = OPERATIONS[name]
    told = json.dumps({"verdict": "match", **body}).encode()
    result = line.exchange(operation.request, 200, told)
    assert isinstance(result, VerificationResponse)
    assert result.assessment.verdict is Verdict.MATCH
    assert says_so(told, operation.needs)
