"""What a loan was agreed under stays with it: a later release is for those made after it."""

from datetime import date, time
from decimal import Decimal
from typing import Any

from domain.collections import COLLECTIONS_LADDER, CollectionsLadder
from domain.common.business_days import (
    HOLIDAY_CALENDAR,
    BusinessDayRule,
    HolidayCalendar,
    OfficialYear,
)
from domain.common.definitions import DefinitionRef, Kind
from domain.loans.schedule import build_plan
from domain.loans.servicing import SERVICING_POLICY, ArrearsBucket, ServicingPolicy
from domain.loans.terms import LoanTerms
from messages import calls
from messages.loans import RecordDelinquency
from sandbox.personas import person
from services.loans.agreed import agreements_of, on_calendar_in_force
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.loans.loans import LoanRepository, LoanRow
from tests.definitions import ref, release, shipped
from tests.integration.loans.test_repayments import FIRST_DUE, STATE_SEQ
from tests.integration.story import Bench, Borrower, borrower
from tests.workflows.lender import eventually

STANDARD = shipped(COLLECTIONS_LADDER, "standard")
POLICY = shipped(SERVICING_POLICY, "standard")


async def known(
    database: Database,
    kind: Kind[Any],
    released: DefinitionRef,
) -> None:
    """Wait until the process knows of a release."""

    async def in_force() -> DefinitionRef:
        async with database.read() as tx:
            return (await DefinitionRepository(tx).in_force(kind, released.code)).ref

    await eventually(in_force, lambda ref: ref == released)


async def row_of(bench: Bench, loan_id: str) -> LoanRow:
    async with bench.database.read() as tx:
        row = await LoanRepository(tx).get(loan_id)
    assert row is not None
    return row


async def delinquency_of(bench: Bench, who: Borrower, loan_id: str) -> str:
    """Return the bucket that a loan is put in, one day late."""
    row = await row_of(bench, loan_id)
    async with bench.database.read() as tx:
        agreed = await agreements_of(tx, row)
    await bench.perform(
        calls.RECORD_DELINQUENCY,
        RecordDelinquency(
            loan_id=loan_id,
            applicant_id=who.applicant_id,
            product="cash",
            zone=agreed.zone,
            ladder=agreed.ladder,
            business_date=FIRST_DUE.replace(day=16),
            oldest_due_on=FIRST_DUE,
            state_seq=next(STATE_SEQ),
            episode=1,
            open_collections=True,
        ),
    )
    return (await row_of(bench, loan_id)).bucket


async def test_a_loan_keeps_the_ladder_and_the_policy_that_it_was_booked_under(
    bench: Bench,
) -> None:
    before, after = [await borrower(bench, person("approved", index)) for index in (4_301, 4_302)]
    old = await before.borrow()
    shorter = CollectionsLadder(steps=STANDARD.steps[:1])
    buckets = (
        ArrearsBucket(name="current", from_days=0),
        ArrearsBucket(name="late", from_days=1),
    )
    policy = ServicingPolicy(debit_at=time(9), age_at=time(1), buckets=buckets)
    ladder_ref = await release(bench.database, COLLECTIONS_LADDER, "standard", shorter)
    policy_ref = await release(bench.database, SERVICING_POLICY, "standard", policy)
    await known(bench.database, COLLECTIONS_LADDER, ladder_ref)
    await known(bench.database, SERVICING_POLICY, policy_ref)

    new = await after.borrow()

    first, second = bench.starts.loans
    assert (first.agreed.ladder.ref, first.agreed.servicing.ref) == (
        ref(COLLECTIONS_LADDER, "standard"),
        ref(SERVICING_POLICY, "standard"),
    )
    assert (first.agreed.ladder.content, first.agreed.servicing.content) == (STANDARD, POLICY)
    assert (second.agreed.ladder.ref, second.agreed.servicing.ref) == (ladder_ref, policy_ref)
    assert (second.agreed.ladder.content, second.agreed.servicing.content) == (shorter, policy)
    for loan_id, start in ((old, first), (new, second)):
        row = await row_of(bench, loan_id)
        assert (row.zone, row.ladder, row.servicing) == (
            start.agreed.zone,
            str(start.agreed.ladder.ref),
            str(start.agreed.servicing.ref),
        )
    # A booking that is repeated after the release starts the process with what was agreed.
    async with bench.database.read() as tx:
        assert await agreements_of(tx, await row_of(bench, old)) == first.agreed
    assert await delinquency_of(bench, before, old) == "M1"
    assert await delinquency_of(bench, after, new) == "late"
    climbed = {start.loan_id: start.ladder for start in bench.starts.collections}
    assert climbed == {old: first.agreed.ladder, new: second.agreed.ladder}


async def test_a_released_calendar_is_in_the_next_plan_and_in_no_earlier_one(bench: Bench) -> None:
    given = LoanTerms.model_validate(
        {
            "currency": "CNY",
            "principal": 1_000_000,
            "annual_rate": Decimal(12),
            "instalments": 12,
            "disbursed_on": date(2026, 9, 1),
            "first_due_on": date(2026, 10, 1),
            "business_day_rule": "following",
            "calendar": "CN",
        }
    )
    years = shipped(HOLIDAY_CALENDAR, "cn").years
    async with bench.database.read() as tx:
        agreed = await on_calendar_in_force(tx, given)
    assert agreed.official_years == years
    plan = build_plan(agreed)
    notice = OfficialYear(
        year=2027,
        version="2026-11-10",
        source="a notice",
        closed=(date(2027, 1, 1), date(2027, 1, 4)),
    )
    released = await release(
        bench.database, HOLIDAY_CALENDAR, "cn", HolidayCalendar(years=(*years, notice))
    )
    await known(bench.database, HOLIDAY_CALENDAR, released)

    async with bench.database.read() as tx:
        quoted = await on_calendar_in_force(tx, given)
        kept = await on_calendar_in_force(tx, agreed)
        unmoved = await on_calendar_in_force(
            tx, given.model_copy(update={"business_day_rule": BusinessDayRule.NONE})
        )

    assert quoted.official_years == (*years, notice)
    assert build_plan(quoted).rows[3].due_on == date(2027, 1, 5)
    assert kept == agreed
    assert build_plan(kept) == plan
    assert plan.rows[3].due_on == date(2027, 1, 4)
    assert unmoved.official_years == ()
