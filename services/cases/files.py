"""Files that staff put into a case."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from domain.applications.documents import TooManyDocuments
from domain.applications.files import MAX_FILES, CheckedFile, checked_file
from domain.people.principals import Principal
from messages.ids import application_workflow
from runtime.clock import utc_now
from services.cases.claims import require_claim
from services.common.commands import Command
from storage.applications.documents import FileRepository
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction

_CHECKERS: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="attachments")


async def check_file(content: bytes) -> CheckedFile:
    """Return what is stored of a file, made by a thread; raises `FileRefused`."""
    return await asyncio.get_running_loop().run_in_executor(_CHECKERS, checked_file, content)


async def attach_file(
    tx: Transaction,
    caller: Principal,
    command: Command,
    case_id: str,
    name: str,
    file: CheckedFile,
) -> str:
    """Put a file into a case that the caller holds, and return its id.

    Raises what `require_claim` raises, and `TooManyDocuments`.
    """
    case = await require_claim(tx, case_id, caller)
    file_id = command.new_id("fil", "attached")
    if len(await FileRepository(tx).of(case.subject)) >= MAX_FILES:
        raise TooManyDocuments(f"an application has {MAX_FILES} files at most")
    await FileRepository(tx).add(file_id, case.subject, name, file, by=caller.actor, at=utc_now())
    await AuditRepository(tx).add_by(
        caller,
        "attach_file",
        application_workflow(case.subject),
        detail={"file": file_id, "media_type": file.media_type, "bytes": len(file.content)},
        key=command.new_id("act", "attach_file"),
    )
    return file_id
