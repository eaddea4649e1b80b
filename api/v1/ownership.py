"""Whose resources a caller may see: staff all, an applicant his own, a partner its channel's.

What a caller may not see does not exist for him: 404, never 403.
"""

from dataclasses import dataclass
from typing import Final

from api.http.errors import FieldProblem, Problem, not_found
from domain.people.principals import Principal, Role
from messages.ids import Kind, derived_id, is_id
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.offers import OfferRepository, OfferRow
from storage.common.repository import Transaction
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow
from storage.lines.lines import LineRepository, LineRow
from storage.lines.quotes import QuoteRepository, QuoteRow
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.repayments import RepaymentRepository, RepaymentRow
from storage.people.applicants import ApplicantRepository, ApplicantRow

DIRECT_CHANNEL: Final = "app"
"""The lender's own channel: the one that applicants with a token of their own use."""

_APPLICANT: Final[Role] = "applicant"


def applicant_id_of(channel: str, customer_reference: str) -> str:
    """Return the id of a channel's customer."""
    return derived_id("per", channel, customer_reference)


def identity_to_apply_with(
    principal: Principal, channel: str | None, customer_reference: str
) -> tuple[str, str]:
    """Return channel and customer reference for an application of `principal`, or refuse."""
    own_channel = DIRECT_CHANNEL if principal.role == _APPLICANT else principal.subject
    if channel not in (None, own_channel):
        raise Problem("forbidden", f"This token applies through the channel {own_channel} only.")
    if principal.role == _APPLICANT and customer_reference != principal.subject:
        raise Problem("forbidden", "An applicant applies for himself only.")
    return own_channel, customer_reference


@dataclass(frozen=True)
class Scope:
    """What a list is narrowed to."""

    channel: str | None
    applicant_id: str | None


def scope_of(principal: Principal, channel: str | None, customer_reference: str | None) -> Scope:
    """Return what a list of `principal` is narrowed to, his own filters included."""
    if principal.role == _APPLICANT:
        return Scope(DIRECT_CHANNEL, applicant_id_of(DIRECT_CHANNEL, principal.subject))
    if not principal.is_staff:
        channel = principal.subject
    if customer_reference is None:
        return Scope(channel, None)
    if channel is None:
        error = FieldProblem(
            field="channel", code="missing_field", message="is required with customer_reference"
        )
        raise Problem("missing_field", "channel: is required", errors=[error])
    return Scope(channel, applicant_id_of(channel, customer_reference))


async def applicant_for(tx: Transaction, principal: Principal, applicant_id: str) -> ApplicantRow:
    """Return an applicant that the caller may see."""
    _require_id(applicant_id, "per", "user")
    row = await ApplicantRepository(tx).get(applicant_id)
    if row is None or not (principal.is_staff or _is_theirs(principal, row)):
        raise not_found("user")
    return row


async def application_for(
    tx: Transaction, principal: Principal, application_id: str
) -> ApplicationRow:
    """Return an application that the caller may see."""
    _require_id(application_id, "app", "application")
    row = await ApplicationRepository(tx).get(application_id)
    if row is None or not await _owns(tx, principal, row.applicant_id):
        raise not_found("application")
    return row


async def offer_for(tx: Transaction, principal: Principal, offer_id: str) -> OfferRow:
    """Return an offer that the caller may see."""
    _require_id(offer_id, "off", "offer")
    row = await OfferRepository(tx).get(offer_id)
    application = None if row is None else await ApplicationRepository(tx).get(row.application_id)
    if row is None or application is None:
        raise not_found("offer")
    if not await _owns(tx, principal, application.applicant_id):
        raise not_found("offer")
    return row


async def line_for(tx: Transaction, principal: Principal, line_id: str) -> LineRow:
    """Return a line that the caller may see."""
    _require_id(line_id, "lin", "line")
    row = await LineRepository(tx).get(line_id)
    if row is None or not await _owns(tx, principal, row.applicant_id):
        raise not_found("line")
    return row


async def quote_for(tx: Transaction, principal: Principal, quote_id: str) -> QuoteRow:
    """Return a quote that the caller may see."""
    _require_id(quote_id, "quo", "quote")
    row = await QuoteRepository(tx).get(quote_id)
    if row is None:
        raise not_found("quote")
    await _require_line(tx, principal, row.line_id, "quote")
    return row


async def drawdown_for(tx: Transaction, principal: Principal, drawdown_id: str) -> DrawdownRow:
    """Return a drawdown that the caller may see."""
    _require_id(drawdown_id, "dra", "drawdown")
    row = await DrawdownRepository(tx).get(drawdown_id)
    if row is None:
        raise not_found("drawdown")
    await _require_line(tx, principal, row.line_id, "drawdown")
    return row


async def loan_for(tx: Transaction, principal: Principal, loan_id: str) -> LoanRow:
    """Return a loan that the caller may see."""
    _require_id(loan_id, "loa", "loan")
    row = await LoanRepository(tx).get(loan_id)
    if row is None or not await _owns(tx, principal, row.applicant_id):
        raise not_found("loan")
    return row


async def repayment_for(tx: Transaction, principal: Principal, repayment_id: str) -> RepaymentRow:
    """Return a repayment that the caller may see."""
    _require_id(repayment_id, "rep", "repayment")
    row = await RepaymentRepository(tx).get(repayment_id)
    loan = None if row is None else await LoanRepository(tx).get(row.loan_id)
    if row is None or loan is None or not await _owns(tx, principal, loan.applicant_id):
        raise not_found("repayment")
    return row


async def _require_line(tx: Transaction, principal: Principal, line_id: str, what: str) -> None:
    line = await LineRepository(tx).get(line_id)
    if line is None or not await _owns(tx, principal, line.applicant_id):
        raise not_found(what)


async def _owns(tx: Transaction, principal: Principal, applicant_id: str) -> bool:
    if principal.is_staff:
        return True
    applicant = await ApplicantRepository(tx).get(applicant_id)
    return applicant is not None and _is_theirs(principal, applicant)


def _is_theirs(principal: Principal, applicant: ApplicantRow) -> bool:
    if principal.role == _APPLICANT:
        own = (DIRECT_CHANNEL, principal.subject)
        return (applicant.channel, applicant.customer_reference) == own
    return applicant.channel == principal.subject


def _require_id(text: str, kind: Kind, what: str) -> None:
    """Refuse what cannot be an id before it reaches the database."""
    if not is_id(text, kind):
        raise not_found(what)
