"""Recording what applicants agree to: the same way with an application and in the user centre."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.people.consents import CONSENT_TEXT, ConsentMissing, Purpose
from domain.people.principals import Principal
from domain.verification.element_policies import ADDRESS_BOOK_CONSENT
from runtime.clock import utc_now
from services.common.commands import Command
from services.people.ownership import find_applicant
from storage.common.audit import AuditCreate, AuditRepository
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.people.applicants import ApplicantRow
from storage.people.consents import ConsentCreate, ConsentRepository, ConsentRow
from storage.verification.elements import ElementRepository


@dataclass(frozen=True)
class ShownText:
    """The text of a purpose, by version and digest, as it was shown to who agreed to it."""

    purpose: Purpose
    version: str
    sha256: str


async def give_consent(
    tx: Transaction, caller: Principal, command: Command, applicant_id: str, shown: ShownText
) -> ConsentRow:
    """Record that an applicant agreed; agreeing again to the same text changes nothing.

    Raises `NotFound`, and `UnknownConsentText` when another text was shown.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    (row,) = await record_consents(tx, caller, command, applicant, (shown,))
    return row


async def record_consents(
    tx: Transaction,
    caller: Principal,
    command: Command,
    applicant: ApplicantRow,
    texts: Iterable[ShownText],
) -> list[ConsentRow]:
    """Record consents; raises `UnknownConsentText` when another text was shown.

    Of two to one purpose the last one counts.
    """
    given = {}
    for shown in texts:
        text = await DefinitionRepository(tx).in_force(CONSENT_TEXT, shown.purpose)
        text_of = f"the text of {shown.purpose}"
        text.content.check_shown(text_of, shown.version, shown.sha256)
        consent_id = command.new_id("con", shown.purpose)
        given[shown.purpose] = ConsentCreate(
            consent_id, shown.purpose, shown.version, shown.sha256, text.ref
        )
    if not given:
        return []
    rows = await ConsentRepository(tx).grant(
        applicant.id,
        list(given.values()),
        channel=applicant.channel,
        given_by=caller.actor,
        at=utc_now(),
    )
    await AuditRepository(tx).add_all(
        [
            AuditCreate(
                actor=caller.actor,
                role=caller.role,
                action="give_consent",
                subject=f"user:{applicant.id}",
                outcome="accepted",
                detail={"purpose": row.purpose, "consent_id": row.id},
                key=f"consent:{row.id}",
            )
            for row in rows
        ]
    )
    return rows


async def revoke_consent(
    tx: Transaction, caller: Principal, applicant_id: str, purpose: Purpose
) -> list[ConsentRow]:
    """Revoke what is in force for a purpose; nothing in force is no error.

    Address books that still wait to be compared are erased with the consent to it. Raises
    `NotFound`.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    revoked = await ConsentRepository(tx).revoke(
        applicant.id, purpose, revoked_by=caller.actor, at=utc_now()
    )
    if purpose is ADDRESS_BOOK_CONSENT:
        await ElementRepository(tx).forget_address_books(applicant.id)
    for row in revoked:
        await AuditRepository(tx).add_by(
            caller,
            "revoke_consent",
            f"user:{applicant.id}",
            detail={"purpose": purpose, "consent_id": row.id},
            key=f"consent:{row.id}:revoked",
        )
    return revoked


async def require_consents(
    tx: Transaction, applicant_id: str, purposes: Mapping[str, Purpose]
) -> None:
    """Raise `ConsentMissing` unless every purpose, by what needs it, is consented to."""
    given = await ConsentRepository(tx).purposes_in_force(applicant_id)
    missing = [
        f"{what} needs the consent to {purpose}"
        for what, purpose in purposes.items()
        if purpose not in given
    ]
    if missing:
        raise ConsentMissing("; ".join(missing))
