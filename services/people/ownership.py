"""Whose things a caller may see: staff all, applicants their own, a partner its channel's.

What a caller may not see does not exist for them: `NotFound`, as what was never there.
"""

from dataclasses import dataclass
from typing import Final

from domain.common.errors import MissingField, NotAllowed, NotFound
from domain.people.principals import Principal, Role
from messages.ids import Kind, derived_id, is_id
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository, ApplicantRow

DIRECT_CHANNEL: Final = "app"
"""The lender's own channel: the one that applicants with a token of their own use."""

_APPLICANT: Final[Role] = "applicant"


@dataclass(frozen=True)
class Scope:
    """What a list is narrowed to; None: not by this."""

    channel: str | None
    applicant_id: str | None


def applicant_id_of(channel: str, customer_reference: str) -> str:
    """Return the id of a channel's customer."""
    return derived_id("per", channel, customer_reference)


def customer_to_apply_as(
    caller: Principal, channel: str | None, customer_reference: str
) -> tuple[str, str]:
    """Return channel and customer reference for an application of `caller`.

    Raises `NotAllowed` when that would be another channel's, or another applicant's.
    """
    own_channel = DIRECT_CHANNEL if caller.role == _APPLICANT else caller.subject
    if channel not in (None, own_channel):
        raise NotAllowed(f"This token applies through the channel {own_channel} only.")
    if caller.role == _APPLICANT and customer_reference != caller.subject:
        raise NotAllowed("Applicants can apply only for themselves.")
    return own_channel, customer_reference


def scope_of(caller: Principal, channel: str | None, customer_reference: str | None) -> Scope:
    """Return what a list of `caller` is narrowed to, the filters asked for included.

    Raises `MissingField` for a customer reference without its channel.
    """
    if caller.role == _APPLICANT:
        return Scope(DIRECT_CHANNEL, applicant_id_of(DIRECT_CHANNEL, caller.subject))
    if not caller.is_staff:
        channel = caller.subject
    if customer_reference is None:
        return Scope(channel, None)
    if channel is None:
        raise MissingField("channel: is required with customer_reference", field="channel")
    return Scope(channel, applicant_id_of(channel, customer_reference))


async def find_applicant(tx: Transaction, caller: Principal, applicant_id: str) -> ApplicantRow:
    """Return an applicant that the caller may see; raises `NotFound`."""
    require_id(applicant_id, "per", "user")
    row = await ApplicantRepository(tx).get(applicant_id)
    if row is None or not may_see(caller, row):
        raise NotFound("user")
    return row


async def owns(tx: Transaction, caller: Principal, applicant_id: str) -> bool:
    """Say whether the caller may see what belongs to an applicant."""
    if caller.is_staff:
        return True
    applicant = await ApplicantRepository(tx).get(applicant_id)
    return applicant is not None and may_see(caller, applicant)


def require_id(text: str, kind: Kind, what: str) -> None:
    """Raise `NotFound` for what cannot be an id, before it reaches the database."""
    if not is_id(text, kind):
        raise NotFound(what)


def may_see(caller: Principal, applicant: ApplicantRow) -> bool:
    """Say whether the caller may see an applicant and what belongs to them."""
    if caller.is_staff:
        return True
    if caller.role == _APPLICANT:
        own = (DIRECT_CHANNEL, caller.subject)
        return (applicant.channel, applicant.customer_reference) == own
    return applicant.channel == caller.subject
