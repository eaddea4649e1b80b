"""Reject codes: why an application is refused, for how long, and what the applicant is told.

The table is a definition in force: whoever rejects reads it at that moment. A code is for staff;
the applicant is told its category, since the code would teach how to get round a rule.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final, Literal

from pydantic import Field

from domain.common.definitions import Content, Finding, InForce, Kind

AGE: Final = "R02"
LISTED: Final = "R05"
LOW_SCORE: Final = "R08"
REVIEWED: Final = "R13"
PENDING_APPLICATION: Final = "R14"

USED: Final[Mapping[str, str]] = {
    AGE: "the rule of age",
    LISTED: "the rules of lists",
    LOW_SCORE: "the rules of scores",
    REVIEWED: "a reviewer who rejects",
    PENDING_APPLICATION: "another application of the same person",
}
"""The codes that rejections of the program's own have, and whose they are."""

REAPPLY_LOCK: Final = "reapply_lock"
"""The rule by which somebody is rejected whom an earlier rejection still keeps away."""

STANDARD: Final = "standard"
"""The table that rejections are read in, by code of the definition."""

RejectionCategory = Literal[
    "identity", "age", "credit_assessment", "pending_application", "not_eligible"
]
"""What an applicant is told."""


class RejectCode(Content):
    """One code. A person rejected with it is kept away for `lock_days`; without, nobody is.

    `lock_scope` is who is kept away: the person, by the identity number, from every product in
    every channel. With `may_appeal` the applicant may ask that a person looks at the rejection.
    """

    code: str = Field(pattern=r"^R[0-9]{2}$")
    text: str = Field(min_length=1, max_length=200)
    category: RejectionCategory
    lock_days: int | None = Field(default=None, strict=True, ge=1, le=3650)
    lock_scope: Literal["person"] = "person"
    may_appeal: bool = Field(default=True, strict=True)


class RejectCodes(Content):
    """The table. A rejection can be appealed for `appeal_days` after it, never with 0."""

    codes: tuple[RejectCode, ...] = Field(min_length=1)
    appeal_days: int = Field(default=30, strict=True, ge=0, le=3650)

    def find(self, code: str) -> RejectCode | None:
        """Return what the table says of a code, None of one that it has not."""
        return next((one for one in self.codes if one.code == code), None)

    def reapply_on(self, code: str, on: date) -> date | None:
        """Return when a person rejected on the business date `on` may apply again.

        None where the code keeps nobody away.
        """
        known = self.find(code)
        if known is None or known.lock_days is None:
            return None
        return on + timedelta(days=known.lock_days)

    def may_appeal(self, code: str) -> bool:
        """Say whether rejections with a code can be appealed; one that was taken out cannot."""
        known = self.find(code)
        return known is not None and known.may_appeal

    def category_of(self, code: str) -> RejectionCategory:
        """Return what the applicant is told; of a code that was taken out, the least."""
        known = self.find(code)
        return known.category if known else "not_eligible"


def check_reject_codes(table: RejectCodes, _: InForce) -> Iterator[Finding]:
    """Say what is wrong with a table: codes twice, or missing that rejections have."""
    seen: set[str] = set()
    for index, one in enumerate(table.codes):
        if one.code in seen:
            yield Finding(f"codes.{index}.code", f"{one.code} stands in the table twice", "R09")
        seen.add(one.code)
        if one.code == REVIEWED and one.may_appeal:
            why = "a person rejected already: there is nobody to appeal to"
            yield Finding(f"codes.{index}.may_appeal", why, "false")
    for code, whose in USED.items():
        if code not in seen:
            yield Finding(
                "codes",
                f"{code} is missing: {whose} gives it",
                f'{{ code = "{code}", category = "not_eligible", text = "..." }}',
            )


REJECT_CODES: Final = Kind("reject_codes", RejectCodes, check_reject_codes)
