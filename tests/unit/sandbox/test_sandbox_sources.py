"""The data sources' simulators without a network: firms, citizens, documents, faults, masks."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from stdnum.br import cnpj, cpf
from stdnum.cn import uscc

from providers.verification.bank_flows import FlowsDocument
from providers.verification.bureau_report import BureauDocument
from providers.verification.ecommerce import EcommerceDocument
from providers.verification.online_banking import BankingDocument
from providers.verification.operator_document import OperatorDocument
from sandbox import registers, reports
from sandbox.book import Book
from sandbox.config import SandboxConfig
from sandbox.faults import Fault
from sandbox.masking import masked
from sandbox.months import months_before
from sandbox.personas import PERSONAS, person
from sandbox.source_wire import BindingEntry, CompanyCheck, OperatorDataImport

DOCUMENT = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text("utf-8")
INDICES = [0, 1, registers.FAMILY_SIZE - 1]


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("key", [firm.key for firm in registers.FIRMS])
def test_numbers_of_firms_are_valid(key: str, index: int) -> None:
    assert cnpj.is_valid(registers.cnpj(key, index))
    assert uscc.is_valid(registers.social_credit_code(key, index))


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("key", [citizen.key for citizen in registers.CITIZENS])
def test_numbers_of_citizens_are_valid(key: str, index: int) -> None:
    assert cpf.is_valid(registers.cpf(key, index))


@pytest.mark.parametrize("index", [-1, registers.FAMILY_SIZE])
def test_a_firm_has_so_many_members(index: int) -> None:
    with pytest.raises(ValueError, match="members"):
        registers.cnpj("company_ok", index)


def test_all_firms_and_citizens_differ() -> None:
    for numbers in (
        [registers.cnpj(firm.key, index) for firm in registers.FIRMS for index in INDICES],
        [registers.cpf(one.key, index) for one in registers.CITIZENS for index in INDICES],
    ):
        assert len(set(numbers)) == len(numbers)


def test_the_document_lists_every_firm_and_citizen_as_it_is() -> None:
    for firm in registers.FIRMS:
        numbers = f"{registers.cnpj(firm.key)} | {registers.social_credit_code(firm.key)}"
        assert f"| `{firm.key}` | {firm.name} | {numbers} |" in DOCUMENT
    for citizen in registers.CITIZENS:
        assert f"| `{citizen.key}` | {citizen.name} | {registers.cpf(citizen.key)} |" in DOCUMENT


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 9, 1, 4, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
        datetime(2028, 2, 29, 16, 30, tzinfo=UTC),
        datetime(2026, 3, 31, 23, 59, tzinfo=UTC),
    ],
)
def test_documents_keep_the_contract_on_every_day(at: datetime, subtests: pytest.Subtests) -> None:
    for persona in PERSONAS:
        with subtests.test(persona=persona.key):
            who = person(persona.key)
            operator = reports.document("operator_report", who, at)
            OperatorDocument.model_validate_json(_json(operator))
            banking = reports.document("online_banking", who, at)
            BankingDocument.model_validate_json(_json(banking))
            ecommerce = reports.document("ecommerce", who, at)
            EcommerceDocument.model_validate_json(_json(ecommerce))
            flows = reports.document("bank_flows", who, at)
            FlowsDocument.model_validate_json(_json(flows))
            file = reports.document("bureau_report", who, at)
            BureauDocument.model_validate_json(_json(file))


def _json(document: object) -> str:
    return json.dumps(document)


@pytest.mark.parametrize(
    ("on", "months", "first"),
    [
        (date(2026, 1, 31), 1, date(2025, 12, 1)),
        (date(2026, 12, 5), 12, date(2025, 12, 1)),
        (date(2026, 3, 1), 0, date(2026, 3, 1)),
    ],
)
def test_months_are_counted_back_over_years(on: date, months: int, first: date) -> None:
    assert months_before(on, months) == first


@pytest.mark.parametrize(
    "fault",
    [
        {"report_polls": 0},
        {"report_delay_seconds": -1},
        {"report_failure": "Nicht gut"},
        {"report_failure": "19901000000"},
        {"forge_signature": "yes, please"},
    ],
)
def test_a_fault_of_a_report_that_makes_no_sense_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate({"provider": "operator_report"} | fault)


def test_masks_hide_who_and_what_code() -> None:
    who = person("story")
    data_import = OperatorDataImport(
        capture_no="cap_1",
        consent_id="cst_1",
        name=who.name,
        identity_number=who.identity_number,
        mobile=who.mobile,
    )
    assert masked(data_import) == {
        "capture_no": "cap_1",
        "consent_id": "cst_1",
        "name": "****",
        "identity_number": f"****{who.identity_number[-4:]}",
        "mobile": f"****{who.mobile[-4:]}",
    }
    entry = BindingEntry(binding_no="bnd_1", reference="ref_1", code="123456")
    assert masked(entry)["code"] == "****"
    firm = CompanyCheck(country="BR", registration_number="12ABC34501DE35", legal_name="QI")
    assert masked(firm) == {
        "country": "BR",
        "registration_number": "****DE35",
        "legal_name": "****",
    }


def test_an_update_changes_the_named_rows_only(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite3")
    for key in ("one", "two"):
        book.insert("replies", {"request_key": key, "fingerprint": "", "reply": "{}"})
    book.update("replies", {"request_key": "two"}, {"reply": "[]"})
    assert [row["reply"] for row in book.select("replies", "request_key", {})] == ["{}", "[]"]
    book.close()


def test_notices_go_beside_the_payments_unless_told_otherwise() -> None:
    assert SandboxConfig().report_url == "http://127.0.0.1:8000/v1/callbacks/reports"
    environment = {"LOANFLOW_SANDBOX_CALLBACK_URL": "http://api:8000/v1/callbacks/payments"}
    beside = SandboxConfig.from_environment(environment)
    assert beside.report_url == "http://api:8000/v1/callbacks/reports"
    told = environment | {"LOANFLOW_SANDBOX_REPORT_CALLBACK_URL": "http://elsewhere/notices"}
    assert SandboxConfig.from_environment(told).report_url == "http://elsewhere/notices"
