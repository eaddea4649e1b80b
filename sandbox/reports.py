"""The documents that the imports end with: invented, and the same whenever the same is asked."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sandbox import account_reports
from sandbox.months import months_before
from sandbox.personas import Person, Trait
from sandbox.replies import Reply

_ZONE = timezone(timedelta(hours=8))
_MONTHS = 6


def document(source: str, person: Person | None, at: datetime) -> Reply:
    """Return the document of a source for a person (None: anybody else) imported at an instant."""
    made: dict[str, Callable[[Person | None, datetime], Reply]] = {
        "operator_report": _operator,
        "online_banking": _banking,
        "ecommerce": _ecommerce,
        "bank_flows": account_reports.flows,
        "bureau_report": account_reports.bureau,
    }
    return made[source](person, at.astimezone(_ZONE))


def _operator(person: Person | None, at: datetime) -> Reply:
    thin = person is not None and person.persona.trait is Trait.THIN_FILE
    months = 2 if thin else _MONTHS
    return {
        "currency": "CNY",
        "captured_at": at.isoformat(),
        "basics": {
            "carrier": "telecom",
            "real_name": True,
            "name_matches": True,
            "identity_matches": True,
            "active": True,
            "joined_on": months_before(at.date(), 2 if thin else 40).isoformat(),
            "balance": 3_250,
            "region": "示例省虚构市",
        },
        "packages": [
            {
                "name": "畅聊59",
                "monthly_fee": 5_900,
                "started_on": months_before(at.date(), months).isoformat(),
            }
        ],
        "bills": [
            {"month": _month(at, ago), "amount": 5_900 + 100 * ago, "paid": True}
            for ago in range(1, months + 1)
        ],
        "calls": _calls(person, at),
        "messages": [
            {"at": _ago(at, day, 10), "number": "10001", "direction": "in"} for day in range(1, 31)
        ],
        "top_ups": [{"at": _ago(at, 30 * n, 12), "amount": 10_000} for n in range(1, months + 1)],
        "points": [
            {"month": _month(at, ago), "earned": 59, "balance": 1_200 - 59 * ago}
            for ago in range(1, months + 1)
        ],
        "traffic": [{"month": _month(at, ago), "megabytes": 8_000} for ago in range(1, months + 1)],
        "short_numbers": [{"number": "661", "group": "family"}],
    }


def _calls(person: Person | None, at: datetime) -> list[Reply]:
    """Two calls on each of sixty days; some families' accounts show more or less than that."""
    first = 15 if person is not None and person.persona.overdue_history else 1
    calls = [
        _call(at, day, hour, f"1380000{day % 20:04d}")
        for day in range(first, 61)
        for hour in (9, 20)
    ]
    if person is not None and person.persona.new_loans_30d:
        calls += [
            _call(at, day, 11, f"9510{day:04d}") | {"label": "lender"} for day in range(1, 13)
        ]
    if person is not None and person.persona.blacklisted:
        calls += [
            _call(at, day, 23, f"9520{day:04d}") | {"label": "collector"} for day in range(1, 9)
        ]
        calls += [_call(at, day, 2, "+85366000001") for day in range(1, 4)]
        calls.append(_call(at, 1, 3, "110"))
    return calls


def _call(at: datetime, days: int, hour: int, number: str) -> Reply:
    return {
        "at": _ago(at, days, hour),
        "number": number,
        "direction": "out" if hour % 2 else "in",
        "seconds": 60 + days,
    }


def _banking(person: Person | None, at: datetime) -> Reply:
    late = person.persona.overdue_history if person is not None else 0
    balance = 1_900_000 if late else 420_000
    bills: list[Reply] = [
        {
            "month": _month(at, ago),
            "balance": balance,
            "minimum_payment": balance // 10,
            "paid": 0 if ago <= late else balance,
            "due_on": months_before(at.date(), ago - 1).replace(day=20).isoformat(),
            "overdue": ago <= late,
        }
        for ago in range(1, 13)
    ]
    card = {
        "bank_code": "DEMO",
        "card_tail": person.credit_card_number[-4:] if person is not None else "0000",
        "credit_limit": 2_000_000,
        "bills": bills,
    }
    return {"currency": "CNY", "captured_at": at.isoformat(), "cards": [card]}


def _ecommerce(person: Person | None, at: datetime) -> Reply:
    thin = person is not None and person.persona.trait is Trait.THIN_FILE
    orders = [
        {
            "at": _ago(at, 30 * ago + 1, 15),
            "amount": 19_900,
            "status": "refunded" if ago % 6 == 5 else "completed",
        }
        for ago in range(1 if thin else 18)
    ]
    return {
        "currency": "CNY",
        "captured_at": at.isoformat(),
        "registered_on": months_before(at.date(), 3 if thin else 96).isoformat(),
        "name_matches": True,
        "orders": orders,
        "addresses": [{"city": "虚构市", "address": f"演示路{n}号"} for n in range(1, 3)],
        "credit": {} if thin else {"score": 688, "credit_limit": 800_000, "outstanding": 120_000},
    }


def _month(at: datetime, ago: int) -> str:
    return f"{months_before(at.date(), ago):%Y-%m}"


def _ago(at: datetime, days: int, hour: int) -> str:
    """Return an instant so many days earlier at an hour of that day."""
    return (at - timedelta(days=days)).replace(hour=hour, minute=0, second=0).isoformat()
