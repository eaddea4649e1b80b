"""Emergency contacts and the address book, and how long an identity card counts."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from domain.applications.application import ApplicationState, Waiting, is_provided
from domain.common.calendar import business_date
from domain.decisioning.decision import Outcome
from domain.people.consents import Purpose
from domain.verification.elements import AddressBookEntry, ElementKind, PersonalInformation, Verdict
from messages import calls
from messages.applications import AssessApplication, RecordState
from runtime.clock import utc_now
from sandbox import pictures
from sandbox.personas import person
from services.verification.progress import last_day
from storage.common.errors import IdempotencyMismatch
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository
from storage.people.consents import ConsentRepository
from storage.sources import EnquiryRepository
from storage.verification.elements import ElementCreate, ElementRepository, VerificationRow
from tests.integration import story
from tests.integration.story import Applicant, Bench, applicant
from tests.products import CASH, changed, release_products

BOOKISH = changed(CASH, "bookish", check_address_book=True)
"""Compares emergency contacts with the address book."""

PARENT, FRIEND = "13800138000", "13900139000"
CONTACTS = ElementKind.PERSONAL_INFORMATION


@pytest.fixture(autouse=True, scope="module")
async def offered(database: Database) -> None:
    await release_products(database, BOOKISH)


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
        element = await ElementRepository(tx).newest(of.start.application_id, kind)
        assert element is not None
        found = await ElementRepository(tx).verification(element.id)
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
        rows = await EnquiryRepository(tx).of_application(of.start.application_id)
    [asked] = [row.asked for row in rows if row.capability == "contacts"]
    assert asked["address_book"] is None


async def test_contacts_without_an_address_book_are_checked_as_ever(bench: Bench) -> None:
    of = await known(bench, 6203, "bookish")
    told = story.personal_information(of.person, PARENT, FRIEND)
    assert (await of.verify(told)).verdict is Verdict.MATCH


BOOK = (("parent: 示例甲", PARENT), ("Aunt Canary", "13700137000"))
"""An address book with somebody in it whom nobody asked."""


async def stored(bench: Bench, element_id: str) -> tuple[PersonalInformation, int]:
    """Return an element as it is stored, and how many address books of it are."""
    async with bench.database.read() as tx:
        row = await ElementRepository(tx).get(element_id)
        books = await tx.connection.fetchval(
            "select count(*) from address_books where element_id = $1", element_id
        )
    assert row is not None
    assert isinstance(row.data, PersonalInformation)
    return row.data, books


async def test_a_relation_that_does_not_fit_is_named_in_the_decision(bench: Bench) -> None:
    """Seed: it may be reviewed by hand; who reviews has to see that it was this."""
    of = await known(bench, 6211, "bookish")
    await of.verify(with_book(of, ("friend: 示例甲", PARENT), ("示例乙", FRIEND)))
    decision = await bench.perform(
        calls.ASSESS_APPLICATION,
        AssessApplication(
            application_id=of.start.application_id,
            decided_at=utc_now(),
            business_date=date(2026, 3, 2),
        ),
    )
    assert decision.outcome is Outcome.REFER
    hits = {hit.rule: hit.read for hit in decision.hits if hit.read != "missing"}
    assert hits == {
        "element_personal_information": "relation_mismatch",
        "address_book_entries": "2",
    }
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(of.start.application_id)
    assert row.facts["referred"] == {"personal_information": "relation_mismatch"}
    assert row.facts["provided"]["address_book"] == {"entries": 2, "overdue_entries": 0}


async def test_the_address_book_is_kept_until_it_was_compared_and_no_longer(bench: Bench) -> None:
    """The consent's text: only how many agree is kept."""
    of = await known(bench, 6205, "bookish")
    given = with_book(of, *BOOK)
    element_id = await of.provide(given)
    request = of.request(element_id, CONTACTS)
    await bench.simulators.fault("contacts", status=500)
    with pytest.raises(ApplicationError):
        await bench.perform(calls.VERIFY_ELEMENT, request)
    assert await stored(bench, element_id) == (given, 1)

    await bench.simulators.repair()
    outcome = await bench.perform(calls.VERIFY_ELEMENT, request)
    assert outcome.reason == "contact_not_in_address_book"
    assert await stored(bench, element_id) == (
        given.model_copy(update={"address_book": None}),
        0,
    )
    # What was given is known again all the same, and so is that something else was not given.
    async with bench.database.transaction() as tx:
        await ElementRepository(tx).add(
            of.start.application_id, [ElementCreate(element_id, CONTACTS, given)]
        )
    for other in (with_book(of), given.model_copy(update={"address_book": None})):
        with pytest.raises(IdempotencyMismatch):
            async with bench.database.transaction() as tx:
                await ElementRepository(tx).add(
                    of.start.application_id, [ElementCreate(element_id, CONTACTS, other)]
                )
    assert (await stored(bench, element_id))[1] == 0


async def test_the_audit_counts_the_address_book_and_shows_nobody_in_it(bench: Bench) -> None:
    of = await known(bench, 6206, "bookish")
    await of.verify(with_book(of, *BOOK))
    async with bench.database.read() as tx:
        rows = await EnquiryRepository(tx).of_application(of.start.application_id)
    [asked] = [row.asked for row in rows if row.capability == "contacts"]
    assert asked["address_book"] == {"entries": 2}


async def test_books_of_earlier_attempts_go_with_the_verdict_on_a_later_one(bench: Bench) -> None:
    of = await known(bench, 6207, "bookish")
    unanswered = await of.provide(with_book(of, *BOOK))
    await of.verify(with_book(of, ("friend: 示例乙", FRIEND), ("parent: 示例甲", PARENT)))
    assert (await stored(bench, unanswered))[1] == 0


async def test_the_end_of_an_application_erases_a_book_that_was_never_compared(
    bench: Bench,
) -> None:
    of, other = await known(bench, 6208, "bookish"), await known(bench, 6209, "bookish")
    mine, others = (
        await of.provide(with_book(of, *BOOK)),
        await other.provide(with_book(other, *BOOK)),
    )
    state = RecordState(
        application_id=of.start.application_id,
        state=ApplicationState.EXPIRED,
        waiting=Waiting.NOTHING,
        state_seq=9,
        at=utc_now(),
        business_date=utc_now().date(),
    )
    await bench.perform(calls.RECORD_STATE, state)
    assert (await stored(bench, mine))[1] == 0
    assert (await stored(bench, others))[1] == 1


async def test_without_the_consent_contacts_are_checked_without_the_book(bench: Bench) -> None:
    """Rules on necessary personal information, 2021: refusing more must not block."""
    of = await known(bench, 6210, "bookish")
    element_id = await of.provide(with_book(of, *BOOK))
    async with bench.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            of.start.applicant_id, Purpose.CONTACTS_CHECK, revoked_by="x", at=utc_now()
        )
    outcome = await bench.perform(calls.VERIFY_ELEMENT, of.request(element_id, CONTACTS))
    assert outcome.verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        rows = await EnquiryRepository(tx).of_application(of.start.application_id)
    [asked] = [row.asked for row in rows if row.capability == "contacts"]
    assert asked["address_book"] is None
    assert (await stored(bench, element_id))[1] == 0


@pytest.mark.parametrize("ends_in", [timedelta(days=20), timedelta(days=5_000), None])
async def test_a_card_says_until_when_it_counts(bench: Bench, ends_in: timedelta | None) -> None:
    today = business_date(utc_now(), CASH.zone)
    valid_until = today + ends_in if ends_in else None
    of = await known(bench, 6204, "cash")
    shown = replace(of.person, valid_until=valid_until)
    cards = story.identity_card(pictures.card_front(shown), pictures.card_back(shown))
    assert (await of.verify(cards)).verdict is Verdict.MATCH
    facts = (await verification(of, ElementKind.IDENTITY_CARD)).facts
    assert facts["valid_until"] == (valid_until.isoformat() if valid_until else None)
    async with bench.database.read() as tx:
        kept = await ElementRepository(tx).verified_earlier(of.start.applicant_id)
    [card] = [item for item in kept if item.own and item.kind is ElementKind.IDENTITY_CARD]
    assert card.valid_until == valid_until
    async with bench.database.read() as tx:
        latest = await ElementRepository(tx).latest(of.start.application_id)
    [shown_until] = [last_day(one, CASH) for one in latest if one.kind is ElementKind.IDENTITY_CARD]
    assert shown_until == card.counts_until(CASH)
    assert shown_until == business_date(card.verified_at, CASH.zone) + min(
        ends_in or timedelta.max, timedelta(days=365)
    )
