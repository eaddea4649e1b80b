"""Pre-approved limits, the customers that a campaign looks at, and how far it came."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from storage.common.repository import TableRepository
from storage.common.rows import Cursor, RefName, Row


class PreapprovalRow(Row):
    """A limit in minor units, granted by a version of a campaign; it counts to `valid_until`."""

    id: str
    campaign: str
    definition: RefName
    applicant_id: str
    product: str
    currency: str
    amount: int
    instalments: int
    annual_rate: Decimal
    policy: RefName
    granted_on: date
    valid_until: date
    granted_at: datetime


@dataclass(frozen=True, kw_only=True)
class PreapprovalCreate:
    """A limit to be granted, once a campaign and `person`; `evaluation` says why."""

    id: str
    campaign: str
    definition: str
    applicant_id: str
    person: str
    product: str
    currency: str
    amount: int
    instalments: int
    annual_rate: Decimal
    policy: str
    granted_on: date
    valid_until: date
    evaluation: str


class CandidateRow(Row):
    """A customer with history, who has no open application; `best_limit` in minor units."""

    id: str
    person: str
    best_limit: int
    rejections_90d: int


class CampaignDayRow(Row):
    """How far a campaign came on a day."""

    campaign: str
    day: date
    after_id: str
    looked_at: int
    granted: int
    is_done: bool


class PreapprovalRepository(TableRepository[PreapprovalRow]):
    """The limits, and what grants them."""

    table = "preapprovals"
    row = PreapprovalRow

    async def grant(self, new: PreapprovalCreate) -> bool:
        """Record a limit; False if the person has one of the campaign."""
        columns = dict(vars(new))
        evaluation = columns.pop("evaluation")
        encrypted = self._encrypt("preapprovals.evaluation", new.id, evaluation)
        return await self._insert("preapprovals", **columns, evaluation_enc=encrypted)

    async def page(
        self, after: Cursor | None, limit: int, *, applicant_id: str
    ) -> list[PreapprovalRow]:
        """Return a customer's limits, the newest first."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            order=("granted_at", "id"),
            filters={"applicant_id = {}": applicant_id},
        )

    async def candidates(
        self,
        campaign: str,
        after_id: str,
        settled: int,
        limit: int,
        *,
        suspended_channels: Collection[str],
    ) -> list[CandidateRow]:
        """Return customers behind an id whom a campaign may look at.

        They settled so many loans, allow their data to be used, have nothing of the campaign, and
        no application that is not over, in whatever channel they made it.
        """
        return await self._all(
            CandidateRow,
            "select a.id, who.person,"
            " coalesce((select max(credit_limit) from lines where applicant_id = a.id), 0)"
            " as best_limit,"
            " (select count(*) from applications r join applicants rejected"
            " on rejected.id = r.applicant_id"
            " where rejected.identity_number_idx = a.identity_number_idx"
            " and r.state = 'rejected' and r.changed_at > now() - interval '90 days')"
            " as rejections_90d from applicants a, lateral (select"
            " coalesce(encode(a.identity_number_idx, 'hex'), a.id) as person) who"
            " where a.id > $2 and a.identity_number_idx is not null and a.channel <> all($5)"
            " and (select count(*) from loans l where l.applicant_id = a.id"
            " and l.state = 'settled') >= $3"
            " and exists (select from consents c where c.applicant_id = a.id"
            " and c.purpose = 'personal_information' and not exists"
            " (select from consent_revocations v where v.consent_id = c.id))"
            " and not exists (select from preapprovals p where p.campaign = $1"
            " and p.person = who.person)"
            " and not exists (select from applications o join applicants asking"
            " on asking.id = o.applicant_id"
            " where asking.identity_number_idx = a.identity_number_idx"
            " and o.state in ('collecting', 'deciding', 'in_review', 'offered'))"
            " order by a.id limit $4",
            campaign,
            after_id,
            settled,
            limit,
            list(suspended_channels),
        )

    async def day(self, campaign: str, day: date) -> CampaignDayRow:
        """Return how far a campaign came on a day, from now on locked for this transaction."""
        await self._insert("campaign_days", campaign=campaign, day=day)
        found = await self._one(
            CampaignDayRow,
            f"select {CampaignDayRow.columns()} from campaign_days"  # noqa: S608 -- constant names
            " where campaign = $1 and day = $2 for no key update",
            campaign,
            day,
        )
        if found is None:
            raise LookupError(campaign)
        return found

    async def came_to(
        self, before: CampaignDayRow, after_id: str, looked_at: int, granted: int, *, is_done: bool
    ) -> None:
        """Write how far a campaign came."""
        await self._connection.execute(
            "update campaign_days set after_id = $3, looked_at = looked_at + $4,"
            " granted = granted + $5, is_done = $6 where campaign = $1 and day = $2",
            before.campaign,
            before.day,
            after_id,
            looked_at,
            granted,
            is_done,
        )
