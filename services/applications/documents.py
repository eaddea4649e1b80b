"""Giving documents that a reviewer asked for: sides of the card again, and further ones."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from domain.applications.application import ApplicationClosed
from domain.applications.documents import (
    PLACES,
    DocumentKind,
    DocumentNotAskedFor,
    DocumentsIncomplete,
)
from domain.applications.files import CheckedFile, FileRefused, checked_file
from domain.people.principals import Principal
from domain.verification.elements import ElementKind, IdentityCard
from domain.verification.pictures import MAX_BYTES, BadPicture, Picture, clean
from messages import ids
from messages.applications import ProvideElements
from runtime.clock import utc_now
from services.applications.elements import provide_elements
from services.applications.finding import find_application
from services.common.commands import Command
from storage.applications.applications import ApplicationRow
from storage.applications.documents import FileRepository, JudgementRepository, JudgementRow
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementRepository

_CHECKERS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="files")


@dataclass(frozen=True, repr=False)
class GivenDocument:
    """A document by the id under which it was asked for."""

    id: str
    content: bytes


@dataclass(frozen=True, repr=False)
class CheckedDocument:
    """The same checked: a picture of the card, or a file."""

    id: str
    content: bytes
    stored: Picture | CheckedFile


async def documents_asked_for(
    tx: Transaction, caller: Principal, application_id: str
) -> list[JudgementRow]:
    """Return the documents that an application waits for; raises `NotFound`."""
    row = await find_application(tx, caller, application_id)
    return [one for one in await JudgementRepository(tx).of(row.id) if one.is_open]


async def check_documents(
    database: Database, caller: Principal, application_id: str, given: Sequence[GivenDocument]
) -> list[CheckedDocument]:
    """Return what is stored of documents, made by threads.

    Raises `NotFound`, `DocumentNotAskedFor` (a face is given as an element), `FileRefused`, and
    `BadPicture`.
    """
    async with database.read() as tx:
        row = await find_application(tx, caller, application_id)
        known = {one.id: one for one in await JudgementRepository(tx).of(row.id)}
    checked = []
    for number, one in enumerate(given):
        asked = known.get(one.id)
        if asked is None:
            raise DocumentNotAskedFor(
                "nobody asked for this document", field=f"documents.{number}.id"
            )
        if asked.document is DocumentKind.LIVENESS:
            raise DocumentNotAskedFor(
                "a face is given as the element liveness, after its challenge",
                field=f"documents.{number}.id",
            )
        checked.append(
            await asyncio.get_running_loop().run_in_executor(
                _CHECKERS, _checked, one, asked, f"documents.{number}.content"
            )
        )
    return checked


def _checked(one: GivenDocument, asked: JudgementRow, field: str) -> CheckedDocument:
    if asked.document is DocumentKind.EXTRA:
        return CheckedDocument(one.id, one.content, checked_file(one.content, field))
    if len(one.content) > MAX_BYTES:
        raise FileRefused("the picture is too large: at most 2 MB", field=field)
    try:
        return CheckedDocument(one.id, one.content, clean(one.content))
    except BadPicture as error:
        raise BadPicture(error.fault, field, named=error.named) from None


async def give_documents(
    tx: Transaction,
    caller: Principal,
    command: Command,
    application_id: str,
    given: Sequence[CheckedDocument],
) -> tuple[ApplicationRow, ProvideElements | None]:
    """Store documents, and return the application and what to send to its process, if anything.

    Sides of the card make the next attempt at it, with the other side as it was. Raises `NotFound`,
    `ApplicationClosed`, `DocumentNotAskedFor`, `DocumentsIncomplete`, and what `provide_elements`
    raises.
    """
    row = await find_application(tx, caller, application_id)
    known = {one.id: one for one in await JudgementRepository(tx).of(row.id)}
    files, sides = [], {}
    for number, one in enumerate(given):
        asked = known[one.id]
        if isinstance(one.stored, CheckedFile):
            files.append((f"documents.{number}.id", one.id, asked, one.stored))
        else:
            sides[asked.document] = one
    if row.state.is_final:
        raise ApplicationClosed(f"the application is {row.state}")
    for field, judgement_id, asked, file in files:
        file_id = command.new_id("fil", judgement_id)
        is_new = await FileRepository(tx).add(
            file_id,
            row.id,
            asked.name or "",
            file,
            by=caller.actor,
            at=utc_now(),
            judgement_id=judgement_id,
        )
        if not is_new and not any(one.id == file_id for one in await FileRepository(tx).of(row.id)):
            raise DocumentNotAskedFor("this document has been given already", field=field)
    if files:
        await AuditRepository(tx).add_by(
            caller,
            "give_documents",
            ids.application_workflow(row.id),
            detail={"documents": [judgement_id for _, judgement_id, _, _ in files]},
            key=command.new_id("act", "give_documents"),
        )
    if not sides:
        return row, None
    card, pictures = await _card(tx, row.id, sides, known.values())
    return await provide_elements(
        tx, caller, command, row.id, (card,), {ElementKind.IDENTITY_CARD: pictures}
    )


async def _card(
    tx: Transaction,
    application_id: str,
    sides: Mapping[DocumentKind, CheckedDocument],
    judgements: Iterable[JudgementRow],
) -> tuple[IdentityCard, dict[str, Picture]]:
    """Return the card with new sides, and its pictures; a side that is kept stays the same one."""
    for one in judgements:
        if one.is_open and one.document in PLACES and one.document not in sides:
            raise DocumentsIncomplete(
                f"{one.document} is asked for too: send both sides together", field="documents"
            )
    newest = await ElementRepository(tx).newest(application_id, ElementKind.IDENTITY_CARD)
    assert newest is not None  # noqa: S101 -- what was judged was given
    assert isinstance(newest.data, IdentityCard)  # noqa: S101 -- as its kind says
    new = {PLACES[document]: one for document, one in sides.items()}
    kept = {place: content for place, content in newest.data.pictures.items() if place not in new}
    card = newest.data.with_pictures(kept | {place: one.content for place, one in new.items()})
    pictures: dict[str, Picture] = dict(await ElementPictureRepository(tx).stored(newest.id, kept))
    for place, side in new.items():
        assert isinstance(side.stored, Picture)  # noqa: S101 -- files are no sides of the card
        pictures[place] = side.stored
    return card, pictures
