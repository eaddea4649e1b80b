"""The routes, one file a concern."""

from typing import Final

from fastapi import APIRouter

from api.routers import (
    applications,
    callbacks,
    collections,
    drawdowns,
    elements,
    health,
    ledger,
    lines,
    loans,
    offers,
    plans,
    repayments,
    reviews,
    servicing,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    applications.router,
    elements.router,
    reviews.router,
    offers.router,
    plans.router,
    lines.router,
    drawdowns.router,
    loans.router,
    repayments.router,
    servicing.router,
    collections.router,
    ledger.router,
    callbacks.router,
    health.router,
)
