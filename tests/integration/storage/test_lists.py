"""Lists: pages without gaps or repeats, whatever they are narrowed to and however they run."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from domain.loans.state import LoanState
from messages.ids import new_id
from runtime.clock import utc_now
from services.applications.reviews import open_review_of
from storage.cases import CaseRepository
from storage.collections import CollectionActionRepository
from storage.common.rows import Cursor
from storage.database import Database
from storage.loans.listing import LoanFilter, LoanListRepository
from storage.loans.reconciliation import ReconciliationRepository
from tests.api import seeds
from tests.api.seeds import Credit

THEN = datetime(2026, 1, 20, tzinfo=UTC)
"""Before any instalment of the loans is due."""

Page = Callable[[Cursor | None, int], Awaitable[Sequence[Any]]]


async def walk(page: Page, at: str, limit: int) -> list[Any]:
    """Every row of a list, page by page."""
    seen: list[Any] = []
    cursor = None
    while rows := await page(cursor, limit):
        assert len(rows) <= limit
        seen += rows
        cursor = Cursor(getattr(rows[-1], at), str(rows[-1].id))
    return seen


@pytest.fixture(scope="module")
async def credits_(database: Database) -> list[Credit]:
    who = [("app", "list-1"), ("app", "list-2"), ("app", "list-1"), ("acme", "list-1")]
    return [await seeds.credit(database, *one) for one in who]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_loans_are_narrowed_by_every_filter_and_by_several(
    database: Database, credits_: list[Credit], limit: int
) -> None:
    channels = {credit.loan_id: "app" for credit in credits_[:3]} | {credits_[3].loan_id: "acme"}
    applicants = {credit.loan_id: credit.applicant_id for credit in credits_}
    choices = product(
        (None, "app", "acme", "nobody"),
        (None, credits_[0].applicant_id, credits_[3].applicant_id),
        (None, LoanState.CURRENT, LoanState.SETTLED),
    )
    for channel, applicant_id, state in choices:
        narrowed = LoanFilter(channel=channel, applicant_id=applicant_id, state=state)

        async def page(after: Cursor | None, limit: int) -> Sequence[Any]:
            async with database.read() as tx:
                return await LoanListRepository(tx).page(
                    after,
                    limit,
                    now=THEN,
                    clocks={},
                    narrowed=narrowed,  # noqa: B023 -- awaited in this round
                )

        found = [row.id for row in await walk(page, "recorded_at", limit)]
        wanted = [
            credit.loan_id
            for credit in reversed(credits_)
            if channel in (None, channels[credit.loan_id])
            and applicant_id in (None, applicants[credit.loan_id])
            and state in (None, LoanState.CURRENT)
        ]
        assert found == wanted


@pytest.mark.parametrize("limit", [1, 3])
async def test_queues_and_comparisons_begin_with_the_oldest(
    database: Database, credits_: list[Credit], limit: int
) -> None:
    async def calls(after: Cursor | None, limit: int) -> Sequence[Any]:
        async with database.read() as tx:
            return await CollectionActionRepository(tx).queue(after, limit)

    async def books(after: Cursor | None, limit: int) -> Sequence[Any]:
        async with database.snapshot() as tx:
            return await ReconciliationRepository(tx).page(after, limit)

    assert [row.id for row in await walk(calls, "created_at", limit)] == [
        credit.task_id for credit in credits_
    ]
    assert [row.id for row in await walk(books, "recorded_at", limit)] == [
        credit.loan_id for credit in credits_
    ]


async def test_the_review_that_is_due_first_is_at_the_head(database: Database) -> None:
    now, made = utc_now(), []
    async with database.transaction() as tx:
        for hours in (3, 1, 2):
            start = await seeds.application(tx, "app", new_id("per"))
            await open_review_of(tx, start.application_id, now, now + timedelta(hours=hours))
            made.append(start.application_id)

    async def page(after: Cursor | None, limit: int) -> Sequence[Any]:
        async with database.read() as tx:
            return await CaseRepository(tx).page(after, limit)

    found = [row.subject for row in await walk(page, "due_at", 1)]
    assert found == [made[1], made[2], made[0]]
