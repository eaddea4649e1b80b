"""What other lenders know of a person: credit bureaus, the blacklist, multi-lender exposure.

Several bureaus speak one contract under a name each; `domain.decisioning.bureau_merge` merges what
they say.
"""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from providers.http.verdict import Assessment, Verdict, VerificationResponse
from providers.http.wire import UNSPECIFIED, CodeText
from providers.verification.factors import ThreeFactorRequest

Count = Annotated[int, Field(ge=0, le=100_000)]

_NO_FILE = "no_file"


class BureauReport(VerificationResponse):
    """A match is a file that was found; its four facts come with it and only with it.

    `score` runs from 300 (worst) to 1000. `overdue_history` counts overdue instalments reported in
    two years, `lenders_queried_30d` the distinct lenders that asked about the person in 30 days.
    Reasons: `identity_mismatch`, `no_file` (unavailable), `source_maintenance` (unavailable).
    """

    given_with_match = ("score", "overdue_history", "lenders_queried_30d", "blacklisted")

    score: Annotated[int, Field(ge=300, le=1000)] | None = None
    overdue_history: Count | None = None
    lenders_queried_30d: Count | None = None
    blacklisted: bool | None = None

    @property
    def assessment(self) -> Assessment:
        """A person without a file will not get one by asking again; anything else may pass."""
        code = self.reasons[0] if self.reasons else None
        conclusive = self.verdict is not Verdict.UNAVAILABLE or _NO_FILE in self.reasons
        return Assessment(self.verdict, code, is_conclusive=conclusive)


class BureauRequest(ThreeFactorRequest[BureauReport]):
    """Ask a credit bureau for a person's file."""

    capability = Capability.BUREAU
    operation = "score"


class BlacklistReport(VerificationResponse):
    """A match is a list that was searched for this person: `listed` comes with it and only with it.

    A listed person has at least one category, such as `court_enforcement`, `fraud`, `overdue` or
    `collusion`. Reasons: `identity_mismatch`; `source_maintenance`
    (unavailable).
    """

    given_with_match = ("listed",)

    listed: bool | None = None
    categories: Annotated[tuple[CodeText, ...], Field(max_length=16)] = ()

    @model_validator(mode="before")
    @classmethod
    def _an_entry_has_categories(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("categories") and data.get("listed") is True:
            return data | {"categories": [UNSPECIFIED]}
        return data

    @model_validator(mode="after")
    def _categories_come_with_an_entry(self) -> Self:
        if self.passed and bool(self.categories) != bool(self.listed):
            raise ValueError("who is not listed is under no category")
        return self


class BlacklistRequest(ThreeFactorRequest[BlacklistReport]):
    """Ask whether a person is on a list that lenders share."""

    capability = Capability.BLACKLIST
    operation = "check"


class MultiLenderReport(VerificationResponse):
    """A match is a person whom the source could look up; the five counts come with it and only so.

    `lenders_queried_*` count distinct lenders that asked about the person in so many days,
    `unsettled_loans` those open now, `new_loans_30d` those disbursed in 30 days. A person without
    an entry is a match with zeros. Reasons: `identity_mismatch`; `source_maintenance`
    (unavailable).
    """

    given_with_match = (
        "lenders_queried_7d",
        "lenders_queried_30d",
        "lenders_queried_90d",
        "unsettled_loans",
        "new_loans_30d",
    )

    lenders_queried_7d: Count | None = None
    lenders_queried_30d: Count | None = None
    lenders_queried_90d: Count | None = None
    unsettled_loans: Count | None = None
    new_loans_30d: Count | None = None

    @model_validator(mode="after")
    def _longer_windows_hold_more(self) -> Self:
        windows = (self.lenders_queried_7d, self.lenders_queried_30d, self.lenders_queried_90d)
        queried = [count for count in windows if count is not None]
        if queried != sorted(queried):
            raise ValueError("a longer window holds at least the lenders of a shorter one")
        return self

    def facts(self) -> dict[str, object]:
        """Return what a decision may read, nothing without a match."""
        return self.model_dump(exclude={"verdict", "reasons"}) if self.passed else {}


class MultiLenderRequest(ThreeFactorRequest[MultiLenderReport]):
    """Ask how many lenders a person turned to, and what is still owed."""

    capability = Capability.MULTI_LENDER
    operation = "query"
