"""The registers of companies and persons, and the fictional firms and Brazilians they know.

Numbers choose the answers here as well. Whoever is not in the tables is registered, active and
without an adverse entry; applicants of `sandbox.personas` are persons of the register too.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sandbox import personas, source_wire
from sandbox.personas import Trait
from sandbox.replies import Reply, mismatch, unavailable

FAMILY_SIZE = 100
"""Members of a firm's family: the number of the firm has two digits for them."""

_SOCIAL_CREDIT: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_BIRTH_DATE: Final = date(1980, 6, 15)


@dataclass(frozen=True)
class Entry:
    """One kind of fictional company, or person; `reason` is why the register does not tell."""

    key: str
    code: str
    name: str
    status: str
    constituted_on: date = date(2012, 3, 1)
    adverse: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


FIRMS: Final = (
    Entry("company_ok", "01", "Padaria Fictícia Ltda", "active"),
    Entry("company_dissolved", "02", "Moinho Parado Ltda", "dissolved"),
    Entry("company_new", "03", "Vento Novo Ltda", "active", constituted_on=date(2026, 6, 1)),
    Entry(
        "company_adverse",
        "04",
        "Ponte Caída SA",
        "active",
        adverse={"court_enforcement": 2, "tax_debt": 1},
    ),
    Entry("company_unknown", "05", "Ninguém Ltda", "active", reason="not_registered"),
    Entry("company_silent", "06", "Porta Fechada Ltda", "active", reason="source_maintenance"),
)
CITIZENS: Final = (
    Entry("person_ok", "01", "Clara Exemplo", "regular"),
    Entry("person_deceased", "02", "Antônio Exemplo", "deceased"),
    Entry(
        "person_adverse", "03", "Bruno Exemplo", "regular", adverse={"protest": 3, "insolvency": 1}
    ),
    Entry("person_unknown", "04", "Ninguém Exemplo", "regular", reason="not_registered"),
    Entry("person_silent", "05", "Calada Exemplo", "regular", reason="source_maintenance"),
)
"""The second and third table of `docs/sandbox.md`."""

_FIRMS = {firm.key: firm for firm in FIRMS}
_CITIZENS = {citizen.key: citizen for citizen in CITIZENS}


def cnpj(key: str, index: int = 0) -> str:
    """Return the CNPJ (14 digits) of member `index` of a firm's family."""
    return cnpj_of(_FIRMS[key].code, index)


def cnpj_of(code: str, index: int) -> str:
    """Return the CNPJ of member `index` of the family with this code."""
    body = f"9999{code}{_member(index)}0001"
    first = _modulo_11(body, (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))
    return body + first + _modulo_11(body + first, (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))


def social_credit_code(key: str, index: int = 0) -> str:
    """Return the unified social credit code (18 characters) of the same firm in China."""
    organisation = f"0000{_FIRMS[key].code}{_member(index)}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(organisation, weights, strict=True))
    body = f"91000000{organisation}{'0X987654321'[total % 11]}"
    weighed = (_SOCIAL_CREDIT.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + _SOCIAL_CREDIT[-sum(weighed) % 31]


def cpf(key: str, index: int = 0) -> str:
    """Return the CPF (11 digits) of member `index` of a Brazilian's family."""
    return cpf_of(_CITIZENS[key].code, index)


def cpf_of(code: str, index: int) -> str:
    """Return the CPF of member `index` of the family with this code."""
    body = f"99900{code}{_member(index)}"
    first = _modulo_11(body, tuple(range(10, 1, -1)))
    return body + first + _modulo_11(body + first, tuple(range(11, 1, -1)))


def listed() -> list[Reply]:
    """Return the first member of each family with its numbers."""
    firms: list[Reply] = [
        {
            "key": firm.key,
            "legal_name": firm.name,
            "cnpj": cnpj(firm.key),
            "social_credit_code": social_credit_code(firm.key),
        }
        for firm in FIRMS
    ]
    citizens: list[Reply] = [
        {"key": citizen.key, "name": citizen.name, "cpf": cpf(citizen.key)} for citizen in CITIZENS
    ]
    return firms + citizens


def company(request: source_wire.CompanyCheck) -> Reply:
    """Look a company up."""
    firm = _firm(request)
    if firm is None:
        firm = Entry("stranger", "", request.legal_name, "active")
    if firm.reason is not None:
        return _refused(firm.reason)
    if firm.name.casefold() != request.legal_name.casefold():
        return _refused("legal_name_mismatch")
    return {
        "verdict": "match",
        "reasons": [],
        "legal_name": firm.name,
        "status": firm.status,
        "constituted_on": firm.constituted_on.isoformat(),
        "adverse": _entries(firm.adverse),
    }


def person(request: source_wire.PersonCheck) -> Reply:
    """Look a person up: a Brazilian by CPF, a Chinese by identity number."""
    if request.country == "BR":
        return _brazilian(request)
    known = personas.by_identity(request.document_number)
    if known is None:
        return _registered("regular", {})
    if known.persona.trait is Trait.NOT_IN_REGISTRY:
        return _refused("not_registered")
    if known.persona.trait is Trait.NAME_MISMATCH or known.name != request.name:
        return _refused("name_mismatch")
    if request.birth_date not in (None, known.birth_date):
        return _refused("birth_date_mismatch")
    return _registered("regular", {"court_enforcement": 1} if known.persona.blacklisted else {})


def _brazilian(request: source_wire.PersonCheck) -> Reply:
    citizen = _citizen(request.document_number)
    if citizen is None:
        return _registered("regular", {})
    if citizen.reason is not None:
        return _refused(citizen.reason)
    if citizen.name.casefold() != request.name.casefold():
        return _refused("name_mismatch")
    if request.birth_date not in (None, _BIRTH_DATE):
        return _refused("birth_date_mismatch")
    return _registered(citizen.status, citizen.adverse)


def _firm(request: source_wire.CompanyCheck) -> Entry | None:
    number = request.registration_number
    code, member = (
        (number[4:6], number[6:8]) if request.country == "BR" else (number[12:14], number[14:16])
    )
    numbered = cnpj if request.country == "BR" else social_credit_code
    for firm in FIRMS:
        if firm.code == code and member.isdecimal() and numbered(firm.key, int(member)) == number:
            return firm
    return None


def _citizen(number: str) -> Entry | None:
    for citizen in CITIZENS:
        if citizen.code == number[5:7] and cpf(citizen.key, int(number[7:9])) == number:
            return citizen
    return None


def _registered(status: str, adverse: dict[str, int]) -> Reply:
    return {"verdict": "match", "reasons": [], "status": status, "adverse": _entries(adverse)}


def _entries(adverse: dict[str, int]) -> list[Reply]:
    return [
        {"kind": kind, "count": count, "latest_on": "2026-01-20"} for kind, count in adverse.items()
    ]


def _refused(reason: str) -> Reply:
    return unavailable(reason) if reason == "source_maintenance" else mismatch(reason)


def _member(index: int) -> str:
    if not 0 <= index < FAMILY_SIZE:
        raise ValueError(f"a family has members 0 to {FAMILY_SIZE - 1}")
    return f"{index:02d}"


def _modulo_11(body: str, weights: tuple[int, ...]) -> str:
    rest = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11
    return "0" if rest < 2 else str(11 - rest)
