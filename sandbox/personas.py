"""The fictional people whose numbers choose what the simulators answer, as test cards do.

Each persona is a family without end: `person(key, index)` has numbers of its own and behaves like
every other member. Identity numbers carry the area code of a prefecture, a unit whose code is not
issued to people, so a number can be valid everywhere and still be nobody's.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal

Sex = Literal["male", "female"]


class Trait(StrEnum):
    """How a persona departs from 'everything matches and every payment succeeds'."""

    NAME_MISMATCH = "name_mismatch"
    MOBILE_MISMATCH = "mobile_mismatch"
    NOT_IN_REGISTRY = "not_in_registry"
    NOT_LIVE = "not_live"
    CREDIT_CARD = "credit_card"
    DISBURSEMENT_PROCESSING = "disbursement_processing"
    DISBURSEMENT_FAILS = "disbursement_fails"
    DISBURSEMENT_RESPONSE_LOST = "disbursement_response_lost"
    DEBIT_PROCESSING = "debit_processing"
    THIRD_DEBIT_DECLINES = "third_debit_declines"
    REPORT_SLOW = "report_slow"
    REPORT_FAILS = "report_fails"
    IMPORT_REFUSED = "import_refused"
    THIN_FILE = "thin_file"
    BUREAU_DISAGREES = "bureau_disagrees"
    SECOND_BUREAU_SILENT = "second_bureau_silent"
    BANK_UNSUPPORTED = "bank_unsupported"
    REGISTERED_AS_ANOTHER = "registered_as_another"
    NO_REGISTERED_PHOTO = "no_registered_photo"
    INDEBTED = "indebted"
    STATEMENT_ALTERED = "statement_altered"


_TRAITS: Final = {trait.value: trait for trait in Trait}


@dataclass(frozen=True)
class Persona:
    """One kind of fictional person: how they are called, and what the bureau knows.

    `score` is None where the bureau has no file. Most are called after the trait that they have;
    the others may be given one.
    """

    key: str
    code: str
    area: str
    name: str
    sex: Sex
    score: int | None = 780
    trait: Trait | None = None
    blacklisted: bool = False
    overdue_history: int = 0
    lenders_queried_30d: int = 1
    unsettled_loans: int = 0
    new_loans_30d: int = 0

    def __post_init__(self) -> None:
        """Take the trait that the persona is called after."""
        if self.trait is None:
            object.__setattr__(self, "trait", _TRAITS.get(self.key))


@dataclass(frozen=True)
class Person:
    """One member of a persona's family, with everything that an application asks for.

    `valid_until` is None for a long-term identity card.
    """

    persona: Persona
    index: int
    name: str
    sex: Sex
    birth_date: date
    identity_number: str
    mobile: str
    card_number: str
    credit_card_number: str
    address: str
    issuer: str
    valid_from: date
    valid_until: date | None
    ethnicity: str = "汉"


PERSONAS: tuple[Persona, ...] = (
    Persona("story", "01", "130100", "林小雨", "female", 610, Trait.THIRD_DEBIT_DECLINES),
    Persona("blacklisted", "02", "140100", "云无归", "male", 380, blacklisted=True),
    Persona("low_score", "03", "210100", "纪无常", "male", 380, overdue_history=4),
    Persona("heavily_queried", "04", "220100", "花千枝", "female", 640, lenders_queried_30d=14),
    Persona("approved", "05", "230100", "晴方好", "female"),
    Persona("mobile_mismatch", "06", "330100", "风满楼", "male"),
    Persona("name_mismatch", "07", "340100", "山有木", "male"),
    Persona("not_in_registry", "08", "350100", "影无踪", "male"),
    Persona("not_live", "09", "360100", "水无痕", "female"),
    Persona("credit_card", "10", "370100", "月如钩", "female"),
    Persona("disbursement_processing", "11", "410100", "江流云", "male"),
    Persona("disbursement_fails", "12", "420100", "石敲玉", "male"),
    Persona("debit_processing", "13", "430100", "叶落尘", "male"),
    Persona("disbursement_response_lost", "14", "440100", "雾迷津", "female"),
    Persona("report_slow", "15", "150100", "云迟迟", "female"),
    Persona("report_fails", "16", "320100", "音信绝", "male"),
    Persona("import_refused", "17", "450100", "门常关", "female"),
    Persona("thin_file", "18", "620100", "白如纸", "male", None),
    Persona("bureau_disagrees", "19", "510100", "两面风", "male"),
    Persona("second_bureau_silent", "20", "520100", "独木桥", "male"),
    Persona(
        *("multi_lender_heavy", "21", "530100", "债如山", "male", 560),
        lenders_queried_30d=16,
        unsettled_loans=7,
        new_loans_30d=5,
    ),
    Persona("bank_unsupported", "22", "610100", "小钱庄", "female"),
    Persona("registered_as_another", "23", "630100", "镜中人", "male"),
    Persona("no_registered_photo", "24", "640100", "未留影", "female"),
    Persona("indebted", "25", "130200", "月月还", "male"),
    Persona("statement_altered", "26", "540100", "改账人", "female"),
)
"""The table of `docs/sandbox.md`."""

FAMILY_SIZE = 250_000

_STRANGER = Persona("stranger", "99", "650100", "路人甲", "male")
_FIRST_BIRTHDAY = date(1985, 1, 1)
_BIRTHDAYS = 5_000
_FIRST_SEQUENCE = 900
_CARD_PREFIX = "6299"
_CREDIT_CARD_PREFIX = "6298"
_BY_KEY = {persona.key: persona for persona in PERSONAS}
_BY_AREA = {persona.area: persona for persona in PERSONAS}
_BY_CODE = {persona.code: persona for persona in PERSONAS}


def person(key: str, index: int = 0) -> Person:
    """Return member `index` (0 to FAMILY_SIZE - 1) of a family; raises KeyError or ValueError."""
    return _member(_BY_KEY[key], index)


def stranger(index: int) -> Person:
    """Return a person outside the table: everything matches, score 780, payments succeed."""
    return _member(_STRANGER, index)


def by_identity(identity_number: str) -> Person | None:
    """Return the person of the table with this identity number."""
    persona = _BY_AREA.get(identity_number[:6])
    if persona is None or len(identity_number) != 18 or not identity_number[6:17].isdecimal():
        return None
    try:
        born = date(*(int(identity_number[a:b]) for a, b in ((6, 10), (10, 12), (12, 14))))
        rank = (int(identity_number[14:17]) - _FIRST_SEQUENCE) // 2
        found = _member(persona, rank * _BIRTHDAYS + (born - _FIRST_BIRTHDAY).days)
    except ValueError:
        return None
    return found if found.identity_number == identity_number else None


def by_card(card_number: str) -> Person | None:
    """Return the person of the table with this bank card."""
    found = _holder(card_number)
    return found if found is not None and found.card_number == card_number else None


def by_credit_card(card_number: str) -> Person | None:
    """Return the person of the table with this further credit card."""
    found = _holder(card_number)
    return found if found is not None and found.credit_card_number == card_number else None


def trait_of(who: Person | None) -> Trait | None:
    """Return how somebody departs from the usual; nobody of the table does."""
    return None if who is None else who.persona.trait


def trait_at(identity_number: str) -> Trait | None:
    """Return how the person with this identity number departs from the usual."""
    return trait_of(by_identity(identity_number))


def luhn_valid(card_number: str) -> bool:
    """Say whether a card number's check digit is right."""
    return card_number.isdecimal() and card_number[-1] == _luhn_digit(card_number[:-1])


def _holder(card_number: str) -> Person | None:
    """Return the person whom a card number of 16 digits names, whatever its prefix."""
    persona = _BY_CODE.get(card_number[4:6])
    if persona is None or len(card_number) != 16 or not card_number.isdecimal():
        return None
    index = int(card_number[6:15])
    return _member(persona, index) if index < FAMILY_SIZE else None


def _member(persona: Persona, index: int) -> Person:
    if not 0 <= index < FAMILY_SIZE:
        raise ValueError(f"a family has members 0 to {FAMILY_SIZE - 1}")
    born = _FIRST_BIRTHDAY + timedelta(days=index % _BIRTHDAYS)
    sequence = _FIRST_SEQUENCE + 2 * (index // _BIRTHDAYS) + (persona.sex == "male")
    body = f"{persona.area}{born:%Y%m%d}{sequence}"
    card = f"{_CARD_PREFIX}{persona.code}{index:09d}"
    credit_card = f"{_CREDIT_CARD_PREFIX}{persona.code}{index:09d}"
    return Person(
        persona=persona,
        index=index,
        name=persona.name,
        sex=persona.sex,
        birth_date=born,
        identity_number=body + identity_digit(body),
        mobile=f"199{persona.code}{index:06d}",
        card_number=card + _luhn_digit(card),
        credit_card_number=credit_card + _luhn_digit(credit_card),
        address=f"示例省虚构市演示路{index + 1}号",
        issuer="虚构市公安局",
        valid_from=date(2020, 1, 1),
        valid_until=None if persona.key == "approved" else date(2040, 1, 1),
    )


def identity_digit(body: str) -> str:
    """Return the check digit of GB 11643-1999 (ISO 7064 MOD 11-2)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return "10X98765432"[total % 11]


def _luhn_digit(body: str) -> str:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
