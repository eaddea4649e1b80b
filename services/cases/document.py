"""The case as one document: everything that a reviewer needs to judge an application."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.common.masking import masked_number
from domain.people.principals import Principal
from domain.people.views import MaskedField, ViewKind
from domain.verification.elements import ElementKind
from messages.ids import application_workflow
from services.cases.pictures import picture_name
from services.cases.viewing import OpenedCase, open_case, record_view
from services.people.handles import with_handles
from services.products.agreed import product_of
from services.verification.progress import ElementProgress, progress_of
from storage.applications.credit_history import (
    CreditHistoryRepository,
    EarlierApplication,
    EarlierLoan,
    SharedTrait,
)
from storage.applications.documents import (
    FileRepository,
    FileRow,
    JudgementRepository,
    JudgementRow,
)
from storage.applications.supplements import SupplementRepository, SupplementRow
from storage.cases import CaseLogRepository, LogRow
from storage.common.audit import AuditRepository, AuditRow
from storage.common.repository import Transaction
from storage.decisioning.decisions import DecisionRepository, DecisionRow
from storage.people.applicants import ApplicantRepository, ApplicantRow, Personal
from storage.people.devices import DeviceRepository, DeviceRow
from storage.people.views import ViewRepository
from storage.verification.element_pictures import ElementPictureRepository, PictureRow
from storage.verification.elements import ElementRepository

_MOST_OF_TIMELINE: Final = 500

# How numbers inside elements are masked: by which field they are shown in full, head and tail.
_MASKS: Final[Mapping[str, tuple[MaskedField, int, int]]] = {
    "identity_number": (MaskedField.IDENTITY_NUMBER, 3, 4),
    "mobile": (MaskedField.MOBILE, 3, 2),
    "card_number": (MaskedField.BANK_CARD, 0, 4),
}
_OF_OTHERS: Final = frozenset({ElementKind.GUARANTOR})
"""Whose numbers are those of another person: shown with the contacts'."""
_PICTURES: Final = frozenset({"front", "back", "frames"})
_NEVER_SHOWN: Final = frozenset({"kind", "address_book"})


@dataclass(frozen=True, repr=False)
class GivenElement:
    """An element as it stands, and what the applicant gave, numbers masked; pictures apart."""

    progress: ElementProgress
    given: Mapping[str, Any]


@dataclass(frozen=True)
class NamedPicture:
    """A picture under the name by which the holder of the case reads it."""

    name: str
    picture: PictureRow


@dataclass(frozen=True, kw_only=True, repr=False)
class CaseDocument:
    """Everything there is about a case.

    `unmasked` says which fields the caller sees in full and until when. `pictures` and `files` are
    empty to whoever does not hold the case.
    """

    opened: OpenedCase
    applicant: ApplicantRow
    person: Personal
    unmasked: Mapping[MaskedField, datetime]
    elements: Sequence[GivenElement]
    pictures: Sequence[NamedPicture]
    judgements: Sequence[JudgementRow]
    files: Sequence[FileRow]
    decisions: Sequence[DecisionRow]
    supplements: Sequence[SupplementRow]
    applications: Sequence[EarlierApplication]
    loans: Sequence[EarlierLoan]
    devices: Sequence[DeviceRow]
    links: Sequence[SharedTrait]
    timeline: Sequence[AuditRow]
    worklog: Sequence[LogRow]


async def read_document(tx: Transaction, caller: Principal, case_id: str) -> CaseDocument:
    """Return a case as one document and record that the caller looked.

    Raises `NotFound`, `CaseClosed`, `CaseClaimed`, `ClaimNeeded` and `ViewLimitReached`.
    """
    opened = await open_case(tx, caller, case_id)
    at = await record_view(tx, caller, opened, ViewKind.DOCUMENT)
    row = opened.application
    applicant = await ApplicantRepository(tx).get(row.applicant_id)
    assert applicant is not None  # noqa: S101 -- applications refer to them
    unmasked = await ViewRepository(tx).unmasked(case_id, caller.actor, at)
    history = CreditHistoryRepository(tx)
    pictures = await ElementPictureRepository(tx).of_application(row.id)
    return CaseDocument(
        opened=opened,
        applicant=applicant,
        person=_masked_person(await ApplicantRepository(tx).personal(row.applicant_id), unmasked),
        unmasked=unmasked,
        elements=await _elements(tx, opened, unmasked),
        pictures=[
            NamedPicture(picture_name(tx, caller, case_id, one.element_id, one.place), one)
            for one in pictures
            if opened.is_held
        ],
        judgements=await with_handles(tx, await JudgementRepository(tx).of(row.id), "judged_by"),
        files=await with_handles(tx, await FileRepository(tx).of(row.id), "added_by")
        if opened.is_held
        else [],
        decisions=await with_handles(tx, await DecisionRepository(tx).of(row.id), "decided_by"),
        supplements=await with_handles(
            tx, await SupplementRepository(tx).of(row.id), "requested_by"
        ),
        applications=await history.applications(row.applicant_id, except_for=row.id),
        loans=await history.loans(row.applicant_id),
        devices=await DeviceRepository(tx).of(row.applicant_id),
        links=await history.shared(row.applicant_id),
        timeline=await with_handles(
            tx,
            await AuditRepository(tx).of(application_workflow(row.id), limit=_MOST_OF_TIMELINE),
            "actor",
        ),
        worklog=await with_handles(tx, await CaseLogRepository(tx).of(case_id), "actor"),
    )


async def _elements(
    tx: Transaction, opened: OpenedCase, unmasked: Mapping[MaskedField, datetime]
) -> list[GivenElement]:
    row = opened.application
    product = await product_of(tx, row)
    statuses = await ElementRepository(tx).latest(row.id)
    known = await ElementRepository(tx).among([status.element_id for status in statuses])
    shown = await progress_of(tx, statuses, product, for_staff=True)
    return [
        GivenElement(
            progress,
            shown_fields(
                known[progress.status.element_id].data.model_dump(
                    mode="python", exclude=set(_PICTURES | _NEVER_SHOWN), exclude_none=True
                ),
                unmasked,
                of_others=progress.status.kind in _OF_OTHERS,
            ),
        )
        for progress in shown
    ]


def shown_fields(
    given: Mapping[str, Any], unmasked: Mapping[MaskedField, datetime], *, of_others: bool = False
) -> dict[str, Any]:
    """Return what was given with its numbers masked, but for those fields that are `unmasked`.

    Numbers of other people are shown in full with the contacts.
    """
    shown: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, Mapping):
            shown[name] = shown_fields(value, unmasked, of_others=True)
        elif isinstance(value, (list, tuple)):
            shown[name] = [
                shown_fields(one, unmasked, of_others=True) if isinstance(one, Mapping) else one
                for one in value
            ]
        elif name in _MASKS and isinstance(value, str):
            field, head, tail = _MASKS[name]
            counts = MaskedField.CONTACTS if of_others else field
            shown[name] = (
                value if counts in unmasked else masked_number(value, head=head, tail=tail)
            )
        else:
            shown[name] = value
    return shown


def _masked_person(person: Personal, unmasked: Mapping[MaskedField, datetime]) -> Personal:
    def number(text: str | None, name: str) -> str | None:
        field, head, tail = _MASKS[name]
        if text is None or field in unmasked:
            return text
        return masked_number(text, head=head, tail=tail)

    return Personal(
        name=person.name,
        identity_number=number(person.identity_number, "identity_number"),
        mobile=number(person.mobile, "mobile"),
        bank_card=number(person.bank_card, "card_number"),
    )
