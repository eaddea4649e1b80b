"""A right answer of every data source, who is asked, and a way to have them answer anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr

from providers import ProviderUnavailable
from providers.http.client import Credentials, ProviderClient
from providers.http.requests import ProviderRequest
from providers.http.verdict import VerificationResponse
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
from providers.verification.contacts import AddressBookEntry, Contact, ContactsRequest
from providers.verification.data_import import CodeEntry, Report, ReportStatus
from providers.verification.ecommerce import EcommerceReportQuery, EcommerceRequest
from providers.verification.factors import CreditCardRequest
from providers.verification.online_banking import BankingReportQuery, BankingRequest
from providers.verification.operator_report import OperatorReportQuery, OperatorReportRequest
from providers.verification.registered_photo import RegisteredPhotoRequest
from sandbox.personas import person
from sandbox.reports import document
from tests.integration.source_clients import factors, two_factors

NO = "cap_1"
WHO, TWO = factors(person("approved")), two_factors(person("approved"))
CARD = person("approved").card_number
PHOTO = "/9j/" + "A" * 96
"""What begins like a JPEG file, in base64."""

AT = datetime(2026, 9, 1, 4, tzinfo=UTC)


def numbers(source: str) -> dict[str, str]:
    return {"capture_no": f"cap_{source}", "reference": "ref_1"}


def consented(source: str) -> dict[str, str]:
    return {"capture_no": f"cap_{source}", "consent_id": "cst_1"}


REQUESTS: Mapping[tuple[str, str], ProviderRequest[Any]] = MappingProxyType(
    {
        (request.provider, request.operation): request
        for request in (
            OperatorReportRequest(**consented("operator_report"), **WHO),
            CodeEntry(**numbers("operator_report"), code="123456"),
            OperatorReportQuery(**numbers("operator_report"), emergency_mobiles=None),
            BankingRequest(**consented("online_banking"), **TWO, bank_code="DEMO"),
            BankingReportQuery(**numbers("online_banking")),
            EcommerceRequest(**consented("ecommerce"), **TWO, platform="jd"),
            EcommerceReportQuery(**numbers("ecommerce")),
            FlowsRequest(**consented("bank_flows"), **TWO, bank_code="DEMO", months=12),
            FlowsReportQuery(**numbers("bank_flows")),
            BureauReportRequest(**consented("bureau_report"), **TWO, bureau="pboc"),
            BureauReportQuery(**numbers("bureau_report")),
            BindingCodeRequest(binding_no=NO, **WHO, card_number=CARD),
            BindingCodeEntry(binding_no=NO, reference="ref_1", code="123456"),
            BanksRequest(),
            RegisteredPhotoRequest(**TWO),
            CreditCardRequest(**WHO, card_number=CARD),
            CompanyRequest(country="BR", registration_number="12ABC34501DE35", legal_name="QI"),
            PersonRequest(country="BR", document_number="26102646231", name="QI"),
            BlacklistRequest(**WHO),
            MultiLenderRequest(**WHO),
            BureauRequest(**WHO),
            ContactsRequest(
                identity_number=WHO["identity_number"],
                mobile=WHO["mobile"],
                contacts=[Contact(name="云生雨", relation="parent", mobile="13800000001")],
                address_book=[AddressBookEntry(name="妈", mobile="13800000001")],
            ),
        )
    }
)
"""A request of every operation of the data sources, for the same person."""

_MATCH: dict[str, Any] = {"verdict": "match", "reasons": []}
_BANK: dict[str, Any] = {"bank_code": "DEMO", "bank_name": "演示银行"}
RIGHT: Mapping[tuple[str, str], dict[str, Any]] = MappingProxyType(
    {
        ("operator_report", "begin"): _MATCH | numbers("operator_report"),
        ("operator_report", "confirm"): {
            "capture_no": "cap_operator_report",
            "status": "wrong_code",
            "tries_left": 4,
        },
        ("operator_report", "report"): {
            "capture_no": "cap_operator_report",
            "status": "done",
            "document": document("operator_report", person("approved"), AT),
        },
        ("online_banking", "begin"): _MATCH
        | numbers("online_banking")
        | {"authorise_url": "https://bank.invalid/a"},
        ("online_banking", "report"): {
            "capture_no": "cap_online_banking",
            "status": "done",
            "document": document("online_banking", person("approved"), AT),
        },
        ("ecommerce", "begin"): _MATCH
        | numbers("ecommerce")
        | {"authorise_url": "https://shop.invalid/a"},
        ("ecommerce", "report"): {
            "capture_no": "cap_ecommerce",
            "status": "done",
            "document": document("ecommerce", person("approved"), AT),
        },
        ("bank_flows", "begin"): _MATCH
        | numbers("bank_flows")
        | {"authorise_url": "https://bank.invalid/a"},
        ("bank_flows", "report"): {
            "capture_no": "cap_bank_flows",
            "status": "done",
            "document": document("bank_flows", person("approved"), AT),
        },
        ("bureau_report", "begin"): _MATCH
        | numbers("bureau_report")
        | {"authorise_url": "https://bureau.invalid/a"},
        ("bureau_report", "report"): {
            "capture_no": "cap_bureau_report",
            "status": "done",
            "document": document("bureau_report", person("approved"), AT),
        },
        ("registered_photo", "fetch"): _MATCH | {"photo": PHOTO},
        ("card_binding", "send_code"): _MATCH
        | _BANK
        | {"binding_no": NO, "delivery": "sent", "reference": "ref_1", "card_type": "debit"},
        ("card_binding", "confirm"): {
            "binding_no": NO,
            "status": "accepted",
            "agreement_no": "agr_1",
        },
        ("card_binding", "banks"): {
            "banks": [_BANK | {"single_limit": 1, "daily_limit": 2, "currency": "CNY"}]
        },
        ("credit_card", "verify"): _MATCH | _BANK,
        ("company", "check"): _MATCH
        | {
            "legal_name": "QI",
            "status": "active",
            "constituted_on": "2012-03-01",
            "adverse": [{"kind": "protest", "count": 1}],
        },
        ("person", "check"): _MATCH
        | {"status": "regular", "adverse": [{"kind": "protest", "count": 1}]},
        ("blacklist", "check"): _MATCH | {"listed": True, "categories": ["fraud"]},
        ("multi_lender", "query"): _MATCH
        | {
            "lenders_queried_7d": 1,
            "lenders_queried_30d": 2,
            "lenders_queried_90d": 3,
            "unsettled_loans": 1,
            "new_loans_30d": 0,
        },
        ("bureau", "score"): _MATCH
        | {"score": 700, "overdue_history": 0, "lenders_queried_30d": 1, "blacklisted": False},
        ("contacts", "verify"): _MATCH
        | {
            "address_book": {
                "entries": 1,
                "missing_contacts": 0,
                "relation_conflicts": 0,
                "overdue_entries": 0,
            }
        },
    }
)
"""A right answer of each operation, as a source would write it."""

OPERATIONS = sorted(REQUESTS)


async def answered(
    operation: tuple[str, str], content: bytes, request: ProviderRequest[Any] | None = None
) -> BaseModel | None:
    """Ask a source that answers `content`; return its answer, None if it was refused."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    key = SecretStr("key")
    async with httpx.AsyncClient(transport=transport) as http:
        client = ProviderClient(http, lambda _: "http://source", Credentials(key, key), 5)
        try:
            asked = request or REQUESTS[operation]
            answer: BaseModel = await client.call(asked, request_id="r")
            return answer
        except ProviderUnavailable as error:
            if error.code != "invalid_response":
                raise
            return None


def bears_out(answer: BaseModel, content: Mapping[str, object]) -> bool:
    """Say whether what was made of an answer stands in it: no pass, no end that nobody told."""
    if isinstance(answer, VerificationResponse):
        return answer.verdict == content["verdict"]
    if isinstance(answer, Report) and content.get("status") not in tuple(ReportStatus):
        return answer.status is ReportStatus.PENDING
    return all(
        getattr(answer, field) == content[field] for field in ("status",) if field in content
    )
