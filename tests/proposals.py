"""Proposals for credit analyses: the published example as it is, and changes to it."""

import copy
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal
from domain.credit_analysis.receipt import receive_proposal
from runtime.clock import utc_now
from sandbox import registers

NOW: Final = datetime(2026, 11, 21, 15, tzinfo=UTC)
"""When the proposals of tests come in."""

STANDARD: Final = "standard"
WITH_ASSESSMENT: Final = "with_assessment"
"""The policies that are shipped."""

_numbers = itertools.count(1)

_PUBLISHED: Final = """
{
"id": "12345678",
"credit_request_date": "2021-03-31T10:30:00-03:00",
"credit_type": "student_loan",
"legal_name": "QI Tech Tecnologia LTDA",
"trading_name": "QI Tech",
"document_number": "35.472.523/0001-15",
"constitution_date": "2019-11-11",
"constitution_type": "llc",
"email": "suporte.caas@qitech.com.br",
"monthly_revenue": 50000000,
"client_category": "Premium User",
"client_since": "2021-02-11",
"address": {"country": "BRA", "street": "Av. Brigadeiro Faria Lima", "number": "2391",
 "neighborhood": "Jardim Paulistano", "city": "São Paulo", "uf": "SP", "postal_code": "01452-905"},
"phones": [{"international_dial_code": "55", "area_code": "11", "number": "32234611",
 "type": "residential"}],
"shareholders": [{"name": "Anna Pinto Azevedo", "document_number": "261.026.462-31",
 "birthdate": "1972-08-22", "email": "annapintoazevedo@sample.com", "nationality": "BRA",
 "mother_name": "Beatrice Rodrigues Pinto", "father_name": "Luís Azevedo",
 "monthly_income": 800000, "declared_assets": 18600000, "occupation": "law", "gender": "female",
 "address": {"country": "BRA", "street": "Rua Derviche Djouki", "number": "598",
  "complement": "Ap 857", "neighborhood": "Chora Menino", "city": "São Paulo", "uf": "SP",
  "postal_code": "02463-080"},
 "phones": [{"international_dial_code": "55", "area_code": "11", "number": "55988644",
  "type": "mobile"}]}],
"guarantors": [{"name": "Melissa Lima Melo", "document_number": "677.498.846-61",
 "birthdate": "1960-11-21", "email": "exemplo2@sample.com", "nationality": "BRA",
 "mother_name": "Raíssa Lima", "father_name": "Ronaldo Melo", "monthly_income": 800000,
 "declared_assets": 18600000, "occupation": "law", "gender": "female",
 "address": {"country": "BRA", "street": "Rua Castro Alves", "number": "100",
  "complement": "Ap 202", "neighborhood": "Parque Estrela Dalva I", "city": "Luziânia",
  "uf": "GO", "postal_code": "72804-050"},
 "phones": [{"international_dial_code": "55", "area_code": "11", "number": "21158745",
  "type": "residential"}]}],
"financial": {"amount": 100000, "currency": "BRL", "interest_type": "cdi_plus",
 "annual_interest_rate": 2.32, "cdi_percentage": 100, "number_of_installments": 4},
"warrants": [{"warrant_type": "real_estate",
 "address": {"country": "BRA", "street": "Rua Curitiba", "number": "150",
  "complement": "Bl 3 apt 122", "neighborhood": "Paraíso", "city": "São Paulo", "uf": "SP",
  "postal_code": "04005-030"},
 "property_type": "house", "estimated_value": 100000000, "forced_selling_value": 60000000}],
"source": {"channel": "website", "ip": "132.23.161.75",
 "session_id": "2bb684f9-6c00-4993-bcd7-18b9eccd7c9d"},
"scr_parameters": {"signers": [{"document_number": "261.026.462-31",
 "name": "Anna Pinto Azevedo", "email": "annapintoazevedo@sample.com",
 "phone": {"number": "55988644", "area_code": "11", "international_dial_code": "55"}}]}
}
"""
"""Every value as published; `scr_parameters`, left out there, is filled as its page describes."""

PERSONAL: Final = (
    "QI Tech Tecnologia",
    "35.472.523",
    "35472523000115",
    "Anna Pinto",
    "261.026.462",
    "26102646231",
    "Melissa Lima",
    "677.498.846",
    "67749884661",
    "Faria Lima",
    "32234611",
    "annapintoazevedo",
    "Beatrice",
    "132.23.161.75",
)
"""What of it may be read nowhere but in the record."""


_YESTERDAY: Final = utc_now() - timedelta(days=1)

YOUNG: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "constitution_date": f"{_YESTERDAY - timedelta(days=270):%Y-%m-%d}",
        "credit_request_date": f"{_YESTERDAY:%Y-%m-%dT%H:%M:%SZ}",
        "client_since": None,
    }
)
"""Of a company that is too young for an automatic approval and too old to be reproved."""


def published() -> dict[str, Any]:
    """The published legal person, with an id of its own."""
    proposal: dict[str, Any] = json.loads(_PUBLISHED)
    return proposal


def legal_person(**changes: Any) -> dict[str, Any]:
    """The published legal person under an id that no other test uses, with `changes`."""
    return published() | {"id": f"proposal-{next(_numbers)}"} | changes


def natural_person(**changes: Any) -> dict[str, Any]:
    """A person who asks for credit."""
    company = published()
    person: dict[str, Any] = copy.deepcopy(company["guarantors"][0]) | {
        "name": "Victor Silva Barbosa",
        "document_number": "199.208.915-92",
        "birthdate": "1990-01-01",
        "gender": "male",
    }
    kept = ("credit_request_date", "credit_type", "financial", "source")
    return (
        person
        | {name: company[name] for name in kept}
        | {"id": f"proposal-{next(_numbers)}"}
        | changes
    )


def at(proposal: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with `value` at `path`, such as `shareholders.0.name`."""
    changed = copy.deepcopy(proposal)
    *parents, last = path.split(".")
    place: Any = changed
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[int(last) if last.isdigit() else last] = value
    return changed


def firm(key: str, **changes: Any) -> dict[str, Any]:
    """A company that the register of the simulators knows by `key`."""
    number = registers.cnpj(key)
    masked = f"{number[:2]}.{number[2:5]}.{number[5:8]}/{number[8:12]}-{number[12:]}"
    name = next(known.name for known in registers.FIRMS if known.key == key)
    return legal_person(document_number=masked, legal_name=name) | changes


def citizen(key: str) -> dict[str, Any]:
    """A shareholder whom the register of the simulators knows by `key`."""
    number = registers.cpf(key)
    person: dict[str, Any] = copy.deepcopy(published()["shareholders"][0])
    return person | {
        "name": next(known.name for known in registers.CITIZENS if known.key == key),
        "document_number": f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}",
        "birthdate": "1980-06-15",
    }


def read(given: dict[str, Any], kind: PersonKind = PersonKind.LEGAL) -> AnyProposal:
    """Return what the proposal is read as when it comes in at `NOW`; raises InvalidProposal."""
    return receive_proposal(kind, json.dumps(given), NOW)


def signing(count: int) -> dict[str, Any]:
    """`scr_parameters` with so many signers, all different people."""
    first: dict[str, Any] = published()["scr_parameters"]["signers"][0]
    numbers = [masked_cpf(registers.cpf("person_ok", member)) for member in range(count)]
    return {"signers": [first | {"document_number": number} for number in numbers]}


def masked_cpf(number: str) -> str:
    """Return a CPF in the mask of the documents."""
    return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"
