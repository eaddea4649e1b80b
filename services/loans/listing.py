"""Lists of loans, on their business dates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

from domain.loans.servicing import SERVICING_POLICY, UnknownBucket
from domain.people.principals import Principal
from services.people.ownership import scope_of
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.definitions import DefinitionRepository
from storage.loans.listing import BucketDays, LoanFilter, LoanListRepository, LoanListRow


@dataclass(frozen=True)
class ListedLoan:
    """A loan in a list, with the bucket that its servicing policy puts it in."""

    row: LoanListRow
    bucket: str


async def list_loans(
    tx: Transaction,
    caller: Principal,
    after: Cursor | None,
    limit: int,
    *,
    now: datetime,
    clocks: Mapping[str, date],
    narrowed: LoanFilter,
    customer_reference: str | None = None,
    bucket: str | None = None,
) -> list[ListedLoan]:
    """Return a page of the loans that the caller may see as they stand `now`, the newest first.

    `narrowed` is what was asked for, but for the bucket, which goes by its name. Raises
    `MissingField` for a customer reference without its channel and `UnknownBucket`.
    """
    scope = scope_of(caller, narrowed.channel, customer_reference)
    narrowed = replace(narrowed, channel=scope.channel, applicant_id=scope.applicant_id)
    if bucket is not None:
        narrowed = replace(narrowed, bucket=await _days_of(tx, bucket))
    rows = await LoanListRepository(tx).page(
        after, limit, now=now, clocks=clocks, narrowed=narrowed
    )
    return [await _with_bucket(tx, row) for row in rows]


async def _with_bucket(tx: Transaction, row: LoanListRow) -> ListedLoan:
    policy = await DefinitionRepository(tx).of_ref(SERVICING_POLICY, row.servicing)
    return ListedLoan(row, policy.content.bucket_of(row.days_past_due))


async def _days_of(tx: Transaction, name: str) -> tuple[BucketDays, ...]:
    """Return what a bucket means in each policy that loans are serviced under."""
    known: set[str] = set()
    found = []
    for policy in await DefinitionRepository(tx).all_released(SERVICING_POLICY):
        for bucket, following in pairwise([*policy.content.buckets, None]):
            assert bucket is not None  # noqa: S101 -- only what follows the last one is None
            known.add(bucket.name)
            if bucket.name == name:
                ends = None if following is None else following.from_days
                found.append(BucketDays(policy.ref, bucket.from_days, ends))
    if not found:
        names = ", ".join(sorted(known))
        raise UnknownBucket(f"bucket: there is no {name!r}; there are {names}", field="bucket")
    return tuple(found)
