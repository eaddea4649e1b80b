"""The routes, one file a concern."""

from typing import Final

from fastapi import APIRouter

from api.routers import (
    applications,
    callbacks,
    catalogue,
    collections,
    consents,
    credit_analyses,
    credit_analysis,
    drawdowns,
    element_callbacks,
    elements,
    health,
    ledger,
    line_elements,
    lines,
    loans,
    offers,
    plans,
    qitech_callbacks,
    repayments,
    reviews,
    scr_consents,
    servicing,
    supplements,
    users,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    applications.router,
    elements.router,
    catalogue.router,
    consents.router,
    users.router,
    reviews.router,
    supplements.router,
    offers.router,
    plans.router,
    lines.router,
    line_elements.router,
    drawdowns.router,
    loans.router,
    repayments.router,
    servicing.router,
    collections.router,
    ledger.router,
    callbacks.router,
    element_callbacks.router,
    # Before the clients' routes, whose pattern its paths fit.
    scr_consents.router,
    credit_analysis.router,
    credit_analyses.router,
    qitech_callbacks.router,
    health.router,
)
