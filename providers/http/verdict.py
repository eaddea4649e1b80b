"""What data sources answer: the three-valued verdict, and what an answer amounts to."""

from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from providers.http.wire import UNSPECIFIED, CodeText, Received

MAX_REASONS: Final = 16


class Verdict(StrEnum):
    """What a provider found. `UNAVAILABLE` (it cannot say) is never taken for a pass."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Assessment:
    """What a response amounts to: its verdict, the code of a reason if it has one.

    One that `is_conclusive` is handed back; any other is taken for the source's inability to say.
    One that is `cacheable` may answer an equal request again.
    """

    verdict: Verdict
    code: str | None
    is_conclusive: bool
    cacheable: bool = True

    @property
    def counted_as(self) -> str:
        """The outcome in the metrics, where a report that is not ready is no failure."""
        pending = self.is_conclusive and self.verdict is Verdict.UNAVAILABLE
        return "pending" if pending else self.verdict.value


class AssessableResponse(Received):
    """A data source's response, which says itself what it amounts to."""

    @property
    @abstractmethod
    def assessment(self) -> Assessment:
        """Return what this response amounts to."""


class VerificationResponse(AssessableResponse):
    """A verification's verdict; anything but a match has at least one reason, a match none.

    A verdict that is not one of the three is no response: the source is asked again. The fields of
    `given_with_match` come with a match, and are not looked at with anything else.
    """

    given_with_match: ClassVar[tuple[str, ...]] = ()

    verdict: Verdict
    reasons: Annotated[tuple[CodeText, ...], Field(max_length=MAX_REASONS)] = ()

    @model_validator(mode="before")
    @classmethod
    def _reasons_explain_the_verdict(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("verdict") == Verdict.MATCH:
            return data
        reasons = data.get("reasons")
        given = [one for one in reasons if one] if isinstance(reasons, list | tuple) else [reasons]
        kept = {name: value for name, value in data.items() if name not in cls.given_with_match}
        return kept | {"reasons": [one for one in given if one][:MAX_REASONS] or [UNSPECIFIED]}

    @model_validator(mode="after")
    def _a_match_is_whole(self) -> Self:
        if self.passed and self.reasons:
            raise ValueError("a match that gives reasons contradicts itself")
        if self.passed and any(getattr(self, name) is None for name in self.given_with_match):
            raise ValueError("a match lacks what comes with one")
        return self

    @property
    def passed(self) -> bool:
        """Whether the provider confirmed what was asked."""
        return self.verdict is Verdict.MATCH

    @property
    def assessment(self) -> Assessment:
        """A match or a mismatch is conclusive."""
        code = self.reasons[0] if self.reasons else None
        return Assessment(self.verdict, code, is_conclusive=self.verdict is not Verdict.UNAVAILABLE)
