"""Every route of the API: the one list to which an area adds its own."""

from typing import Final

from fastapi import APIRouter

from api.credit_analysis import routes as credit_analysis_for_clients
from api.credit_analysis import scr_consents
from api.http import health
from api.v1 import precredit
from api.v1.applications import applications, elements, offers, reviews, users
from api.v1.cases import asked_documents, cases
from api.v1.cases import documents as case_documents
from api.v1.collections import actions
from api.v1.credit_analysis import analyses
from api.v1.credit_analysis import callbacks as credit_analysis_callbacks
from api.v1.decisioning import backtests, decisions, lists
from api.v1.definitions import definitions, suspensions
from api.v1.lines import drawdowns, lines
from api.v1.lines import elements as line_elements
from api.v1.loans import books, ledger, listing, loans, repayments, servicing, statements
from api.v1.messaging import messages
from api.v1.payments import callbacks as payment_callbacks
from api.v1.people import consents, staff
from api.v1.pricing import plans
from api.v1.products import catalogue
from api.v1.verification import callbacks as verification_callbacks

ROUTERS: Final[tuple[APIRouter, ...]] = (
    applications.router,
    elements.router,
    decisions.router,
    catalogue.router,
    consents.router,
    users.router,
    lists.router,
    staff.router,
    reviews.router,
    asked_documents.router,
    case_documents.router,
    case_documents.users,
    cases.router,
    offers.router,
    plans.router,
    lines.router,
    line_elements.router,
    drawdowns.router,
    listing.router,
    loans.router,
    statements.router,
    repayments.router,
    servicing.router,
    actions.router,
    messages.router,
    messages.of_users,
    precredit.router,
    definitions.router,
    suspensions.router,
    backtests.router,
    ledger.router,
    books.router,
    payment_callbacks.router,
    verification_callbacks.router,
    # Before the clients' routes, whose pattern its paths fit.
    scr_consents.router,
    credit_analysis_for_clients.router,
    analyses.router,
    credit_analysis_callbacks.router,
    health.router,
)
