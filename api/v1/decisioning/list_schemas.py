"""Bodies and answers of lists and exemptions."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from api.http.schemas import Body, Reason, ResponseBody
from domain.common.calendar import Day
from domain.common.typed_text import Typed
from domain.decisioning.lists import Entry, InvalidKey, KeyKind, ListName, normal_key
from services.decisioning.lists import ExemptionCreate
from storage.decisioning.lists import ChangeAction, ChangeState, ListChangeRow

_Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Key = Annotated[str, Field(min_length=1, max_length=200)]
_Rule = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]


class ListEntryCreate(Body):
    """A key to be put on a list; it counts to the end of `expires_on`, or until it is removed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "mobile",
                    "key": "13800138000",
                    "reason": "fraud",
                    "source": "police notice",
                }
            ]
        }
    )

    kind: KeyKind
    key: _Key = Field(repr=False)
    reason: _Code
    source: Annotated[Typed, Field(min_length=1, max_length=100)]
    expires_on: Day | None = None

    def entry(self, number: int) -> Entry:
        """Return the entry; raises `InvalidKey`, which names the place in the list."""
        try:
            key = normal_key(self.kind, self.key)
        except InvalidKey as error:
            raise InvalidKey(error.message, field=f"entries.{number}.key") from None
        return Entry(
            kind=self.kind,
            key=key,
            reason=self.reason,
            source=self.source,
            expires_on=self.expires_on,
        )


class ListEntriesCreate(Body):
    """Keys to be put on a list, and why; another person confirms it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entries": [
                        {
                            "kind": "ip",
                            "key": "203.0.113.0/24",
                            "reason": "agent",
                            "source": "investigation 118",
                        }
                    ],
                    "reason": "forty applications in an hour",
                }
            ]
        }
    )

    entries: tuple[ListEntryCreate, ...] = Field(min_length=1, max_length=100)
    reason: Reason


class ListImport(Body):
    """A CSV file as text: `kind,key,reason,source,expires_on` in its first row."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "csv": "kind,key,reason,source,expires_on\nip,198.51.100.0/24,agent,police,\n",
                    "reason": "list of March",
                }
            ]
        }
    )

    csv: str = Field(min_length=1, max_length=500_000, repr=False)
    reason: Reason


class ListRemoval(Body):
    """Entries to be taken from a list, and why; another person confirms it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"entry_ids": ["lst_06gv3x6s2k9m4t8q1w5z7b0c3d"], "reason": "listed by mistake"}
            ]
        }
    )

    entry_ids: tuple[Annotated[str, Field(max_length=40)], ...] = Field(
        min_length=1, max_length=100
    )
    reason: Reason


class ListSearch(Body):
    """A key to be looked for; it is not stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "mobile", "key": "13800138000"}]}
    )

    kind: KeyKind
    key: _Key = Field(repr=False)


class ListChangeResponse(ResponseBody):
    """A change that one person proposed, and what another made of it."""

    id: str
    action: ChangeAction
    list: ListName | None
    reason: str
    entries: int
    state: ChangeState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, row: ListChangeRow) -> Self:
        """Return the answer for a change."""
        return cls.model_validate(row)


class ListEntryResponse(ResponseBody):
    """An entry with its key masked; one that does not `stand` counts no more, or not yet."""

    id: str
    change_id: str
    list: ListName
    key_kind: KeyKind
    shown: str
    reason: str
    source: str
    expires_on: date | None
    added_at: datetime
    stands: bool


class ExemptionBody(Body):
    """From which rule a customer is to be exempt, both days included, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rule": "multi_head",
                    "first_day": "2027-03-01",
                    "last_day": "2027-03-31",
                    "reason": "moved houses, asked four banks",
                }
            ]
        },
    )

    rule: _Rule
    first_day: Day
    last_day: Day
    reason: Reason

    def exemption(self) -> ExemptionCreate:
        """Return what is proposed."""
        return ExemptionCreate(self.rule, self.first_day, self.last_day)


class ExemptionEnd(Body):
    """Why an exemption is to end now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "the customer has moved away"}]}
    )

    reason: Reason


class ExemptionResponse(ResponseBody):
    """An exemption; it counts when it is confirmed, `lasts`, and the day lies within."""

    id: str
    rule: str
    first_day: date
    last_day: date
    state: ChangeState
    lasts: bool
    reason: str
    proposed_by: str
    decided_by: str | None
