"""Definitions: what the business changes without a deployment.

A definition is a document of some kind (a product, a ladder, a table of caps) in numbered versions
of which one is in force. Each kind is one pydantic model and one check. Two classes: what is
**agreed** is given to a process when it starts, as a reference and a snapshot, and stays; what is
**in force** (caps, limits, calendars, lists) is read by whatever acts, at the moment it acts.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from domain.common.errors import DomainError

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""The name of a definition among those of its kind."""


class UnknownDefinition(DomainError):
    """No definition of this kind and code is in force, or has this version."""

    code: ClassVar[str] = "unknown_definition"


class DefinitionRef(BaseModel):
    """One version of one definition, with the digest of its content; written `product/cash@7`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    code: str
    version: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.code}@{self.version}"


class Content(BaseModel):
    """What every kind of definition is a model of: immutable, tolerant of what it does not know.

    A process that began under an older version of the model still reads its snapshot; that nothing
    unknown is drafted is the check's concern.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


ContentT = TypeVar("ContentT", bound=BaseModel)


class Agreed(BaseModel, Generic[ContentT]):
    """A definition as a process was given it: which one, and what it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ref: DefinitionRef
    content: ContentT


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a draft: where (`terms.fees.0.amount`), why, and what would be right."""

    field: str
    message: str
    example: str = ""


class InForce(Protocol):
    """What else is in force while a draft is checked, for the references that it makes."""

    @property
    def on(self) -> date:
        """Return the day for which the draft is checked."""

    def find(self, kind: str, code: str) -> BaseModel | None:
        """Return the content in force of a definition, None if there is none."""


Check = Callable[[ContentT, InForce], Iterable[Finding]]


def no_findings(_: BaseModel, __: InForce) -> Iterable[Finding]:
    """Find nothing: for kinds whose model says all that can be said."""
    return ()


@dataclass(frozen=True, slots=True)
class Kind(Generic[ContentT]):
    """A kind of definition: its name, its model, and the check beyond the model.

    `named_by` is the field of the content that says the code once more, if there is one.
    """

    name: str
    model: type[ContentT]
    check: Check[ContentT] = no_findings
    named_by: str | None = None

    def read(self, text: str) -> ContentT:
        """Return the content that was stored; raises pydantic's ValidationError."""
        return self.model.model_validate_json(text)

    def agreed(self, code: str, version: int, content: ContentT) -> Agreed[ContentT]:
        """Return a content with its reference."""
        ref = DefinitionRef(
            kind=self.name, code=code, version=version, sha256=digest(canonical(content))
        )
        return Agreed[ContentT](ref=ref, content=content)

    def findings(
        self, content: Mapping[str, Any], others: InForce, code: str
    ) -> tuple[Finding, ...]:
        """Return everything that is wrong with a draft, nothing for one that may be released."""
        try:
            read = self.model.model_validate(content, extra="forbid")
        except ValidationError as error:
            return tuple(_finding(one) for one in error.errors())
        if self.named_by is not None and getattr(read, self.named_by) != code:
            return (Finding(self.named_by, "is not the code of the definition", code),)
        return tuple(self.check(read, others))


def canonical(content: BaseModel) -> str:
    """Return the one text of a content: keys sorted, nothing that is not needed."""
    return json.dumps(
        content.model_dump(mode="json"),
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )


def digest(text: str) -> str:
    """Return the SHA-256 of a canonical text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


_MISSING: Final = "missing"


def _finding(error: Any) -> Finding:
    field = ".".join(str(part) for part in error["loc"]) or "content"
    given = "" if error["type"] == _MISSING else f" (given: {error.get('input')!r:.80})"
    return Finding(field, f"{error['msg']}{given}")
