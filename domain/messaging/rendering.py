"""Values as people read them, language by language, and how many SMS a text takes.

A value crosses the outbox as JSON (`said`), without a person's data: amounts, days, references,
codes. What the customer reads is written from it again whenever it is needed, to the same bytes.
"""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.common.money import format_amount
from domain.common.reject_codes import RejectionCategory
from domain.messaging.events import HOME_ZONE, VARIABLES, FieldType, MessagePurpose

REASONS: Final[Mapping[RejectionCategory, Mapping[str, str]]] = {
    "identity": {
        "zh": "身份信息未能核实",
        "en": "we could not confirm your identity",
        "pt": "não foi possível confirmar sua identidade",
    },
    "age": {
        "zh": "年龄不符合产品要求",
        "en": "your age is outside what the product allows",
        "pt": "sua idade não é aceita pelo produto",
    },
    "credit_assessment": {
        "zh": "综合信用评估未通过",
        "en": "our credit assessment",
        "pt": "nossa análise de crédito",
    },
    "pending_application": {
        "zh": "您有另一笔申请正在处理",
        "en": "another application of yours is open",
        "pt": "você tem outra solicitação em andamento",
    },
    "not_eligible": {
        "zh": "不符合产品的申请条件",
        "en": "you do not meet the product's conditions",
        "pt": "você não atende às condições do produto",
    },
}
"""What a rejected applicant is told of the reason, by category and language."""

_ANY_TIME: Final[Mapping[str, str]] = {"zh": "随时", "en": "any time", "pt": "qualquer data"}

_MONTHS: Final[tuple[str, ...]] = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)

_LONGEST: Final[Mapping[FieldType, Any]] = {
    FieldType.MONEY: {"amount": 9_999_999_999, "currency": "CNY"},
    FieldType.DAY: "2026-09-30",
    FieldType.INSTANT: "2026-09-30T15:59:00+00:00",
    FieldType.NUMBER: 99_999,
    FieldType.REFERENCE: "ABC123",
    FieldType.LINK: "https://" + "l" * 112,
    FieldType.TEXT: "t" * 25,
}
"""A value of each type that takes as much room as any that we send."""

# GSM 03.38: a text of these letters has 160 in one SMS, any other one 70; joined ones have fewer.
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE: Final = frozenset("^{}\\[~]|€\f")

MAX_SMS_PARTS: Final = 3
"""So many SMS are joined to one message at most: providers bill and lose them one by one."""


def check_said(purpose: MessagePurpose, said: Mapping[str, Any]) -> None:
    """Raise ValueError unless `said` has exactly the purpose's variables, each of its type."""
    fields = VARIABLES[purpose]
    if said.keys() != fields.keys():
        raise ValueError(f"{purpose} says {', '.join(fields)}, not {', '.join(said)}")
    for name, value in said.items():
        try:
            write(fields[name], value, "en")
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{purpose}: {name} is no {fields[name]}") from error


def written(purpose: MessagePurpose, said: Mapping[str, Any], language: str) -> dict[str, str]:
    """Return every variable as it is read in a language."""
    return {name: write(VARIABLES[purpose][name], value, language) for name, value in said.items()}


def write(kind: FieldType, value: Any, language: str) -> str:
    """Return one value as it is read in a language; English where the language is not known.

    `money` is minor units with a currency: 1,000.00 CNY is 1,000.00元 in Chinese.
    """
    match kind:
        case FieldType.MONEY:
            return _money(value["amount"], value["currency"], language)
        case FieldType.DAY:
            return (
                _any_time(language) if value is None else _day(date.fromisoformat(value), language)
            )
        case FieldType.INSTANT:
            local = datetime.fromisoformat(value).astimezone(ZoneInfo(HOME_ZONE))
            return f"{_day(local.date(), language)} {local:%H:%M}"
        case FieldType.REASON:
            reasons = REASONS[value]
            return reasons.get(language, reasons["en"])
        case FieldType.NUMBER:
            return str(int(value))
        case FieldType.REFERENCE | FieldType.LINK | FieldType.TEXT:
            return str(value)


def longest(purpose: MessagePurpose, language: str) -> dict[str, str]:
    """Return variables of a purpose that take as much room as any."""
    return {
        name: (
            max((write(kind, one, language) for one in REASONS), key=len)
            if kind is FieldType.REASON
            else write(kind, _LONGEST[kind], language)
        )
        for name, kind in VARIABLES[purpose].items()
    }


def sms_parts(text: str) -> int:
    """Return how many SMS a text takes (GSM 03.38 and 03.40: 160 or 153, else 70 or 67)."""
    if all(letter in _GSM or letter in _GSM_TWICE for letter in text):
        length = sum(2 if letter in _GSM_TWICE else 1 for letter in text)
        return 1 if length <= 160 else math.ceil(length / 153)
    length = len(text.encode("utf-16-be")) // 2
    return 1 if length <= 70 else math.ceil(length / 67)


def reference_of(identity: str) -> str:
    """Return the end of an id: enough for its owner, nothing for a stranger."""
    return identity[-6:].upper()


def _money(amount: int, currency: str, language: str) -> str:
    figures = format_amount(amount, currency)
    if language == "zh" and currency == "CNY":
        return f"{figures}元"
    if language == "pt":
        figures = figures.translate(str.maketrans(",.", ".,"))
        return f"R$ {figures}" if currency == "BRL" else f"{currency} {figures}"
    return f"{currency} {figures}"


def _day(day: date, language: str) -> str:
    match language:
        case "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        case "pt":
            return f"{day:%d/%m/%Y}"
        case _:
            return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _any_time(language: str) -> str:
    return _ANY_TIME.get(language, _ANY_TIME["en"])
