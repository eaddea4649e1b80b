"""Requests to third parties say themselves where they go and what answers them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from domain.sources import Capability
from providers import OutcomeUnknown, ProviderUnavailable, VerificationResponse
from providers.credit_analysis.qitech import GiveFeedback
from providers.http.requests import ProviderRequest, SourceRequest
from providers.http.verdict import AssessableResponse
from providers.payments import DisburseRequest, OrderQuery
from providers.sources.fireeye_requests import ScoreQuery
from providers.verification.data_import import CodeEntry, Report
from providers.verification.factors import RealNameRequest
from providers.verification.liveness import CompareRequest
from providers.verification.operator_report import OperatorReportQuery

ORDER = {
    "order_no": "drawdown:1:disbursement",
    "amount": 100_000,
    "currency": "CNY",
    "card_number": "6299050000000002",
    "name": "晴方好",
}
REPORT = OperatorReportQuery(capture_no="elt_1", reference="ref_1", emergency_mobiles=None)


def concrete(base: type[ProviderRequest[Any]]) -> Iterator[type[ProviderRequest[Any]]]:
    """Every request that can be sent; what others are built upon has no operation or provider."""
    for request in base.__subclasses__():
        generic = bool(request.__pydantic_generic_metadata__["args"])
        if not generic and hasattr(request, "operation") and hasattr(request, "provider"):
            yield request
        yield from concrete(request)


REQUESTS = sorted(
    {one for one in concrete(ProviderRequest) if one.__module__.startswith("providers.")},
    key=lambda request: request.__name__,
)


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda request: request.__name__)
def test_each_request_names_its_response(request_type: type[ProviderRequest[Any]]) -> None:
    response = request_type.response_type()
    assert issubclass(response, BaseModel)
    if issubclass(request_type, SourceRequest):
        assert isinstance(request_type.capability, Capability)
        assert issubclass(response, AssessableResponse)
    assert request_type.echoed == tuple(
        name for name in request_type.echoed if name in request_type.model_fields
    )


def test_no_two_requests_go_to_one_place() -> None:
    places = [(request.provider, request.operation) for request in REQUESTS]
    assert len(set(places)) == len(places) > 30


def test_the_provider_is_of_the_capability_s_name_unless_the_request_says_otherwise() -> None:
    assert RealNameRequest.provider == "real_name"
    assert (CompareRequest.provider, CompareRequest.capability) == ("liveness", Capability.FACE)
    assert ScoreQuery.provider == "fireeye"
    assert GiveFeedback.provider == "qitech"


def test_a_response_is_read_by_the_request_it_belongs_to() -> None:
    request = RealNameRequest(name="晴方好", identity_number="230100198501019004")
    response = request.read(b'{"verdict": "match"}')
    assert isinstance(response, VerificationResponse)
    assert request.read(b'{"verdict": "match", "score": 1}') == response
    with pytest.raises(ValidationError):
        request.read(b'{"verdict": "passed"}')


def test_a_response_about_another_number_is_none() -> None:
    entry = CodeEntry(capture_no="elt_1", reference="ref_1", code="123456")
    assert entry.read(b'{"capture_no": "elt_1", "status": "accepted"}') is not None
    assert entry.read(b'{"capture_no": "elt_2", "status": "accepted"}') is None
    assert REPORT.read(b'{"capture_no": "elt_2", "status": "pending"}') is None
    query = OrderQuery(kind="debit", order_no="loan:1:debit")
    order = {"order_no": "loan:2:debit", "status": "succeeded"}
    assert query.read(json.dumps(order).encode()) is None


def test_of_a_report_that_is_not_done_nothing_is_known() -> None:
    report = REPORT.read(b'{"capture_no": "elt_1", "status": "pending"}')
    assert isinstance(report, Report)
    assert (report.final, report.facts) == (False, None)


def test_an_order_that_cannot_be_not_found_was_not_answered() -> None:
    content = json.dumps({"order_no": ORDER["order_no"], "status": "not_found"}).encode()
    assert DisburseRequest.model_validate(ORDER).read(content) is None
    assert OrderQuery(kind="disbursement", order_no=str(ORDER["order_no"])).read(content)


@pytest.mark.parametrize("code", ["connect_failed", "rate_limited"])
def test_an_order_that_was_not_processed_may_be_sent_again(code: str) -> None:
    error = ProviderUnavailable("payments", code)
    assert DisburseRequest.model_validate(ORDER).failure(error) is error


@pytest.mark.parametrize("code", ["timeout", "connection_lost", "server_error", "invalid_response"])
def test_of_any_other_order_nobody_knows_the_outcome(code: str) -> None:
    failure = DisburseRequest.model_validate(ORDER).failure(ProviderUnavailable("payments", code))
    assert isinstance(failure, OutcomeUnknown)
    assert (failure.code, failure.order_no) == (code, ORDER["order_no"])


def test_no_request_shows_whom_it_is_about() -> None:
    for name in ("name", "card_number"):
        assert str(ORDER[name]) not in repr(DisburseRequest.model_validate(ORDER))
