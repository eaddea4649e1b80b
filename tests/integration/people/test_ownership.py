"""What a caller may not see is told as what does not exist, whatever it is."""

from collections.abc import Awaitable, Callable

import pytest

from domain.common.errors import MissingField, NotAllowed, NotFound
from domain.people.principals import Principal
from messages.ids import Kind, new_id
from services.applications.finding import find_application, find_offer
from services.lines.finding import find_drawdown, find_line, find_quote
from services.loans.finding import find_loan, find_repayment
from services.people.ownership import (
    Scope,
    applicant_id_of,
    customer_to_apply_as,
    find_applicant,
    scope_of,
)
from storage.common.repository import Transaction
from storage.database import Database
from tests.api import seeds
from tests.api.seeds import Credit
from tests.integration.commands import ACME, ALICE, BOB, OTTO, RITA

Find = Callable[[Transaction, Principal, str], Awaitable[object]]

APP = Principal("partner", "app")
ALICE_OF_ACME = Principal("applicant", "acme-alice")

FINDS: list[tuple[Find, str, Kind]] = [
    (find_applicant, "applicant_id", "per"),
    (find_application, "application_id", "app"),
    (find_offer, "offer_id", "off"),
    (find_line, "line_id", "lin"),
    (find_quote, "quote_id", "quo"),
    (find_drawdown, "drawdown_id", "dra"),
    (find_loan, "loan_id", "loa"),
    (find_repayment, "repayment_id", "rep"),
]


@pytest.fixture(scope="module")
async def of_alice(database: Database) -> Credit:
    return await seeds.credit(database, "app", "alice")


@pytest.mark.parametrize(("find", "name", "kind"), FINDS, ids=[kind for _, _, kind in FINDS])
async def test_the_owner_their_channel_and_staff_find_it_and_nobody_else(
    database: Database, of_alice: Credit, find: Find, name: str, kind: Kind
) -> None:
    theirs = getattr(of_alice, name)
    async with database.read() as tx:
        for caller in (ALICE, APP, RITA, OTTO):
            assert await find(tx, caller, theirs)
        told = set()
        for caller in (BOB, ACME, ALICE_OF_ACME):
            for asked in (theirs, new_id(kind), "", "x" * 300, f"{kind}_\x00", theirs.upper()):
                with pytest.raises(NotFound) as refused:
                    await find(tx, caller, asked)
                told.add(str(refused.value))
        with pytest.raises(NotFound) as absent:
            await find(tx, OTTO, new_id(kind))
        assert told == {str(absent.value)}


def test_a_list_is_narrowed_to_what_the_caller_may_see() -> None:
    own = applicant_id_of("app", "alice")
    assert scope_of(ALICE, "acme", "bob") == Scope("app", own)
    assert scope_of(ACME, "app", "alice").applicant_id == applicant_id_of("acme", "alice")
    assert scope_of(ACME, None, None).channel == "acme"
    assert scope_of(OTTO, None, None).channel is None
    assert scope_of(OTTO, "app", "alice").applicant_id == own
    with pytest.raises(MissingField) as refused:
        scope_of(OTTO, None, "alice")
    assert refused.value.field == "channel"


def test_nobody_applies_as_another() -> None:
    assert customer_to_apply_as(ALICE, None, "alice") == ("app", "alice")
    assert customer_to_apply_as(ACME, "acme", "anybody") == ("acme", "anybody")
    for caller, channel, reference in (
        (ALICE, None, "bob"),
        (ALICE, "acme", "alice"),
        (ACME, "app", "x"),
    ):
        with pytest.raises(NotAllowed):
            customer_to_apply_as(caller, channel, reference)
