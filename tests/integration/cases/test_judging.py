"""What an approval may be of, and by how many people, on a real PostgreSQL.

Sources: issue 12 (the policy's terms bound what people may lend; two people where the strategy or
the authority matrix asks for two); the cash product's steps of 100.00.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.applications.application import InvalidReview
from domain.cases.cases import CaseKind, SecondReviewerNeeded, Stage
from domain.cases.strategy import SecondPersonReason
from domain.people.principals import Principal
from messages.applications import Offer, RecordReview, ReviewCommand
from messages.ids import new_id
from runtime.clock import utc_now
from services.applications.judging import Ruling, judge_review
from services.cases.claims import claim_case
from services.cases.stages import escalate_case
from storage.cases import CaseRepository, CaseRow
from storage.common.repository import Transaction
from storage.database import Database
from tests.integration.cases.test_claims import opened, reviewer

POLICY_AMOUNT, POLICY_INSTALMENTS = 400_000, 6


async def scored(tx: Transaction, rules: tuple[str, ...] = ()) -> CaseRow:
    """A case of 10,000.00 over 12 instalments, of somebody whose score needs no second person."""
    case = await opened(tx)
    await tx.connection.execute(
        "update cases set score = 800, rules = $2, amount = 1000000, instalments = 12"
        " where id = $1",
        case.id,
        rules,
    )
    return case


async def approve(
    tx: Transaction,
    case: CaseRow,
    by: Principal,
    amount: int | None = None,
    instalments: int | None = None,
) -> Ruling:
    now = utc_now()
    request = RecordReview(
        application_id=case.subject,
        approve=True,
        in_review=True,
        number=1,
        command=ReviewCommand(reviewer=by.actor, amount=amount, instalments=instalments),
        at=now,
        business_date=now.date(),
        offer=Offer(
            offer_id=new_id("off"),
            currency="CNY",
            amount=POLICY_AMOUNT,
            instalments=POLICY_INSTALMENTS,
            annual_rate=Decimal(18),
            penalty_annual_rate=Decimal(24),
            mode="single_batch",
            expires_at=now + timedelta(days=7),
        ),
        state_seq=9,
    )
    return await judge_review(tx, request, new_id("act"))


async def found(tx: Transaction, case: CaseRow) -> CaseRow:
    row = await CaseRepository(tx).of_subject(CaseKind.REVIEW, case.subject)
    assert row is not None
    return row


async def test_an_approval_without_an_amount_is_of_the_policys_terms(database: Database) -> None:
    async with database.transaction() as tx:
        ruling = await approve(tx, await scored(tx), await reviewer(tx))
    assert ruling.offer is not None
    assert (ruling.offer.amount, ruling.offer.instalments) == (POLICY_AMOUNT, POLICY_INSTALMENTS)


@pytest.mark.parametrize(
    ("amount", "instalments", "field"),
    [
        (POLICY_AMOUNT + 10_000, None, "amount"),
        (1_000_000, None, "amount"),
        (0, None, "amount"),
        (-10_000, None, "amount"),
        (POLICY_AMOUNT - 1, None, "amount"),
        (None, 12, "instalments"),
        (None, 0, "instalments"),
    ],
)
async def test_an_approval_beyond_the_policys_terms_or_the_product_is_refused(
    database: Database, amount: int | None, instalments: int | None, field: str
) -> None:
    async with database.transaction() as tx:
        case, rita = await scored(tx), await reviewer(tx)
        with pytest.raises(InvalidReview) as refused:
            await approve(tx, case, rita, amount, instalments)
    assert refused.value.field == field


async def test_the_second_person_cannot_raise_what_the_first_lowered(database: Database) -> None:
    async with database.transaction() as tx:
        case = await scored(tx, ("blacklist",))
        rita, rolf = await reviewer(tx), await reviewer(tx)
        assert (await approve(tx, case, rita, 300_000, 3)).offer is None
        for amount, instalments in ((310_000, None), (None, 6)):
            with pytest.raises(InvalidReview):
                await approve(tx, case, rolf, amount, instalments)
        offer = (await approve(tx, case, rolf)).offer
    assert offer is not None
    assert (offer.amount, offer.instalments) == (300_000, 3)


async def test_a_case_left_to_a_senior_still_takes_two_approvals_where_two_are_needed(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        case = await scored(tx, ("blacklist",))
        rita, senior = await reviewer(tx), await reviewer(tx, "senior")
        await claim_case(tx, rita, case.id, new_id("act"))
        await escalate_case(tx, rita, case.id, "income abroad", new_id("act"))

        first = await approve(tx, case, senior)

        assert (first.offer, first.due_at is not None) == (None, True)
        passed = await found(tx, case)
        assert (passed.stage, passed.initial_by) == (Stage.FINAL, senior.actor)
        assert passed.second_reason is SecondPersonReason.RULE
        with pytest.raises(SecondReviewerNeeded):
            await approve(tx, case, senior)
        assert (await approve(tx, case, await reviewer(tx))).offer is not None


async def test_a_case_that_begins_anew_forgets_what_it_was_of_before(database: Database) -> None:
    async with database.transaction() as tx:
        case = await scored(tx, ("blacklist",))
        new = case.model_copy(update={"overridden_by": ("stf_x",), "score": 512, "rules": ("a",)})
        again = new.model_copy(update={"amount": 300_000, "instalments": 3})
        await CaseRepository(tx).reopen(again)
        row = await found(tx, case)
    assert (row.overridden_by, row.score, row.rules) == (("stf_x",), 512, ("a",))
    assert (row.amount, row.instalments) == (300_000, 3)
