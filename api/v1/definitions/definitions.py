"""Definitions: read, draft, check, release, roll back, retire."""

import inspect
from typing import Annotated

from fastapi import Query, Response

from api.http.answers import created
from api.http.auth import Caller
from api.http.idempotency import Keyed
from api.http.pagination import Paged
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.schemas import Page
from api.http.services import Using
from api.v1.definitions.schemas import (
    Because,
    CodeName,
    DefinitionAnswer,
    DefinitionCheck,
    DefinitionDraft,
    DefinitionRelease,
    DefinitionRollback,
    DefinitionSummary,
    DifferenceAnswer,
    HistoryEntry,
    KindAnswer,
    KindName,
    KindSummary,
    ReleaseAnswer,
    Version,
    VersionAnswer,
    VersionSummary,
)
from services.definitions import drafting, reading, releasing
from storage.definitions import DefinitionState

router = authorised_router("/definitions", "definitions")


@router.get("/kinds", summary="The kinds of definitions")
async def kinds(caller: Caller, services: Using) -> Page[KindSummary]:
    """Return what the business can change without a deployment."""
    async with services.database.read() as tx:
        known = sorted(tx.definitions.kinds.items())
    items = [
        KindSummary(name=name, description=inspect.getdoc(kind.model) or "") for name, kind in known
    ]
    return Page(items=items, next=None)


@router.get("/kinds/{kind}", summary="The form of a kind")
async def kind_form(kind: KindName, caller: Caller, services: Using) -> KindAnswer:
    """Return the JSON schema of the contents, and one that is in force as an example."""
    async with services.database.read() as tx:
        found = await reading.describe_kind(tx, kind)
    return KindAnswer(name=found.name, json_schema=found.schema, example=found.example)


@router.get("", summary="List definitions")
async def list_definitions(
    caller: Caller,
    services: Using,
    page: Paged,
    kind: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = None,
    state: DefinitionState | None = None,
) -> Page[DefinitionSummary]:
    """Return definitions by their newest version; with `state` those with a version in it."""
    async with services.database.snapshot() as tx:
        found = await reading.list_definitions(tx, page.after, page.limit, kind=kind, state=state)
    return Page(
        items=[DefinitionSummary.of(one) for one in found],
        next=page.next_cursor([one.newest for one in found], "drafted_at"),
    )


@router.get("/{kind}/{code}", summary="Read a definition")
async def show(kind: KindName, code: CodeName, caller: Caller, services: Using) -> DefinitionAnswer:
    """Return what is in force, what is to come, the versions and the releases."""
    async with services.database.snapshot() as tx:
        return DefinitionAnswer.of(await reading.show(tx, kind, code))


@router.get("/{kind}/{code}/versions", summary="List the versions of a definition")
async def versions(
    kind: KindName, code: CodeName, caller: Caller, services: Using
) -> Page[VersionSummary]:
    """Return them without their contents, the newest first."""
    async with services.database.read() as tx:
        found = await reading.list_versions(tx, kind, code)
    return Page(items=[VersionSummary.model_validate(row) for row in found], next=None)


@router.get("/{kind}/{code}/versions/{version}", summary="Read a version")
async def version_of(
    kind: KindName, code: CodeName, version: Version, caller: Caller, services: Using
) -> VersionAnswer:
    """Return a version with its content."""
    async with services.database.read() as tx:
        row = await reading.read_version(tx, kind, code, version)
    return VersionAnswer.of(row)


@router.get("/{kind}/{code}/diff", summary="Compare two versions")
async def diff(
    kind: KindName,
    code: CodeName,
    before: Annotated[int, Query(ge=1, le=2**31 - 1)],
    after: Annotated[int, Query(ge=1, le=2**31 - 1)],
    caller: Caller,
    services: Using,
) -> Page[DifferenceAnswer]:
    """Return what they say differently, field by field."""
    async with services.database.read() as tx:
        found = await reading.diff(tx, kind, code, before, after)
    return Page(items=[DifferenceAnswer.model_validate(one) for one in found], next=None)


@router.get("/{kind}/{code}/history", summary="Who did what to a definition")
async def history(
    kind: KindName, code: CodeName, caller: Caller, services: Using, page: Paged
) -> Page[HistoryEntry]:
    """Return the audit trail of a definition, the oldest entry first."""
    async with services.database.read() as tx:
        found = await reading.history(tx, kind, code, page.after_number(), page.limit)
    return Page(
        items=[HistoryEntry.of(row) for row in found], next=page.next_cursor(found, "recorded_at")
    )


@router.post(
    "/{kind}/{code}/drafts", status_code=201, responses=COMMAND_PROBLEMS, summary="Draft a version"
)
async def draft(
    kind: KindName,
    code: CodeName,
    body: DefinitionDraft,
    caller: Caller,
    command: Keyed,
    services: Using,
    response: Response,
) -> VersionAnswer:
    """Keep the next version, with what is wrong with it. 409 `definition_changed` by `base`."""
    async with services.database.transaction() as tx:
        drafted = await drafting.draft(
            tx, caller, kind, code, body.content, note=body.note, base=body.base
        )
        [row] = await reading.named_versions(tx, [drafted.row])
    created(response, f"/v1/definitions/{kind}/{code}/versions/{row.version}")
    return VersionAnswer.of(row, drafted.findings)


@router.post(
    "/{kind}/{code}/versions/{version}/check", responses=COMMAND_PROBLEMS, summary="Check a version"
)
async def check(
    kind: KindName,
    code: CodeName,
    version: Version,
    body: DefinitionCheck,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> VersionAnswer:
    """Find a draft in order, or answer 422 `definition_invalid` with everything that is wrong."""
    async with services.database.transaction() as tx:
        row = await drafting.check(tx, caller, kind, code, version, at=body.effective_from)
        [row] = await reading.named_versions(tx, [row])
    return VersionAnswer.of(row)


@router.post(
    "/{kind}/{code}/versions/{version}/release",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Release a version",
)
async def release(
    kind: KindName,
    code: CodeName,
    version: Version,
    body: DefinitionRelease,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> ReleaseAnswer:
    """Bring a checked version into force. 409 `second_person_needed` for who drafted it."""
    await releasing.authorise_release(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        row = await releasing.release(
            tx, caller, kind, code, version, reason=body.reason, effective_from=body.effective_from
        )
        [row] = await reading.named_releases(tx, [row])
    return ReleaseAnswer.of(row)


@router.post(
    "/{kind}/{code}/versions/{version}/withdraw",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Take a scheduled release back",
)
async def withdraw(
    kind: KindName,
    code: CodeName,
    version: Version,
    body: Because,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> ReleaseAnswer:
    """Keep a released version from coming into force, before it does."""
    await releasing.authorise_release(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        row = await releasing.withdraw(tx, caller, kind, code, version, reason=body.reason)
        [row] = await reading.named_releases(tx, [row])
    return ReleaseAnswer.of(row)


@router.post(
    "/{kind}/{code}/rollback",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Go back to an earlier version",
)
async def rollback(
    kind: KindName,
    code: CodeName,
    body: DefinitionRollback,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> ReleaseAnswer:
    """Put an earlier version into force at once; scheduled releases do not come."""
    await releasing.authorise_release(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        row = await releasing.rollback(
            tx, caller, kind, code, leaving=body.leaving, to=body.to, reason=body.reason
        )
        [row] = await reading.named_releases(tx, [row])
    return ReleaseAnswer.of(row)


@router.post(
    "/{kind}/{code}/versions/{version}/retire",
    responses=COMMAND_PROBLEMS,
    summary="Retire a version",
)
async def retire_version(
    kind: KindName,
    code: CodeName,
    version: Version,
    body: Because,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> Page[VersionSummary]:
    """Say that a version is not to be used again; nothing is in force by it, or to come."""
    await releasing.authorise_release(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        rows = await releasing.retire(tx, caller, kind, code, version, reason=body.reason)
        rows = await reading.named_versions(tx, rows)
    return Page(items=[VersionSummary.model_validate(row) for row in rows], next=None)


@router.post(
    "/{kind}/{code}/retire", responses=COMMAND_PROBLEMS, summary="Retire a whole definition"
)
async def retire(
    kind: KindName, code: CodeName, body: Because, caller: Caller, command: Keyed, services: Using
) -> Page[VersionSummary]:
    """Say that no version of a definition is to be used again; none is in force, or to come."""
    await releasing.authorise_release(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        rows = await releasing.retire(tx, caller, kind, code, reason=body.reason)
        rows = await reading.named_versions(tx, rows)
    return Page(items=[VersionSummary.model_validate(row) for row in rows], next=None)
