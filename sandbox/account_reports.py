"""The lines of a bank account and the bureau's file: invented, the same whenever the same is asked.

Everybody earns 8,000.00 a month, of which one month's wages come into another account, pays rent
and telephone, moves money between own accounts and sends something back.
"""

from calendar import monthrange
from datetime import date, datetime, timedelta

from sandbox.months import months_before
from sandbox.personas import Person, Trait
from sandbox.replies import Reply

_MONTHS = 12
_WAGES, _RENT, _TELEPHONE = 800_000, 180_000, 5_900
_INSTALMENT = 300_000
_OPENING = 1_000_000
_WITHOUT_WAGES = 4


def flows(person: Person | None, at: datetime) -> Reply:
    """Return an account's lines of a year of complete months and of the month under way."""
    holder = person.name if person is not None else "路人甲"
    trait = person.persona.trait if person is not None else None
    first, last = months_before(at.date(), _MONTHS), at.date() - timedelta(days=1)
    lines: list[Reply] = []
    balance = _OPENING
    for ago in range(_MONTHS, -1, -1):
        month = months_before(at.date(), ago)
        for day, amount, party, text in _month(holder, trait, ago):
            on = month.replace(day=min(day, monthrange(month.year, month.month)[1]))
            if first <= on <= last:
                balance += amount
                lines.append(
                    {
                        "on": on.isoformat(),
                        "amount": amount,
                        "balance": balance,
                        "counterparty": party,
                        "text": text,
                    }
                )
    if trait is Trait.STATEMENT_ALTERED:
        lines[3] |= {"amount": int(str(lines[3]["amount"])) + 500_000}
    return {
        "currency": "CNY",
        "captured_at": at.isoformat(),
        "holder": holder,
        "name_matches": True,
        "first_day": first.isoformat(),
        "last_day": max(first, last).isoformat(),
        "opening_balance": _OPENING,
        "lines": lines,
    }


def _month(holder: str, trait: Trait | None, ago: int) -> list[tuple[int, int, str, str]]:
    """Return a month's movements: day, amount, other party, text."""
    thin = trait is Trait.THIN_FILE
    lines = [
        (1, -_RENT, "演示房产", "房租"),
        (3, 200_000, holder, "转账"),
        (4, -_TELEPHONE, "演示电信", "话费"),
        (12, -29_900, "演示商城", "购物"),
        (14, 29_900, "演示商城", "退款"),
        (20, -40_000 * (1 + ago % 4), "演示超市", "消费"),
    ]
    if ago != _WITHOUT_WAGES and not thin:
        lines.append((10, _WAGES, "演示科技有限公司", "工资"))
    if trait is Trait.INDEBTED:
        lines.append((15, -_INSTALMENT, "演示消费金融", "贷款还款"))
    return sorted(lines, key=lambda line: line[0])


def bureau(person: Person | None, at: datetime) -> Reply:
    """Return a file: a card, a loan of those who are in debt, and what was overdue of either."""
    persona = person.persona if person is not None else None
    trait = persona.trait if persona is not None else None
    file: Reply = {"currency": "CNY", "captured_at": at.isoformat()}
    if trait is Trait.THIN_FILE:
        return file
    late = persona.overdue_history if persona is not None else 0
    card = _account("credit_card", at.date(), 420_000, 42_000, late)
    loans = 1 if trait is Trait.INDEBTED else persona.unsettled_loans if persona is not None else 0
    queried = persona.lenders_queried_30d if persona is not None else 1
    return file | {
        "accounts": [card]
        + [_account("consumer_loan", at.date(), 2_000_000, 250_000, 0) for _ in range(loans)],
        "enquiries": [
            {
                "on": (at.date() - timedelta(days=1 + number)).isoformat(),
                "lender": f"演示银行{number}",
                "reason": "loan_application",
            }
            for number in range(queried)
        ],
    }


def _account(kind: str, on: date, outstanding: int, monthly: int, late: int) -> Reply:
    """Return an account of two years that was late for the newest `late` months."""
    return {
        "kind": kind,
        "status": "open",
        "opened_on": months_before(on, 24).isoformat(),
        "credit_limit": 2_000_000,
        "outstanding": outstanding,
        "monthly_payment": monthly,
        "months": [
            {
                "month": f"{months_before(on, ago):%Y-%m}",
                "overdue": monthly * (late - ago + 1) if ago <= late else 0,
            }
            for ago in range(1, 25)
        ],
    }
