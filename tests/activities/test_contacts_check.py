"""Emergency contacts and the address book, and how long an identity card counts."""

from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from domain import products
from domain.application import is_provided
from domain.elements import AddressBookEntry, ElementKind, PersonalInformation, Verdict
from domain.products import CASH_LOAN
from sandbox import pictures
from sandbox.personas import person
from storage.elements import VerificationRow
from tests.activities import story
from tests.activities.story import Applicant, Bench, applicant

BOOKISH = CASH_LOAN.model_copy(update={"code": "bookish", "check_address_book": True})
"""Compares emergency contacts with the address book."""

PARENT, FRIEND = "13800138000", "13900139000"
CONTACTS = ElementKind.PERSONAL_INFORMATION


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    more = MappingProxyType({**products.PRODUCTS, BOOKISH.code: BOOKISH})
    monkeypatch.setattr(products, "PRODUCTS", more)


async def known(bench: Bench, index: int, product: str) -> Applicant:
    who = await applicant(bench, person("approved", index), product=product)
    await who.verify(story.real_name(who.person))
    await who.verify(story.operator(who.person))
    return who


def with_book(of: Applicant, *entries: tuple[str, str]) -> PersonalInformation:
    """Two contacts, a parent and a friend, and an address book of names and mobiles."""
    book = tuple(AddressBookEntry(name=name, mobile=mobile) for name, mobile in entries)
    told = story.personal_information(of.person, PARENT, FRIEND)
    return told.model_copy(update={"address_book": book})


async def verification(of: Applicant, kind: ElementKind) -> VerificationRow:
    async with of.bench.database.read() as tx:
        element = await tx.elements.newest(of.start.application_id, kind)
        assert element is not None
        found = await tx.elements.verification(element.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ((("parent: 示例甲", PARENT), ("示例乙", FRIEND)), None),
        ((("friend: 示例甲", PARENT), ("示例乙", FRIEND)), "relation_mismatch"),
        ((("示例乙", FRIEND),), "contact_not_in_address_book"),
        ((("spouse: 示例乙", FRIEND),), "relation_mismatch"),
        ((), "contact_not_in_address_book"),
    ],
)
async def test_what_the_address_book_says_is_for_a_person_to_judge(
    bench: Bench, entries: tuple[tuple[str, str], ...], reason: str | None
) -> None:
    of = await known(bench, 6201, "bookish")
    outcome = await of.verify(with_book(of, *entries))
    assert outcome.verdict is (Verdict.MISMATCH if reason else Verdict.MATCH)
    assert outcome.reason == reason
    # Referred: it counts as provided, and a person decides.
    assert is_provided(BOOKISH, CONTACTS, outcome.verdict, outcome.reason)
    facts = (await verification(of, CONTACTS)).facts
    assert facts["address_book"]["entries"] == len(entries)
    assert PARENT not in str(facts)


async def test_a_product_that_does_not_check_it_sends_no_address_book(bench: Bench) -> None:
    of = await known(bench, 6202, "cash")
    outcome = await of.verify(with_book(of, ("friend: 示例甲", PARENT)))
    assert outcome.verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        rows = await tx.enquiries.of_application(of.start.application_id)
    [asked] = [row.asked for row in rows if row.capability == "contacts"]
    assert asked["address_book"] is None


async def test_contacts_without_an_address_book_are_checked_as_ever(bench: Bench) -> None:
    of = await known(bench, 6203, "bookish")
    told = story.personal_information(of.person, PARENT, FRIEND)
    assert (await of.verify(told)).verdict is Verdict.MATCH


@pytest.mark.parametrize("valid_until", [date(2040, 5, 1), None])
async def test_a_card_says_until_when_it_counts(bench: Bench, valid_until: date | None) -> None:
    of = await known(bench, 6204, "cash")
    shown = replace(of.person, valid_until=valid_until)
    cards = story.identity_card(pictures.card_front(shown), pictures.card_back(shown))
    assert (await of.verify(cards)).verdict is Verdict.MATCH
    facts = (await verification(of, ElementKind.IDENTITY_CARD)).facts
    assert facts["valid_until"] == (valid_until.isoformat() if valid_until else None)
    async with bench.database.read() as tx:
        kept = await tx.elements.kept_by(of.start.applicant_id, CASH_LOAN.zone)
    [card] = [item for item in kept if item.own and item.kind is ElementKind.IDENTITY_CARD]
    assert card.valid_until == valid_until
