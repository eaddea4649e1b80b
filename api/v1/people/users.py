"""The user centre: a person as a channel knows him, and what is kept of him."""

from typing import Final

from api.http.auth import Caller
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.services import Using
from api.v1.applications.schemas import ApplicationSummary
from api.v1.ownership import applicant_for
from api.v1.people.consent_schemas import ConsentAnswer
from api.v1.people.user_schemas import (
    DeviceAnswer,
    KeptElementAnswer,
    PersonAnswer,
    Standing,
    StandingAnswer,
    UserAnswer,
)
from domain.common.masking import masked_name, masked_number
from domain.products.products import CASH_LOAN, product_of
from domain.verification.elements import ElementKind, Verdict
from storage.applications.applications import ApplicationRepository
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository, Personal
from storage.people.consents import ConsentRepository
from storage.people.devices import DeviceRepository
from storage.verification.elements import ElementRepository

router = gated_router("/users", "users")

_APPLICATIONS: Final = 50
"""So many of the newest applications are shown; `GET /v1/applications` lists all."""


@router.get("/{applicant_id}", summary="Read a person")
async def read(applicant_id: str, caller: Caller, services: Using) -> UserAnswer:
    """Return the person masked, with labels, devices, consents, elements and applications."""
    async with services.database.snapshot() as tx:
        applicant = await applicant_for(tx, caller, applicant_id)
        applications = await ApplicationRepository(tx).page(
            None, _APPLICATIONS, applicant_id=applicant.id
        )
        return UserAnswer(
            id=applicant.id,
            channel=applicant.channel,
            customer_reference=applicant.customer_reference,
            created_at=applicant.created_at,
            person=_person(await ApplicantRepository(tx).personal(applicant.id)),
            level=applicant.level,
            labels=applicant.labels,
            devices=[
                DeviceAnswer.model_validate(row)
                for row in await DeviceRepository(tx).of(applicant.id)
            ],
            consents=[
                ConsentAnswer.model_validate(row)
                for row in await ConsentRepository(tx).of(applicant.id)
            ],
            elements=await _elements(tx, applicant.id),
            applications=[ApplicationSummary.model_validate(row) for row in applications],
        )


@router.put("/{applicant_id}/standing", responses=COMMAND_PROBLEMS, summary="Set level and labels")
async def set_standing(
    applicant_id: str, body: Standing, caller: Caller, command: Keyed, services: Using
) -> StandingAnswer:
    """Set how the lender's people know a person."""
    labels = tuple(dict.fromkeys(body.labels))
    async with services.database.transaction() as tx:
        applicant = await applicant_for(tx, caller, applicant_id)
        await ApplicantRepository(tx).set_standing(applicant.id, body.level, labels)
        await AuditRepository(tx).add(
            actor=caller.actor,
            role=caller.role,
            action="set_standing",
            subject=f"user:{applicant.id}",
            outcome="accepted",
            detail={"level": body.level, "labels": list(labels)},
            key=command.new_id("act", "standing"),
        )
    return StandingAnswer(id=applicant.id, level=body.level, labels=labels)


def _person(personal: Personal) -> PersonAnswer:
    def number(text: str | None, head: int, tail: int) -> str | None:
        return None if text is None else masked_number(text, head=head, tail=tail)

    return PersonAnswer(
        name=None if personal.name is None else masked_name(personal.name),
        identity_number=number(personal.identity_number, 3, 4),
        mobile=number(personal.mobile, 3, 2),
        bank_card=number(personal.bank_card, 0, 4),
    )


async def _elements(tx: Transaction, applicant_id: str) -> list[KeptElementAnswer]:
    """Return this applicant's own verified elements, the newest of each kind."""
    newest: dict[ElementKind, KeptElementAnswer] = {}
    for kept in await ElementRepository(tx).kept_by(applicant_id, CASH_LOAN.zone):
        if not kept.own or kept.kind in newest:
            continue
        application = await ApplicationRepository(tx).get(kept.application_id)
        assert application is not None  # noqa: S101 -- a reference of the record keeps it there
        newest[kept.kind] = KeptElementAnswer(
            kind=kept.kind,
            element_id=kept.element_id,
            application_id=kept.application_id,
            verdict=Verdict.MATCH,
            verified_at=kept.verified_at,
            counts_until=kept.counts_until(product_of(application.product)),
        )
    return list(newest.values())
