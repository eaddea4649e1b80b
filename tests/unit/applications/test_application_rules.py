"""Which elements may be provided, and when an application may be submitted."""

import pytest

from domain.applications.application import (
    ElementRecord,
    ElementRefused,
    check_may_provide,
    failed_element,
    missing_elements,
    referred_elements,
)
from domain.people.identity_documents import DOCUMENT_NOT_SUPPORTED
from domain.products.products import OutsideProduct
from domain.verification.elements import ElementKind, Verdict
from tests.products import CASH, REVOLVING, changed


def record(
    verdict: Verdict, attempts: int = 1, kind: ElementKind = ElementKind.OPERATOR
) -> ElementRecord:
    return ElementRecord(
        kind=kind,
        element_id="elt_1",
        attempts=attempts,
        mismatches=attempts if verdict is Verdict.MISMATCH else 0,
        verdict=verdict,
    )


KNOWN = {ElementKind.REAL_NAME: record(Verdict.MATCH, kind=ElementKind.REAL_NAME)}
"""Somebody whose name is verified."""


def test_every_required_element_is_missing_at_first() -> None:
    assert missing_elements(CASH, {}) == CASH.required_elements


def test_only_a_match_counts() -> None:
    for verdict in Verdict:
        missing = missing_elements(CASH, {ElementKind.OPERATOR: record(verdict)})
        assert (ElementKind.OPERATOR in missing) == (verdict is not Verdict.MATCH)


def test_what_no_source_can_know_is_for_a_person_and_never_a_pass() -> None:
    """Nobody can ask a registry of citizens about an applicant with a passport: not their fault.

    Any other unavailable answer is asked for again, and a name that nobody confirms stays missing.
    """
    unknown = record(Verdict.UNAVAILABLE).model_copy(update={"reason": DOCUMENT_NOT_SUPPORTED})
    known = {ElementKind.OPERATOR: unknown}
    assert ElementKind.OPERATOR not in missing_elements(CASH, known)
    assert referred_elements(CASH, known) == (ElementKind.OPERATOR,)
    later = {ElementKind.OPERATOR: record(Verdict.UNAVAILABLE)}
    assert ElementKind.OPERATOR in missing_elements(CASH, later)
    assert referred_elements(CASH, later) == ()
    name = {ElementKind.REAL_NAME: unknown.model_copy(update={"kind": ElementKind.REAL_NAME})}
    assert ElementKind.REAL_NAME in missing_elements(CASH, name)
    assert referred_elements(CASH, name) == ()


def test_a_mismatch_may_be_tried_again_until_the_limit() -> None:
    for attempts in (1, 2):
        known = KNOWN | {ElementKind.OPERATOR: record(Verdict.MISMATCH, attempts)}
        check_may_provide(CASH, known, ElementKind.OPERATOR)
    with pytest.raises(ElementRefused, match="limit"):
        check_may_provide(
            CASH,
            KNOWN | {ElementKind.OPERATOR: record(Verdict.MISMATCH, 3)},
            ElementKind.OPERATOR,
        )


@pytest.mark.parametrize(
    ("standing", "together", "taken"),
    [
        (None, (), False),
        (Verdict.MISMATCH, (), False),
        (Verdict.UNAVAILABLE, (), False),
        (Verdict.PENDING, (), True),
        (Verdict.MATCH, (), True),
        (None, (ElementKind.REAL_NAME,), True),
        (Verdict.MISMATCH, (ElementKind.REAL_NAME,), True),
    ],
)
def test_what_an_element_needs_comes_before_it_or_with_it(
    standing: Verdict | None, together: tuple[ElementKind, ...], taken: bool
) -> None:
    name = ElementKind.REAL_NAME
    known = {} if standing is None else {name: record(standing, kind=name)}
    if taken:
        check_may_provide(CASH, known, ElementKind.OPERATOR, together=together)
        return
    with pytest.raises(ElementRefused, match="needs real_name first"):
        check_may_provide(CASH, known, ElementKind.OPERATOR, together=together)


@pytest.mark.parametrize(
    ("last", "attempts", "mismatches", "fails"),
    [
        (Verdict.MISMATCH, 3, 3, True),
        (Verdict.MISMATCH, 2, 2, False),
        (Verdict.MISMATCH, 10, 1, True),
        # No answer says nothing against the person, however often it was tried.
        (Verdict.UNAVAILABLE, 10, 2, False),
        (Verdict.PENDING, 10, 2, False),
        (Verdict.MATCH, 10, 2, False),
    ],
)
def test_a_last_try_that_was_wrong_fails(
    last: Verdict, attempts: int, mismatches: int, fails: bool
) -> None:
    known = {ElementKind.OPERATOR: record(last, attempts)}
    known[ElementKind.OPERATOR].mismatches = mismatches
    assert (failed_element(CASH, known) is not None) == fails
    optional = changed(CASH, required_elements=(), optional_elements=(ElementKind.OPERATOR,))
    assert failed_element(optional, known) is None


@pytest.mark.parametrize("verdict", [Verdict.MATCH, Verdict.PENDING])
def test_what_is_verified_or_being_verified_is_not_taken_again(verdict: Verdict) -> None:
    with pytest.raises(ElementRefused):
        check_may_provide(CASH, {ElementKind.OPERATOR: record(verdict)}, ElementKind.OPERATOR)


def test_a_kind_that_the_product_does_not_ask_for_is_refused() -> None:
    product = changed(CASH, required_elements=(ElementKind.REAL_NAME,))
    with pytest.raises(ElementRefused, match="does not ask"):
        check_may_provide(product, {}, ElementKind.OPERATOR)


@pytest.mark.parametrize(
    ("amount", "instalments"), [(99_999, 12), (5_010_000, 12), (1_000_001, 12), (1_000_000, 13)]
)
def test_requests_outside_the_product_are_refused(amount: int, instalments: int) -> None:
    with pytest.raises(OutsideProduct) as refused:
        CASH.content.check_request(amount, instalments)
    # People write 1,000.00 and not 100000.
    told = "1,000.00 to 50,000.00 CNY in steps of 100.00" if instalments == 12 else "3, 6, 12, 24"
    assert told in refused.value.message


def test_the_storys_request_is_inside() -> None:
    CASH.content.check_request(1_000_000, 12)
    REVOLVING.content.check_request(1_000_000, 12)


def test_interest_and_penalty_stay_under_the_cap_of_24_percent() -> None:
    """Overdue principal bears penalty in place of interest, so the larger of the two counts."""
    for product in (CASH, REVOLVING):
        terms = product.content.terms
        assert max(terms.annual_rate, terms.penalty_annual_rate) <= 24
