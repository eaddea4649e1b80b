"""Offers made after approval."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from domain.common.money import Percent
from messages.applications import Offer
from storage.common.repository import TableRepository
from storage.common.rows import Row


class OfferState(StrEnum):
    """An offer is open until it is accepted or lapses."""

    OPEN = "open"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"


class OfferRow(Row):
    """An offer. Amounts in minor units, rates percent a year."""

    id: str
    application_id: str
    state: OfferState
    currency: str
    amount: int
    instalments: int
    annual_rate: Percent
    penalty_annual_rate: Percent
    mode: Literal["single_batch", "revolving"]
    made_at: datetime
    expires_at: datetime


class OfferRepository(TableRepository[OfferRow]):
    """The offers, at most one an application."""

    table = "offers"
    row = OfferRow

    async def make(self, offer: Offer, application_id: str, made_at: datetime) -> None:
        """Record an offer; a repeat changes nothing."""
        columns = offer.model_dump(exclude={"offer_id"})
        await self._insert(
            self.table,
            id=offer.offer_id,
            application_id=application_id,
            state=OfferState.OPEN,
            made_at=made_at,
            **columns,
        )

    async def of_application(self, application_id: str) -> OfferRow | None:
        """Return the application's offer, None if it has none."""
        return await self._find("application_id = $1", application_id)

    async def set_state(self, offer_id: str, state: OfferState) -> bool:
        """Accept an open offer or let it lapse; False, and nothing changes, if it is not open."""
        return await self._changed(
            "update offers set state = $2 where id = $1 and state = 'open'",
            offer_id,
            state,
        )
