"""Definitions: what the business changes without a deployment.

A definition is a document of some kind (a product, a ladder, a table of caps) in numbered versions
of which one is in force. Each kind is one pydantic model and one check. Two classes: what is
**agreed** is given to a process when it starts, as a reference and a snapshot, and stays; what is
**in force** (caps, limits, calendars, lists) is read by whatever acts, at the moment it acts.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Generic, Protocol, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from domain.common.data import Data
from domain.common.errors import DomainError

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""The name of a definition among those of its kind."""


class UnknownDefinition(DomainError):
    """No definition of this kind and code is in force, or has this version."""


class DefinitionChanged(DomainError):
    """Somebody was faster: the newest version, or that in force, is another than was seen."""


class WrongDefinitionState(DomainError):
    """What was asked for does not fit how far the version has come."""


class SecondPersonNeeded(DomainError):
    """Whoever drafted a version cannot release it."""


class InvalidEffectiveFrom(DomainError):
    """Nothing comes into force in the past."""

    field: ClassVar[str] = "effective_from"


class DefinitionRef(Data):
    """One version of one definition, with the digest of its content; written `product/cash@7`."""

    kind: str
    code: str
    version: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.code}@{self.version}"


class Content(Data):
    """What every kind of definition is a model of: immutable, tolerant of what it does not know.

    A process that began under an older version of the model still reads its snapshot; that nothing
    unknown is drafted is the check's concern.
    """


ContentT = TypeVar("ContentT", bound=BaseModel)


class Agreed(Data, Generic[ContentT]):
    """A definition as a process was given it: which one, and what it says."""

    ref: DefinitionRef
    content: ContentT


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a draft: where (`terms.fees.0.amount`), why, and what would be right."""

    field: str
    message: str
    example: str = ""


class _WithFindings(DomainError):
    """A refusal that lists everything that is wrong at once."""

    code: ClassVar[str] = DomainError.code

    def __init__(self, message: str, findings: Sequence[Finding]) -> None:
        told = "; ".join(f"{one.field}: {one.message}" for one in findings[:3])
        more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
        super().__init__(f"{message}: {told}{more}")
        self.findings = tuple(findings)


class DefinitionInvalid(_WithFindings):
    """The content is not what its kind asks for."""


class DefinitionReferenced(_WithFindings):
    """Definitions in force would no longer be valid; findings name them: `product/cash: ladder`."""


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
        """Return everything that is wrong with a draft, nothing for one that may be released.

        Where a finding has no example, what is in force at its field is one.
        """
        current = others.find(self.name, code)
        return tuple(
            one if one.example else replace(one, example=_in_force_at(current, one.field))
            for one in self._found(content, others, code)
        )

    def _found(self, content: Mapping[str, Any], others: InForce, code: str) -> Iterable[Finding]:
        try:
            read = self.model.model_validate(content, extra="forbid")
        except ValidationError as error:
            return [_finding(one) for one in error.errors()]
        if self.named_by is not None and getattr(read, self.named_by) != code:
            return [Finding(self.named_by, "is not the code of the definition", code)]
        return self.check(read, others)


def canonical(content: BaseModel | Mapping[str, Any]) -> str:
    """Return the one text of a content: keys sorted, nothing that is not needed.

    A draft that is not what its kind asks for is a mapping still. Raises ValueError for what is no
    JSON, such as NaN.
    """
    return json.dumps(
        content.model_dump(mode="json") if isinstance(content, BaseModel) else dict(content),
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    )


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Difference:
    """What one version says at a place (`steps.3.days`) and another does not; None: nothing."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Yield where two contents, as JSON, differ, in the order of their fields.

    In a list what stands before and behind the difference is left out, so that one new step among
    others is one difference; what is between is compared place by place.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from differences(before.get(name), after.get(name), _joined(path, name))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, path)
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)


def _list_differences(before: list[Any], after: list[Any], path: str) -> Iterator[Difference]:
    shorter = min(len(before), len(after))
    first = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    behind = 0
    while behind < shorter - first and before[-1 - behind] == after[-1 - behind]:
        behind += 1
    gone, come = before[first : len(before) - behind], after[first : len(after) - behind]
    for at in range(max(len(gone), len(come))):
        was, will = gone[at : at + 1], come[at : at + 1]
        place = _joined(path, str(first + at))
        if was and will:
            yield from differences(was[0], will[0], place)
        else:
            yield Difference(place, was[0] if was else None, will[0] if will else None)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_MISSING: Final = "missing"
_EXAMPLE_LENGTH: Final = 200


def _finding(error: Any) -> Finding:
    field = ".".join(str(part) for part in error["loc"]) or "content"
    given = "" if error["type"] == _MISSING else f" (given: {error.get('input')!r:.80})"
    return Finding(field, f"{error['msg']}{given}")


def _in_force_at(current: BaseModel | None, field: str) -> str:
    """Return what is in force at a field, as JSON; empty where nothing is."""
    found: Any = {} if current is None else current.model_dump(mode="json")
    try:
        for part in field.split("."):
            found = found[int(part) if isinstance(found, list) else part]
    except (KeyError, IndexError, TypeError, ValueError):
        return ""
    return "" if found is None else json.dumps(found, ensure_ascii=False)[:_EXAMPLE_LENGTH]
