"""The three-valued answer of a verification."""

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


class Answer(Wire):
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
