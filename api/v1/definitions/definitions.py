"""Definitions: read, draft, check, release, roll back, retire."""

import inspect
from typing import Annotated

from fastapi import Query

from api.http.calls import Called, Commanded
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page, whole
from api.v1.definitions.schemas import (
    Because,
    CodeName,
    DefinitionCheck,
    DefinitionDraft,
    DefinitionRelease,
    DefinitionResponse,
    DefinitionRollback,
    DefinitionSummary,
    DifferenceResponse,
    HistoryEntry,
    KindName,
    KindResponse,
    KindSummary,
    ReleaseResponse,
    Version,
    VersionResponse,
    VersionSummary,
)
from services.definitions import drafting, reading, releasing
from storage.definitions import DefinitionState

router = authorised_router("/definitions", "definitions")


@router.get("/kinds", summary="The kinds of definitions")
async def kinds(call: Called) -> Page[KindSummary]:
    """Return what the business can change without a deployment."""
    async with call.database.read() as tx:
        known = sorted(tx.definitions.kinds.items())
    items = [
        KindSummary(name=name, description=inspect.getdoc(kind.model) or "") for name, kind in known
    ]
    return Page(items=items, next=None)


@router.get("/kinds/{kind}", summary="The form of a kind")
async def kind_form(kind: KindName, call: Called) -> KindResponse:
    """Return the JSON schema of the contents, and one that is in force as an example."""
    async with call.database.read() as tx:
        found = await reading.describe_kind(tx, kind)
    return KindResponse(name=found.name, json_schema=found.schema, example=found.example)


@router.get("", summary="List definitions")
async def list_definitions(
    call: Called,
    page: Paged,
    kind: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = None,
    state: DefinitionState | None = None,
) -> Page[DefinitionSummary]:
    """Return definitions by their newest version; with `state` those with a version in it."""
    async with call.database.snapshot() as tx:
        found = await reading.list_definitions(tx, page.after, page.limit, kind=kind, state=state)
    return Page(
        items=[DefinitionSummary.of(one) for one in found],
        next=page.next_cursor([one.newest for one in found], "drafted_at"),
    )


@router.get("/{kind}/{code}", summary="Read a definition")
async def show(kind: KindName, code: CodeName, call: Called) -> DefinitionResponse:
    """Return what is in force, what is to come, the versions and the releases."""
    async with call.database.snapshot() as tx:
        return DefinitionResponse.model_validate(await reading.show(tx, kind, code))


@router.get("/{kind}/{code}/versions", summary="List the versions of a definition")
async def versions(kind: KindName, code: CodeName, call: Called) -> Page[VersionSummary]:
    """Return them without their contents, the newest first."""
    async with call.database.read() as tx:
        found = await reading.list_versions(tx, kind, code)
    return whole(VersionSummary, found)


@router.get("/{kind}/{code}/versions/{version}", summary="Read a version")
async def version_of(
    kind: KindName, code: CodeName, version: Version, call: Called
) -> VersionResponse:
    """Return a version with its content."""
    async with call.database.read() as tx:
        row = await reading.read_version(tx, kind, code, version)
    return VersionResponse.of(row)


@router.get("/{kind}/{code}/diff", summary="Compare two versions")
async def diff(
    kind: KindName,
    code: CodeName,
    before: Annotated[int, Query(ge=1, le=2**31 - 1)],
    after: Annotated[int, Query(ge=1, le=2**31 - 1)],
    call: Called,
) -> Page[DifferenceResponse]:
    """Return what they say differently, field by field."""
    async with call.database.read() as tx:
        found = await reading.diff(tx, kind, code, before, after)
    return whole(DifferenceResponse, found)


@router.get("/{kind}/{code}/history", summary="Who did what to a definition")
async def history(kind: KindName, code: CodeName, call: Called, page: Paged) -> Page[HistoryEntry]:
    """Return the audit trail of a definition, the oldest entry first."""
    async with call.database.read() as tx:
        found = await reading.history(tx, kind, code, page.after_number(), page.limit)
    return page.of(HistoryEntry, found, "recorded_at")


@router.post("/{kind}/{code}/drafts", status_code=201, summary="Draft a version")
async def draft(
    kind: KindName, code: CodeName, body: DefinitionDraft, call: Commanded
) -> VersionResponse:
    """Keep the next version, with what is wrong with it. 409 `definition_changed` by `base`."""
    async with call.database.transaction() as tx:
        drafted = await drafting.draft(
            tx, call.caller, kind, code, body.content, note=body.note, base=body.base
        )
        [row] = await reading.named_versions(tx, [drafted.row])
    call.created(f"/v1/definitions/{kind}/{code}/versions/{row.version}")
    return VersionResponse.of(row, drafted.findings)


@router.post("/{kind}/{code}/versions/{version}/check", summary="Check a version")
async def check(
    kind: KindName, code: CodeName, version: Version, body: DefinitionCheck, call: Commanded
) -> VersionResponse:
    """Find a draft in order, or answer 422 `definition_invalid` with everything that is wrong."""
    async with call.database.transaction() as tx:
        row = await drafting.check(tx, call.caller, kind, code, version, at=body.effective_from)
        [row] = await reading.named_versions(tx, [row])
    return VersionResponse.of(row)


@router.post(
    "/{kind}/{code}/versions/{version}/release", status_code=201, summary="Release a version"
)
async def release(
    kind: KindName, code: CodeName, version: Version, body: DefinitionRelease, call: Commanded
) -> ReleaseResponse:
    """Bring a checked version into force. 409 `second_person_needed` for who drafted it."""
    await releasing.authorise_release(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await releasing.release(
            tx,
            call.caller,
            kind,
            code,
            version,
            reason=body.reason,
            effective_from=body.effective_from,
        )
        [row] = await reading.named_releases(tx, [row])
    return ReleaseResponse.model_validate(row)


@router.post(
    "/{kind}/{code}/versions/{version}/withdraw",
    status_code=201,
    summary="Take a scheduled release back",
)
async def withdraw(
    kind: KindName, code: CodeName, version: Version, body: Because, call: Commanded
) -> ReleaseResponse:
    """Keep a released version from coming into force, before it does."""
    await releasing.authorise_release(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await releasing.withdraw(tx, call.caller, kind, code, version, reason=body.reason)
        [row] = await reading.named_releases(tx, [row])
    return ReleaseResponse.model_validate(row)


@router.post("/{kind}/{code}/rollback", status_code=201, summary="Go back to an earlier version")
async def rollback(
    kind: KindName, code: CodeName, body: DefinitionRollback, call: Commanded
) -> ReleaseResponse:
    """Put an earlier version into force at once; scheduled releases do not come."""
    await releasing.authorise_release(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await releasing.rollback(
            tx, call.caller, kind, code, leaving=body.leaving, to=body.to, reason=body.reason
        )
        [row] = await reading.named_releases(tx, [row])
    return ReleaseResponse.model_validate(row)


@router.post("/{kind}/{code}/versions/{version}/retire", summary="Retire a version")
async def retire_version(
    kind: KindName, code: CodeName, version: Version, body: Because, call: Commanded
) -> Page[VersionSummary]:
    """Say that a version is not to be used again; nothing is in force by it, or to come."""
    await releasing.authorise_release(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        rows = await releasing.retire(tx, call.caller, kind, code, version, reason=body.reason)
        rows = await reading.named_versions(tx, rows)
    return whole(VersionSummary, rows)


@router.post("/{kind}/{code}/retire", summary="Retire a whole definition")
async def retire(
    kind: KindName, code: CodeName, body: Because, call: Commanded
) -> Page[VersionSummary]:
    """Say that no version of a definition is to be used again; none is in force, or to come."""
    await releasing.authorise_release(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        rows = await releasing.retire(tx, call.caller, kind, code, reason=body.reason)
        rows = await reading.named_versions(tx, rows)
    return whole(VersionSummary, rows)
