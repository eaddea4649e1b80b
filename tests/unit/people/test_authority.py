"""Who may decide what, up to how much, and what is wrong with a matrix."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.definitions import Finding
from domain.loans.allocation import Component
from domain.loans.events import AnyEvent, Disbursed, Paid, Refunded, Reversed, Waived, WrittenOff
from domain.loans.position import position
from domain.loans.records import action_of, amount_at_stake
from domain.loans.terms import monthly_terms
from domain.people.authority import (
    AUTHORITY_MATRIX,
    STANDARD,
    UNLIMITED,
    Action,
    AuthorityMatrix,
    may,
)
from domain.people.principals import STAFF_ROLES
from services.definitions.shipped import Files
from tests.definitions import shipped

_RELEASE = {"action": "release_definition", "role": "ops", "up_to": UNLIMITED}


def matrix(*rows: dict[str, Any]) -> AuthorityMatrix:
    return AuthorityMatrix.model_validate({"rows": rows})


def waiver(role: str, up_to: Any, *, second_person: bool = False) -> dict[str, Any]:
    return {"action": "waive", "role": role, "up_to": up_to, "second_person": second_person}


LIMITED = matrix(
    waiver("collector", {"CNY": 10_000, "USD": 1_000}),
    waiver("ops", {"CNY": 500_000}),
    waiver("ops", {"CNY": 5_000_000}, second_person=True),
    {"action": "write_off", "role": "ops", "up_to": UNLIMITED},
)


@pytest.mark.parametrize(
    ("roles", "amount", "currency", "allowed", "second"),
    [
        ({"collector"}, 10_000, "CNY", True, False),  # the limit itself
        ({"collector"}, 10_001, "CNY", False, False),
        ({"collector"}, 1_001, "USD", False, False),  # each currency by itself
        ({"collector"}, 1, "EUR", False, False),  # no limit named: nothing
        ({"ops"}, 500_000, "CNY", True, False),
        ({"ops"}, 500_001, "CNY", True, True),
        ({"ops"}, 5_000_001, "CNY", False, False),
        ({"collector", "ops"}, 10_001, "CNY", True, False),  # the wider of two roles
        ({"analyst"}, 1, "CNY", False, False),
        (set(), 1, "CNY", False, False),
        ({"partner"}, 1, "CNY", False, False),
    ],
)
def test_limits(roles: set[Any], amount: int, currency: str, allowed: bool, second: bool) -> None:
    found = may(LIMITED, roles, Action.WAIVE, amount, currency)
    assert (found.allowed, found.second_person_needed) == (allowed, second)


def test_a_refusal_says_what_would_be_needed() -> None:
    found = may(LIMITED, {"collector"}, Action.WAIVE, 20_000, "CNY")
    assert found.why == "waive (200.00 CNY): it takes the role ops"
    found = may(LIMITED, {"ops"}, Action.WAIVE, 6_000_000, "CNY")
    assert found.why == "waive (60,000.00 CNY): nobody may, by the matrix"


def test_what_no_row_names_nobody_may() -> None:
    assert not may(LIMITED, set(STAFF_ROLES), Action.REFUND, 1, "CNY").allowed
    assert not may(LIMITED, set(STAFF_ROLES), Action.RELEASE_DEFINITION, None).allowed


def test_no_amount_is_within_every_limit() -> None:
    assert may(LIMITED, {"collector"}, Action.WAIVE, None).allowed


def test_the_shipped_matrix_lets_the_roles_do_what_their_routes_do() -> None:
    standard = shipped(AUTHORITY_MATRIX, STANDARD)
    by_ops = {
        *(Action.RECORD, Action.WAIVE, Action.REVERSE, Action.CHANGE_RATE, Action.RESCHEDULE),
        *(Action.WRITE_OFF, Action.CHARGE_OFF, Action.REFUND, Action.SUSPEND),
        *(Action.KEEP_BOOKS, Action.REASSIGN_CASE),
    }
    by_analysts = {Action.SUSPEND, Action.KEEP_BOOKS}
    by_reviewers = {
        *(Action.APPROVE_APPLICATION, Action.REJECT_APPLICATION, Action.REQUEST_SUPPLEMENT),
        Action.REVIEW_ANALYSIS,
    }
    for action in Action:
        for role in STAFF_ROLES:
            found = may(standard, {role}, action, 10**15, "CNY")
            alone = found.allowed and not found.second_person_needed
            by_role = {"ops": by_ops, "reviewer": by_reviewers, "analyst": by_analysts}
            assert alone == (action in by_role.get(role, set()))
    for role in ("analyst", "ops"):
        found = may(standard, {role}, Action.RELEASE_DEFINITION, None)
        assert (found.allowed, found.second_person_needed) == (True, True)


def findings(*rows: dict[str, Any]) -> dict[str, str]:
    found: tuple[Finding, ...] = AUTHORITY_MATRIX.findings(
        {"rows": list(rows)}, Files({}), STANDARD
    )
    return {one.field: one.example for one in found}


def test_a_good_matrix_has_no_findings() -> None:
    assert (
        findings(
            _RELEASE,
            waiver("ops", {"CNY": 500_000}),
            waiver("ops", UNLIMITED, second_person=True),
        )
        == {}
    )


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([waiver("ops", UNLIMITED)], "rows"),  # nobody could release the next one
        ([_RELEASE, waiver("ops", UNLIMITED), waiver("ops", {"CNY": 1})], "rows.2"),
        ([_RELEASE | {"up_to": {"CNY": 1}}], "rows.0.up_to"),
        ([_RELEASE, waiver("ops", {"XXX": 1})], "rows.1.up_to.XXX"),
        (
            [_RELEASE, waiver("ops", {"CNY": 5}), waiver("ops", {"CNY": 5}, second_person=True)],
            "rows.2.up_to",
        ),
        (
            [_RELEASE, waiver("ops", UNLIMITED), waiver("ops", UNLIMITED, second_person=True)],
            "rows.2.up_to",
        ),
    ],
)
def test_what_is_wrong_is_named_with_an_example(rows: list[dict[str, Any]], field: str) -> None:
    found = findings(*rows)
    assert list(found) == [field]
    assert found[field]


@pytest.mark.parametrize(
    "row",
    [
        waiver("ops", {"CNY": -1}),
        waiver("ops", {"CNY": 1.5}),
        waiver("ops", {}),
        waiver("ops", "much"),
        waiver("partner", UNLIMITED),
        waiver("ops", UNLIMITED) | {"action": "forgive"},
        waiver("ops", UNLIMITED) | {"approver": "otto"},
    ],
)
def test_what_is_no_row_is_refused(row: dict[str, Any]) -> None:
    assert all(field.startswith("rows.1") for field in findings(_RELEASE, row))
    assert findings(_RELEASE, row)


ON = date(2026, 1, 15)
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal("24"),
    instalments=12,
    disbursed_on=ON,
    penalty_annual_rate=Decimal("24"),
)
DISBURSED = Disbursed(key="d", on=ON, amount=1_000_000)
PAID = Paid(key="p", on=ON, amount=94_560)


@pytest.mark.parametrize(
    ("event", "action", "amount"),
    [
        (PAID, Action.RECORD, 94_560),
        (Waived(key="w", on=ON, component=Component.PENALTY, amount=306), Action.WAIVE, 306),
        (Refunded(key="r", on=ON, amount=12_000), Action.REFUND, 12_000),
        (Reversed(key="x", on=ON, reverses="p"), Action.REVERSE, 94_560),
        (Reversed(key="x", on=ON, reverses="nothing"), Action.REVERSE, 0),
        # Eleven instalments of 945.60 and one of 945.55 are owed.
        (WrittenOff(key="o", on=ON), Action.WRITE_OFF, 11 * 94_560 + 94_555),
    ],
)
def test_what_a_record_of_a_loan_decides_about(
    event: AnyEvent, action: Action, amount: int
) -> None:
    stands = position(TERMS, (DISBURSED,), ON)
    assert action_of(event) is action
    assert amount_at_stake(event, (DISBURSED, PAID), stands) == amount
