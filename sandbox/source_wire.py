"""The requests that the data sources' simulators accept, field by field."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from sandbox.wire import FourFactors, Key, Request, Text, TwoFactors

Source = Literal["operator_report", "online_banking", "ecommerce", "bank_flows", "bureau_report"]
Country = Literal["CN", "BR"]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$")]


class DataImport(TwoFactors):
    """What every `begin` says: a number chosen by the caller, whose account, by which consent."""

    capture_no: Key
    consent_id: Key


class OperatorDataImport(DataImport):
    """operator_report/begin."""

    mobile: Text


class BankingImport(DataImport):
    """online_banking/begin."""

    bank_code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,12}$")]


class EcommerceImport(DataImport):
    """ecommerce/begin."""

    platform: Literal["taobao", "jd", "pinduoduo", "other"]


class FlowsImport(BankingImport):
    """bank_flows/begin."""

    months: Annotated[int, Field(ge=6, le=12)]


class BureauReportImport(DataImport):
    """bureau_report/begin."""

    bureau: Literal["pboc", "baihang", "pudao", "other"]


class DataImportCode(Request):
    """operator_report/confirm."""

    capture_no: Key
    reference: Key
    code: Code


class DataImportQuery(Request):
    """`report` of every source."""

    capture_no: Key
    reference: Key


class BindingCode(FourFactors):
    """card_binding/send_code."""

    binding_no: Key


class BindingEntry(Request):
    """card_binding/confirm."""

    binding_no: Key
    reference: Key
    code: Code


class BanksQuery(Request):
    """card_binding/banks."""


class CompanyCheck(Request):
    """company/check."""

    country: Country
    registration_number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{14}$|^[0-9A-Z]{18}$")]
    legal_name: Text


class PersonCheck(Request):
    """person/check."""

    country: Country
    document_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$|^[0-9]{17}[0-9X]$")]
    name: Text
    birth_date: Annotated[date, Field(strict=False)] | None = None


class ReportNotice(BaseModel):
    """The body of a callback about a data import."""

    event_id: str
    source: Source
    capture_no: str
    status: Literal["done", "failed"]
    reason: str | None
    occurred_at: str
