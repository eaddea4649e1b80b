"""Pictures and files of a case, for whoever holds it: marked with who looks at them and when."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.applications.files import PDF
from domain.common.errors import NotFound
from domain.people.principals import Principal
from domain.people.views import ViewKind
from domain.verification.elements import IdentityCard, Liveness
from domain.verification.watermarks import watermarked
from services.cases.claims import require_claim
from services.cases.viewing import open_case, record_view
from services.people.ownership import require_id
from storage.applications.documents import FileRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementRepository

_MARKERS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="watermarks")
"""A decoded picture takes up to 100 MB: so many at a time, however many look."""


@dataclass(frozen=True, repr=False)
class Shown:
    """What is sent: a marked picture, or a PDF as it was given."""

    media_type: str
    content: bytes


def picture_name(
    tx: Transaction, caller: Principal, case_id: str, element_id: str, place: str
) -> str:
    """Return the name of a picture for one reader of one case; nobody else can use or guess it."""
    told = "\x1f".join((case_id, caller.actor, element_id, place))
    return tx.blind_index.of("picture_name", told).hex()[:40]


async def show_picture(database: Database, caller: Principal, case_id: str, name: str) -> Shown:
    """Return a picture of a case that the caller holds, marked, and record the look.

    Raises `NotFound`, `CaseClosed`, `CaseClaimed`, `ClaimNeeded`, `ViewLimitReached` and
    `BadPicture`.
    """
    async with database.transaction() as tx:
        await require_claim(tx, case_id, caller)
        opened = await open_case(tx, caller, case_id)
        pictures = await ElementPictureRepository(tx).of_application(opened.application.id)
        known = {
            picture_name(tx, caller, case_id, one.element_id, one.place): one for one in pictures
        }
        if name not in known:
            raise NotFound("picture")
        picture = known[name]
        element = await ElementRepository(tx).get(picture.element_id)
        if element is None or not isinstance(element.data, IdentityCard | Liveness):
            raise NotFound("picture")
        content = element.data.pictures[picture.place]
        at = await record_view(
            tx,
            caller,
            opened,
            ViewKind.PICTURE,
            item=f"{picture.element_id}.{picture.place}",
            size=len(content),
        )
    return await _marked(content, caller, at)


async def show_file(database: Database, caller: Principal, case_id: str, file_id: str) -> Shown:
    """Return a file of a case that the caller holds, a picture marked, and record the look.

    Raises the same.
    """
    require_id(file_id, "fil", "file")
    async with database.transaction() as tx:
        await require_claim(tx, case_id, caller)
        opened = await open_case(tx, caller, case_id)
        found = await FileRepository(tx).content(opened.application.id, file_id)
        if found is None:
            raise NotFound("file")
        row, content = found
        at = await record_view(tx, caller, opened, ViewKind.FILE, item=file_id, size=len(content))
    if row.media_type == PDF:
        return Shown(PDF, content)
    return await _marked(content, caller, at)


async def _marked(content: bytes, caller: Principal, at: datetime) -> Shown:
    text = f"{caller.subject} {at:%Y-%m-%d %H:%M} UTC"
    loop = asyncio.get_running_loop()
    return Shown("image/jpeg", await loop.run_in_executor(_MARKERS, watermarked, content, text))
