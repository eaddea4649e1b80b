"""Recording what applicants agree to: the same way with an application and in the user centre."""

from api.http.idempotency import Command
from api.v1.people.consent_schemas import NewConsent
from domain.people.consents import ConsentMissing, Purpose, check_text
from domain.people.principals import Principal
from domain.products.element_catalogue import ADDRESS_BOOK_CONSENT
from runtime.clock import utc_now
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRow
from storage.people.consents import ConsentRepository, ConsentRow
from storage.verification.elements import ElementRepository


async def record_consent(
    tx: Transaction,
    applicant: ApplicantRow,
    consent: NewConsent,
    caller: Principal,
    command: Command,
) -> ConsentRow:
    """Record a consent; raises `UnknownConsentText` when another text was shown."""
    check_text(consent.purpose, consent.text_version, consent.text_sha256)
    row = await ConsentRepository(tx).grant(
        command.new_id("con", consent.purpose),
        applicant.id,
        consent.purpose,
        text_version=consent.text_version,
        text_sha256=consent.text_sha256,
        channel=applicant.channel,
        given_by=caller.actor,
        at=utc_now(),
    )
    await AuditRepository(tx).add(
        actor=caller.actor,
        role=caller.role,
        action="give_consent",
        subject=f"user:{applicant.id}",
        outcome="accepted",
        detail={"purpose": consent.purpose, "consent_id": row.id},
        key=f"consent:{row.id}",
    )
    return row


async def revoke_consent(
    tx: Transaction, applicant: ApplicantRow, purpose: Purpose, caller: Principal
) -> list[ConsentRow]:
    """Revoke what is in force for a purpose; nothing in force is no error.

    Address books that still wait to be compared are erased with the consent to it.
    """
    revoked = await ConsentRepository(tx).revoke(
        applicant.id, purpose, revoked_by=caller.actor, at=utc_now()
    )
    if purpose is ADDRESS_BOOK_CONSENT:
        await ElementRepository(tx).forget_address_books(applicant.id)
    for row in revoked:
        await AuditRepository(tx).add(
            actor=caller.actor,
            role=caller.role,
            action="revoke_consent",
            subject=f"user:{applicant.id}",
            outcome="accepted",
            detail={"purpose": purpose, "consent_id": row.id},
            key=f"consent:{row.id}:revoked",
        )
    return revoked


async def require_consents(
    tx: Transaction, applicant_id: str, purposes: dict[str, Purpose]
) -> None:
    """Raise `ConsentMissing` unless every purpose, by what needs it, is consented to."""
    missing = [
        f"{what} needs the consent to {purpose}"
        for what, purpose in purposes.items()
        if await ConsentRepository(tx).in_force(applicant_id, purpose) is None
    ]
    if missing:
        raise ConsentMissing("; ".join(missing))
