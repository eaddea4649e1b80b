"""What data sources answer: the three-valued verdict, and what an answer amounts to."""

from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from providers.http.wire import Wire

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]
"""A code such as `image_blurred`. Letters only, so that no number of a person fits in one."""


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


class AssessableResponse(Wire):
    """A data source's response, which says itself what it amounts to."""

    @property
    @abstractmethod
    def assessment(self) -> Assessment:
        """Return what this response amounts to."""


class VerificationResponse(AssessableResponse):
    """A verification's verdict; anything but a match gives at least one reason, a match none."""

    verdict: Annotated[Verdict, Field(strict=False)]
    reasons: Annotated[tuple[ReasonCode, ...], Field(strict=False, max_length=16)] = ()

    @model_validator(mode="after")
    def _reasons_explain_the_verdict(self) -> Self:
        if (self.verdict is Verdict.MATCH) == bool(self.reasons):
            raise ValueError("reasons are given exactly when the verdict is not a match")
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
