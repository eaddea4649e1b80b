"""The shipped element policies: complete, sound, and others by another definition only."""

from datetime import date, timedelta

import pytest

from domain.applications.application import (
    ElementRecord,
    ElementRefused,
    Supplement,
    SupplementRefused,
    check_form,
    check_may_provide,
    check_may_supplement,
    is_provided,
    missing_elements,
    referred_elements,
    rejecting_element,
)
from domain.people.consents import CONSENT_TEXT, Purpose, UnknownConsentText
from domain.verification.element_policies import OnMismatch
from domain.verification.elements import FORMS, AddressBookEntry, ElementKind, Verdict
from runtime.clock import utc_now
from sandbox.personas import person
from tests.definitions import codes, shipped
from tests.integration import story
from tests.products import CASH, REVOLVING, changed

# The kinds of the brief's own list: six basic ones, then what products may ask for besides.
NAMED = {
    "real_name",
    "operator",
    "personal_information",
    "identity_card",
    "liveness",
    "bank_card",
    "operator_report",
    "credit_card",
    "online_banking",
    "ecommerce",
    "company",
    "guarantor",
    "card_transaction",
    "bank_flows",
    "bureau_report",
}
CATALOGUE = {policy.kind: policy for policy in CASH.elements.content.policies}
IMPORTED = {"operator_report", "online_banking", "ecommerce", "bank_flows", "bureau_report"}


def record(kind: ElementKind, verdict: Verdict, **fields: object) -> ElementRecord:
    return ElementRecord.model_validate(
        {"kind": kind, "element_id": "elt_1", "attempts": 1, "verdict": verdict, **fields}
    )


def test_every_kind_has_an_entry_and_a_form() -> None:
    assert {kind.value for kind in ElementKind} == NAMED
    assert set(CATALOGUE) == set(FORMS) == set(ElementKind)
    for kind, policy in CATALOGUE.items():
        assert policy.kind is kind
        assert FORMS[kind].model_fields["kind"].default == kind
        assert policy.fields


def test_what_is_fetched_in_steps_is_marked() -> None:
    assert {kind.value for kind, policy in CATALOGUE.items() if policy.imported} == IMPORTED
    assert all(
        policy.import_within == timedelta(hours=72)
        for policy in CATALOGUE.values()
        if policy.imported
    )


def test_entries_are_sound() -> None:
    for policy in CATALOGUE.values():
        assert 0 < policy.mismatches <= policy.attempts
        assert policy.valid_for_days > 0
        assert policy.consent in codes(CONSENT_TEXT)


def test_nothing_about_a_person_is_asked_before_it_is_known_who_that_is() -> None:
    without = {kind for kind, policy in CATALOGUE.items() if not policy.needs}
    assert without == {ElementKind.REAL_NAME, ElementKind.COMPANY}
    assert ElementKind.OPERATOR in CATALOGUE[ElementKind.PERSONAL_INFORMATION].needs
    assert ElementKind.IDENTITY_CARD in CATALOGUE[ElementKind.LIVENESS].needs


def test_only_the_face_proves_presence() -> None:
    assert [kind for kind, policy in CATALOGUE.items() if policy.proves_presence] == [
        ElementKind.LIVENESS
    ]


def test_the_shipped_products_ask_for_the_six_basic_ones_and_not_for_the_address_book() -> None:
    assert [kind.value for kind in CASH.required_elements] == [
        "real_name",
        "operator",
        "personal_information",
        "identity_card",
        "liveness",
        "bank_card",
    ]
    assert CASH.optional_elements == ()
    assert set(REVOLVING.kinds) == set(ElementKind)
    assert REVOLVING.required_elements == CASH.required_elements
    assert not CASH.content.check_address_book


@pytest.mark.parametrize(
    ("kind", "days"),
    [(ElementKind.BANK_CARD, 30), (ElementKind.OPERATOR, 30), (ElementKind.LIVENESS, 1)],
)
def test_validity_counts_whole_days(kind: ElementKind, days: int) -> None:
    verified_on = date(2026, 1, 31)
    assert CATALOGUE[kind].counts_until(verified_on) == verified_on + timedelta(days=days)


def test_a_relation_that_does_not_fit_is_for_a_person() -> None:
    """Seed: a contact whose relation does not fit the address book may be reviewed by hand."""
    policy = CATALOGUE[ElementKind.PERSONAL_INFORMATION]
    assert policy.consequence("relation_mismatch") is OnMismatch.REFER
    assert policy.consequence("duplicate_contact") is OnMismatch.RESUBMIT
    assert policy.consequence(None) is OnMismatch.RESUBMIT


@pytest.mark.parametrize("kind", [ElementKind.IDENTITY_CARD, ElementKind.LIVENESS])
def test_a_picture_that_another_person_gave_is_for_a_person_to_judge(kind: ElementKind) -> None:
    assert CATALOGUE[kind].consequence("picture_used_by_another") is OnMismatch.REFER
    assert CATALOGUE[kind].consequence("image_blurred") is OnMismatch.RESUBMIT
    referred = {kind: record(kind, Verdict.MISMATCH, reason="picture_used_by_another")}
    assert referred_elements(CASH, referred) == (kind,)


def test_a_product_of_other_policies_leaves_the_shipped_ones() -> None:
    strict = CATALOGUE[ElementKind.OPERATOR].model_copy(update={"on_mismatch": OnMismatch.REJECT})
    product = changed(CASH, "strict", policies=(strict,))
    wrong = {ElementKind.OPERATOR: record(ElementKind.OPERATOR, Verdict.MISMATCH)}
    assert rejecting_element(product, wrong) is wrong[ElementKind.OPERATOR]
    assert rejecting_element(CASH, wrong) is None


KNOWN = {
    kind: record(kind, Verdict.MATCH) for kind in (ElementKind.REAL_NAME, ElementKind.OPERATOR)
}
"""Somebody whose name and mobile are verified."""


def test_what_is_for_a_person_counts_as_provided() -> None:
    kind = ElementKind.PERSONAL_INFORMATION
    referred = {kind: record(kind, Verdict.MISMATCH, reason="relation_mismatch")}
    assert kind not in missing_elements(CASH, referred)
    assert referred_elements(CASH, referred) == (kind,)
    with pytest.raises(ElementRefused, match="verified already"):
        check_may_provide(CASH, KNOWN | referred, kind)


@pytest.mark.parametrize("verdict", [Verdict.PENDING, Verdict.AWAITING_CODE, Verdict.UNAVAILABLE])
def test_what_no_source_answered_is_never_a_pass(verdict: Verdict) -> None:
    for kind in ElementKind:
        assert not is_provided(CASH, kind, verdict, None)
        assert not is_provided(CASH, kind, None, None)


def test_what_a_source_never_answered_may_be_provided_again_up_to_the_limit() -> None:
    kind = ElementKind.OPERATOR
    limit = CATALOGUE[kind].attempts
    before = KNOWN | {kind: record(kind, Verdict.UNAVAILABLE, attempts=limit - 1)}
    check_may_provide(CASH, before, kind)
    with pytest.raises(ElementRefused, match="limit"):
        check_may_provide(
            CASH, KNOWN | {kind: record(kind, Verdict.UNAVAILABLE, attempts=limit)}, kind
        )


def test_only_a_supplement_opens_what_the_product_does_not_take_at_application() -> None:
    kind = ElementKind.CREDIT_CARD
    product = changed(CASH, drawdown_elements=(kind,))
    with pytest.raises(ElementRefused, match="does not ask"):
        check_may_provide(product, {}, kind)
    asked = Supplement(round=1, kinds=(kind,), requested_by="rita", reason="", due_at=utc_now())
    check_may_provide(product, KNOWN, kind, asked)
    assert missing_elements(product, {}, asked)[-1] is kind


def test_an_address_book_is_taken_only_where_the_product_compares_it() -> None:
    entry = AddressBookEntry(name="妈", mobile="13800000001")
    plain = story.personal_information(person("approved", 1))
    with_book = plain.model_copy(update={"address_book": (entry,)})
    comparing = changed(CASH, check_address_book=True)
    check_form(CASH, plain)
    check_form(comparing, with_book)
    with pytest.raises(ElementRefused, match="address book") as refused:
        check_form(CASH, with_book, "elements.2.")
    assert refused.value.field == "elements.2.address_book"
    kind = ElementKind.PERSONAL_INFORMATION
    assert set(comparing.fields_of(kind)) - set(CASH.fields_of(kind)) == {"address_book"}
    assert "contacts" in CASH.fields_of(kind)


def test_supplements_are_limited_in_number_and_kind() -> None:
    check_may_supplement(CASH, 1, [ElementKind.OPERATOR])
    for rounds, kinds in ((2, [ElementKind.OPERATOR]), (0, [ElementKind.COMPANY]), (0, [])):
        with pytest.raises(SupplementRefused):
            check_may_supplement(CASH, rounds, kinds)


def test_a_consent_names_the_text_that_was_shown() -> None:
    text = shipped(CONSENT_TEXT, Purpose.FACE_RECOGNITION)
    text.check_shown("it", text.version, text.sha256)
    other = shipped(CONSENT_TEXT, Purpose.BUREAU_QUERY)
    for version, digest in (("0", text.sha256), (text.version, other.sha256)):
        with pytest.raises(UnknownConsentText):
            text.check_shown("it", version, digest)
    texts = [shipped(CONSENT_TEXT, purpose) for purpose in Purpose]
    assert len({one.sha256 for one in texts}) == len(Purpose)
