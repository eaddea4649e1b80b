"""What a person applied for and borrowed before, in whatever channel."""

from datetime import date, datetime
from typing import Final

from domain.applications.application import ApplicationState
from storage.common.repository import Repository
from storage.common.rows import Row

_MOST: Final = 100

# A person is found in other channels by the keyed index of the verified identity number.
_PEOPLE: Final = (
    "with people as (select p.id from applicants me join applicants p on p.id = me.id"
    " or p.identity_number_idx = me.identity_number_idx where me.id = $1)"
)


class EarlierApplication(Row):
    """An application of the person; `amount` in minor units."""

    id: str
    channel: str
    product: str
    currency: str
    amount: int
    instalments: int
    state: ApplicationState
    reject_code: str | None
    created_at: datetime


class EarlierLoan(Row):
    """A loan of the person, as its process recorded it last. Amounts in minor units."""

    id: str
    channel: str
    product: str
    currency: str
    principal: int
    principal_outstanding: int
    state: str
    disbursed_on: date
    settled_on: date | None
    past_due_from: date | None


class SharedTrait(Row):
    """How many other people have a device, mobile or bank card of this person's."""

    trait: str
    people: int


class CreditHistoryRepository(Repository):
    """Reads across the applications of one person."""

    async def applications(self, applicant_id: str, *, except_for: str) -> list[EarlierApplication]:
        """Return the person's other applications, the newest first, at most a hundred."""
        return await self._all(
            EarlierApplication,
            f"{_PEOPLE} select {EarlierApplication.columns()} from applications"  # noqa: S608
            " where applicant_id in (select id from people) and id <> $2"
            " order by created_at desc, id desc limit $3",
            applicant_id,
            except_for,
            _MOST,
        )

    async def loans(self, applicant_id: str) -> list[EarlierLoan]:
        """Return the person's loans, the newest first, at most a hundred."""
        return await self._all(
            EarlierLoan,
            f"{_PEOPLE} select l.id, a.channel, a.product, l.currency, l.principal,"  # noqa: S608
            " l.principal_outstanding, l.state, l.disbursed_on, l.settled_on, l.past_due_from"
            " from loans l join lines on lines.id = l.line_id"
            " join applications a on a.id = lines.application_id"
            " where a.applicant_id in (select id from people)"
            " order by l.disbursed_on desc, l.id desc limit $2",
            applicant_id,
            _MOST,
        )

    async def shared(self, applicant_id: str) -> list[SharedTrait]:
        """Return by which traits how many other people are linked to the person."""
        return await self._all(
            SharedTrait,
            f"{_PEOPLE}, known as (select * from applicants"  # noqa: S608
            " where id in (select id from people)),"
            " others as (select 'device' as trait, d.applicant_id from devices mine"
            " join devices d on d.device_id = mine.device_id"
            " where mine.applicant_id in (select id from people)"
            " union select 'mobile', p.id from known join applicants p"
            " on p.mobile_idx = known.mobile_idx"
            " union select 'bank_card', p.id from known join applicants p"
            " on p.bank_card_idx = known.bank_card_idx)"
            " select trait, count(distinct coalesce(encode(p.identity_number_idx, 'hex'), p.id))"
            " as people from others join applicants p on p.id = others.applicant_id"
            " where p.id not in (select id from people) group by trait order by trait",
            applicant_id,
        )
