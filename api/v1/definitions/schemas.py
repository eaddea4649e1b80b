"""What is said about definitions and suspensions, and what is asked of them."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from api.http.schemas import Body, ResponseBody
from domain.common.definitions import Finding
from domain.common.suspensions import Suspendable
from services.definitions.reading import Overview
from storage.definitions import DefinitionRow, DefinitionState

_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:", re.ASCII)

KindName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
CodeName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
SuspendableName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    Field(description="goes to the audit trail; no personal data"),
]


def _only_an_instant(given: object) -> object:
    """Refuse what pydantic would take for an instant besides: a number of seconds, a day."""
    if not isinstance(given, str) or not _INSTANT.match(given):
        raise ValueError("must be an instant such as 2026-04-01T00:00:00+08:00")
    return given


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far away") from None


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_only_an_instant),
    AfterValidator(_in_utc),
    Field(description="an instant with its offset", examples=["2026-04-01T00:00:00+08:00"]),
]


def _example(**fields: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class DefinitionDraft(Body):
    """The content of the next version."""

    model_config = _example(
        content={"name": "Cash loan"}, note="cheaper from April on, ticket 118", base=6
    )

    content: dict[str, JsonValue] = Field(description="as the schema of the kind says")
    note: str = Field(max_length=500, description="what changes and why; no personal data")
    base: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=2**31 - 1,
        description="the newest version that was seen, 0 for none: refused if there is another",
    )


class DefinitionCheck(Body):
    """Against what is checked."""

    model_config = _example(effective_from=None)

    effective_from: Instant | None = Field(
        default=None, description="against what will be in force then; now without one"
    )


class DefinitionRelease(Body):
    """From when a version is in force, and why."""

    model_config = _example(reason="approved by the product board on 2026-03-20")

    reason: Reason
    effective_from: Instant | None = Field(default=None, description="at once without one")


class DefinitionRollback(Body):
    """What is left, and for which version."""

    model_config = _example(leaving=7, reason="the fee was ten times too high")

    leaving: int = Field(
        strict=True, ge=1, le=2**31 - 1, description="the version that is in force now"
    )
    to: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=2**31 - 1,
        description="one that was in force once; what was in force before without one",
    )
    reason: Reason


class Because(Body):
    """Why."""

    model_config = _example(reason="replaced by the new funder's terms")

    reason: Reason


class FindingResponse(ResponseBody):
    """What is wrong with a draft, where, and what would be right."""

    field: str
    message: str
    example: str


class ReleaseResponse(ResponseBody):
    """That a version comes into force, or that this was taken back."""

    version: int
    action: Literal["release", "rollback", "withdraw"]
    effective_from: datetime
    reason: str
    released_by: str
    recorded_at: datetime


class VersionSummary(ResponseBody):
    """A version without its content."""

    kind: str
    code: str
    version: int
    state: DefinitionState
    sha256: str
    note: str
    drafted_by: str
    drafted_at: datetime
    checked_by: str | None
    checked_at: datetime | None


class VersionResponse(VersionSummary):
    """A version; a draft comes with what is wrong with it."""

    content: dict[str, Any]
    findings: list[FindingResponse] = Field(default_factory=list)

    @classmethod
    def of(cls, row: DefinitionRow, findings: tuple[Finding, ...] = ()) -> "VersionResponse":
        """Return a version as callers see it."""
        return cls(
            **row.model_dump(exclude={"content"}),
            content=json.loads(row.content),
            findings=[FindingResponse.model_validate(one) for one in findings],
        )


class DefinitionSummary(ResponseBody):
    """A definition in a list."""

    kind: str
    code: str
    in_force: int | None = Field(description="the version, null if none is")
    effective_from: datetime | None
    next_version: int | None = Field(description="what is in force next, by release")
    next_from: datetime | None
    newest: int
    state: DefinitionState = Field(description="of the newest version")
    drafted_by: str
    drafted_at: datetime

    @classmethod
    def of(cls, overview: Overview) -> "DefinitionSummary":
        """Return a definition as a list shows it."""
        newest, in_force = overview.newest, overview.in_force
        to_come = overview.scheduled[0] if overview.scheduled else None
        return cls(
            kind=newest.kind,
            code=newest.code,
            in_force=in_force.version if in_force else None,
            effective_from=in_force.effective_from if in_force else None,
            next_version=to_come.version if to_come else None,
            next_from=to_come.effective_from if to_come else None,
            newest=newest.version,
            state=newest.state,
            drafted_by=newest.drafted_by,
            drafted_at=newest.drafted_at,
        )


class DefinitionResponse(ResponseBody):
    """A definition: what is in force, what is to come, and how it came so far."""

    kind: str
    code: str
    in_force: ReleaseResponse | None
    content: dict[str, Any] | None = Field(description="of what is in force")
    scheduled: list[ReleaseResponse]
    versions: list[VersionSummary] = Field(description="the newest first")
    releases: list[ReleaseResponse] = Field(description="the newest first")


class DifferenceResponse(ResponseBody):
    """What two versions say at a place; null: nothing."""

    path: str
    before: Any
    after: Any


class HistoryEntry(ResponseBody):
    """Who did what to a definition."""

    actor: str
    role: str
    action: str
    outcome: str
    detail: dict[str, Any]
    recorded_at: datetime


class KindSummary(ResponseBody):
    """A kind of definition, and what its contents are."""

    name: str
    description: str


class KindResponse(ResponseBody):
    """A kind: the JSON schema of its contents, and a content that is in force, null without one."""

    name: str
    json_schema: dict[str, Any]
    example: dict[str, Any] | None


class SuspensionResponse(ResponseBody):
    """That something is switched off, and by whom it was switched on again."""

    kind: Suspendable
    code: str
    reason: str
    suspended_by: str
    suspended_at: datetime
    lift_reason: str | None
    lifted_by: str | None
    lifted_at: datetime | None
