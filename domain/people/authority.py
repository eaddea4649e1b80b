"""The authority matrix: which role may decide what, up to how much, alone or with a second person.

It is a definition in force: read when somebody decides, never carried in a process.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.common.currencies import MINOR_DIGITS
from domain.common.definitions import Code, Content, Finding, InForce, Kind
from domain.common.errors import DomainError
from domain.common.money import Amount, money
from domain.people.principals import Role, StaffRole
from domain.people.staff import Skill

STANDARD: Final = "standard"
"""The code of the matrix that is asked."""

UNLIMITED: Final = "unlimited"


class Action(StrEnum):
    """What authority is needed for.

    `record` is what a lender records of a loan that has no action of its own: money that came by
    another way, and charges.
    """

    APPROVE_APPLICATION = "approve_application"
    REJECT_APPLICATION = "reject_application"
    REQUEST_SUPPLEMENT = "request_supplement"
    REASSIGN_CASE = "reassign_case"
    REVIEW_ANALYSIS = "review_analysis"
    RECORD = "record"
    WAIVE = "waive"
    REVERSE = "reverse"
    CHANGE_RATE = "change_rate"
    RESCHEDULE = "reschedule"
    WRITE_OFF = "write_off"
    CHARGE_OFF = "charge_off"
    REFUND = "refund"
    RELEASE_DEFINITION = "release_definition"
    SUSPEND = "suspend"
    KEEP_BOOKS = "keep_books"


_WITHOUT_AMOUNT: Final = frozenset(
    {
        Action.REASSIGN_CASE,
        Action.REVIEW_ANALYSIS,
        Action.RELEASE_DEFINITION,
        Action.SUSPEND,
        Action.KEEP_BOOKS,
    }
)


class NotAuthorised(DomainError):
    """The authority matrix does not let the caller decide this; the message says who may."""


class AuthorityRow(Content):
    """One role may do one action up to a limit by currency, in minor units, or without one.

    With `second_person` it takes another person's agreement. An action without an amount is
    covered by any row of it. A row with `products` is about those only, one with a `skill` about
    people who have it.
    """

    action: Action
    role: StaffRole
    up_to: Annotated[dict[str, Amount], Field(min_length=1)] | Literal["unlimited"]
    second_person: bool = Field(default=False, strict=True)
    products: tuple[Code, ...] = ()
    skill: Skill | None = None

    @property
    def who(self) -> str:
        """Return whom the row is about, for people."""
        return self.role if self.skill is None else f"{self.role} with the skill {self.skill}"

    def is_about(self, product: str) -> bool:
        """Say whether the row is about a product; what has none is no row's that names some."""
        return not self.products or product in self.products

    def covers(self, amount: int | None, currency: str) -> bool:
        """Say whether the limit is no lower than an amount."""
        if isinstance(self.up_to, str) or amount is None:
            return True
        return amount <= self.up_to.get(currency, -1)


class AuthorityMatrix(Content):
    """Who may decide what; what no row covers, nobody may."""

    rows: tuple[AuthorityRow, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """Whether somebody may, whether alone, and why.

    `colleagues_may` says that somebody else in the same role may.
    """

    allowed: bool
    second_person_needed: bool
    why: str
    colleagues_may: bool = False


def may(
    matrix: AuthorityMatrix,
    roles: Collection[Role],
    action: Action,
    amount: int | None,
    currency: str = "",
    *,
    product: str = "",
    skills: Collection[str] = (),
) -> Authority:
    """Return what a matrix says about an action by somebody who acts in `roles` with `skills`.

    `amount` is in minor units of `currency`; None for what has no amount. `product` is what it is
    about, if anything. Where several rows cover it, one that needs no second person counts.
    """
    covering = [
        row
        for row in matrix.rows
        if row.action is action and row.is_about(product) and row.covers(amount, currency)
    ]
    mine = sorted(
        (
            row
            for row in covering
            if row.role in roles and (row.skill is None or row.skill in skills)
        ),
        key=lambda row: row.second_person,
    )
    what = action.value if amount is None else f"{action.value} ({money(amount, currency)})"
    if mine:
        return Authority(True, mine[0].second_person, f"{what}: {mine[0].role} may")
    others = sorted({row.who for row in covering})
    colleagues = any(row.role in roles for row in covering)
    needed = f"it takes the role {' or '.join(others)}" if others else "nobody may, by the matrix"
    return Authority(False, False, f"{what}: {needed}", colleagues_may=colleagues)


def findings(matrix: AuthorityMatrix, _: InForce) -> Iterable[Finding]:
    """Return what is wrong with a matrix beyond its form."""
    if not any(row.action is Action.RELEASE_DEFINITION for row in matrix.rows):
        yield Finding(
            "rows",
            "nobody could release a definition any more, this one included",
            '{"action": "release_definition", "role": "analyst", "up_to": "unlimited"}',
        )
    first: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(matrix.rows):
        earlier = first.setdefault((*_about(row), row.second_person), number)
        if earlier != number:
            yield Finding(
                f"rows.{number}",
                f"row {earlier} says up to how much {row.who} may {row.action} already",
                "one row without and one with a second person",
            )
        yield from _wrong_limits(number, row)
    yield from _pointless(matrix)


AUTHORITY_MATRIX: Final = Kind("authority_matrix", AuthorityMatrix, findings)
"""The kind; `standard` is the one in force."""


def _wrong_limits(number: int, row: AuthorityRow) -> Iterator[Finding]:
    if isinstance(row.up_to, str):
        return
    if row.action in _WITHOUT_AMOUNT:
        yield Finding(f"rows.{number}.up_to", f"{row.action} has no amount", f'"{UNLIMITED}"')
    for currency in sorted(set(row.up_to) - set(MINOR_DIGITS)):
        yield Finding(
            f"rows.{number}.up_to.{currency}",
            "no such currency",
            "CNY",
        )


def _about(row: AuthorityRow) -> tuple[object, ...]:
    """Return what a row is about but for how much: its action, people and products."""
    return row.action, row.role, row.skill, frozenset(row.products)


def _pointless(matrix: AuthorityMatrix) -> Iterator[Finding]:
    """Find limits with a second person that are no higher than those without one."""
    alone = {_about(row): row for row in matrix.rows if not row.second_person}
    for number, row in enumerate(matrix.rows):
        without = alone.get(_about(row))
        if not row.second_person or without is None:
            continue
        limits = {} if isinstance(row.up_to, str) else row.up_to
        unlimited = isinstance(row.up_to, str) and isinstance(without.up_to, str)
        if unlimited or any(without.covers(limit, currency) for currency, limit in limits.items()):
            yield Finding(
                f"rows.{number}.up_to",
                f"{row.who} may do as much alone",
                "a higher limit than that of the row without a second person",
            )
