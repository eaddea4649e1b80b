"""What is told about definitions that must not go out: at which field, and what would be right."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from domain.common.definitions import Finding, Kind
from domain.common.reject_codes import REJECT_CODES
from domain.definitions import KINDS
from domain.products.checks import PRODUCT
from domain.verification.element_policies import ELEMENT_POLICIES
from services.definitions import shipped as files
from tests.definitions import shipped
from tests.products import ShippedInForce
from tests.unit.products.test_terms import METHODS

Draft = dict[str, Any]


IN_FORCE = ShippedInForce()


def draft_of(kind: Kind[Any], code: str) -> Draft:
    return dict(shipped(kind, code).model_dump(mode="json"))


def found(kind: Kind[Any], draft: Draft, in_force: ShippedInForce = IN_FORCE) -> list[Finding]:
    return list(kind.findings(draft, in_force, "draft"))


def cash(**changes: Any) -> Draft:
    return draft_of(PRODUCT, "cash") | changes


def cash_on(instalments: list[int] | None = None, **terms: Any) -> Draft:
    draft = draft_of(PRODUCT, "cash")
    draft["terms"] |= terms
    return draft | ({} if instalments is None else {"instalments": instalments})


def policies(change: Callable[[dict[str, Draft]], Any]) -> Draft:
    draft = draft_of(ELEMENT_POLICIES, "standard")
    change({one["kind"]: one for one in draft["policies"]})
    return draft


def test_what_is_shipped_is_sound() -> None:
    for one in files.shipped():
        draft = one.content.model_dump(mode="json")
        assert KINDS[one.kind.name].findings(draft, IN_FORCE, one.code) == ()


PRODUCTS: dict[str, tuple[Draft, str, str]] = {
    "no currency of ours": (cash(currency="XAU"), "currency", "'XAU' is no currency"),
    "no zone": (cash(zone="Asia/Beijing"), "zone", "no time zone"),
    "nothing to lend": (cash(amount_min=0), "amount_min", "greater than 0"),
    "largest below smallest": (cash(amount_max=90_000), "amount_max", "below amount_min"),
    "off the step": (cash(amount_max=5_005_000), "amount_max", "not a multiple of the step"),
    "choices twice": (cash(instalments=[12, 12]), "instalments", "once each"),
    "no choice": (cash(instalments=[]), "instalments", "at least 1"),
    "an amount as text": (cash(amount_min="100000"), "amount_min", "valid integer"),
    "unknown field": (cash(intrest=1), "intrest", "not permitted"),
    "no policies of that code": (cash(element_policies="lax"), "element_policies", "'lax'"),
    "no policy of that code": (cash(decision_policy="lax"), "decision_policy", "'lax'"),
    "no ladder of that code": (cash(collections="lax"), "collections", "'lax'"),
    "no servicing of that code": (cash(servicing="lax"), "servicing", "'lax'"),
    "no contract of that code": (cash(contract="lax"), "contract", "'lax'"),
    "asked for twice": (
        cash(required_elements=["real_name", "operator", "operator"]),
        "required_elements.2",
        "asked for twice",
    ),
    "required and optional": (
        cash(optional_elements=["operator"]),
        "optional_elements.0",
        "required already",
    ),
    "need is not asked for": (
        cash(required_elements=["real_name", "liveness"]),
        "required_elements.1",
        "liveness needs identity_card, which is not asked for",
    ),
    "need comes later": (
        cash(required_elements=["operator", "real_name"]),
        "required_elements.0",
        "operator needs real_name, which is asked for after it",
    ),
    "source without rules": (
        cash(decision_sources=["bureau", "company"]),
        "decision_sources",
        "rules for bureau, blacklist",
    ),
    "nobody is asked": (cash(decision_sources=[]), "decision_sources", "at least 1"),
    "reminders in disorder": (cash(reminders_after=["P3D", "P1D"]), "reminders_after", "follow"),
    "an offer of no time": (cash(offer_valid_for="PT0S"), "offer_valid_for", "greater than"),
    "above the cap": (cash_on(annual_rate="25"), "terms.annual_rate", "24 % that BANK may charge"),
    "above the cap by a fee": (
        cash_on(fees=[{"name": "service", "timing": "deducted", "percent": "3"}]),
        "terms.annual_rate",
        "may charge",
    ),
    "a rate of no loan": (cash_on(annual_rate="-1"), "terms.annual_rate", "0 to 1000 percent"),
    "grace as long as the term": (
        cash_on(principal_grace=3),
        "terms.principal_grace",
        "longer than the term of 3",
    ),
    "a balloon without its method": (
        cash_on(balloon_percent="30"),
        "terms.balloon_percent",
        "goes with the method",
    ),
    "a balloon of everything": (
        cash_on(method="balloon", balloon_percent="100"),
        "terms.balloon_percent",
        "less than what is financed",
    ),
    "a fee on no event": (
        cash_on(fees=[{"name": "late", "timing": "on_event", "amount": 1}]),
        "terms.fees",
        "names the event",
    ),
    "a share above the whole": (
        cash_on(down_payment_percent="101"),
        "terms.down_payment_percent",
        "or equal to 100",
    ),
    "half months every other": (
        cash_on(frequency={"unit": "half_month", "every": 2}),
        "terms.frequency",
        "every one half month",
    ),
    "a due day of some months": (cash_on(due_day=40), "terms.due_day", "or equal to 31"),
    "a number that does not follow": (
        cash_on([10], method="fixed_instalment", instalment_percent="10"),
        "instalments.0",
        "repaid in 12 instalments, not 10",
    ),
}
"""A draft, the field that is wrong with it, and words of the reason."""


@pytest.mark.parametrize("case", PRODUCTS)
def test_a_bad_product_is_told_by_field(case: str) -> None:
    draft, field, reason = PRODUCTS[case]
    findings = found(PRODUCT, draft)
    assert any(one.field == field and reason in one.message for one in findings), findings


def test_a_product_is_tested_against_the_caps_of_the_day() -> None:
    microloan = cash(lender_kind="MICROLOAN")
    assert found(PRODUCT, microloan, ShippedInForce(date(2027, 12, 31))) == []
    (breach,) = found(PRODUCT, microloan, ShippedInForce(date(2028, 1, 1)))
    assert breach.field == "terms.annual_rate"


@pytest.mark.parametrize("method", METHODS)
def test_a_product_of_each_method_may_go_out(method: str) -> None:
    choices = {"single_payment": [1], "explicit": [3], "fixed_instalment": [12]}.get(method, [12])
    rate = "20"
    draft = cash_on(choices, method=method, annual_rate=rate, **METHODS[method])  # type: ignore[index]
    if method == "flat":
        draft["terms"]["annual_rate"] = "12"
    assert found(PRODUCT, draft) == []


ELEMENTS: dict[str, tuple[Draft, str, str]] = {
    "no such reject code": (
        policies(lambda by: by["operator"].update(reject_code="R99")),
        "policies.1.reject_code",
        "R99 is not in the table",
    ),
    "needs in a circle": (
        policies(lambda by: by["real_name"].update(needs=["operator"])),
        "policies.0.needs",
        "would wait for itself",
    ),
    "two entries of a kind": (
        policies(lambda by: by["operator"].update(kind="real_name")),
        "policies.1.kind",
        "two policies",
    ),
    "a kind without a policy": (
        {"policies": draft_of(ELEMENT_POLICIES, "standard")["policies"][:-1]},
        "policies",
        "no policy for card_transaction",
    ),
    "never taken": (
        policies(lambda by: by["operator"].update(attempts=0)),
        "policies.1.attempts",
        "greater than or equal to 1",
    ),
    "no such kind": (
        policies(lambda by: by["operator"].update(kind="palm")),
        "policies.1.kind",
        "Input should be",
    ),
}


@pytest.mark.parametrize("case", ELEMENTS)
def test_bad_element_policies_are_told_by_field(case: str) -> None:
    draft, field, reason = ELEMENTS[case]
    findings = found(ELEMENT_POLICIES, draft)
    assert any(one.field == field and reason in one.message for one in findings), findings


def _without(code: str) -> Draft:
    draft = draft_of(REJECT_CODES, "standard")
    draft["codes"] = [one for one in draft["codes"] if one["code"] != code]
    return draft


def _codes() -> Iterator[tuple[Draft, str, str]]:
    yield _without("R13"), "codes", "R13 is missing: a reviewer"
    twice = draft_of(REJECT_CODES, "standard")
    twice["codes"].append(twice["codes"][0])
    yield twice, f"codes.{len(twice['codes']) - 1}.code", "stands in the table twice"
    odd = draft_of(REJECT_CODES, "standard")
    odd["codes"][0]["category"] = "because"
    yield odd, "codes.0.category", "Input should be"
    endless = draft_of(REJECT_CODES, "standard")
    endless["codes"][0]["lock_days"] = 0
    yield endless, "codes.0.lock_days", "greater than or equal to 1"


@pytest.mark.parametrize(("draft", "field", "reason"), list(_codes()))
def test_a_bad_table_of_reject_codes_is_told_by_field(
    draft: Draft, field: str, reason: str
) -> None:
    findings = found(REJECT_CODES, draft)
    assert any(one.field == field and reason in one.message for one in findings), findings
