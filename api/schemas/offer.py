"""Offers."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from api.schemas.base import Answer, Currency, MinorUnits


class OfferAnswer(Answer):
    """What is offered after approval. Rates are percent a year."""

    id: str
    application_id: str
    state: Literal["open", "accepted", "lapsed"]
    currency: Currency
    amount: MinorUnits
    instalments: int
    annual_rate: Decimal
    penalty_annual_rate: Decimal
    mode: Literal["single_batch", "revolving"]
    expires_at: datetime
