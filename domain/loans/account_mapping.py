"""Which code the lender's own accounting has for an account: data, as each lender has its own."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from domain.common.definitions import Code, Content, Finding, InForce, Kind
from domain.loans.ledger import Account

STANDARD_MAPPING: Final = "standard"

_Party = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
_LenderCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,32}$")]


class MappedAccount(Content):
    """The lender's `code` of an account; `name` is for people.

    With a product, a funder or a bank account it holds for these alone. Of several that fit, one
    that names the bank account comes first, then one that names the funder, then the product.
    """

    account: Account
    product: Code | None = None
    funder: _Party | None = None
    bank_account: _Party | None = None
    code: _LenderCode
    name: str = Field(default="", max_length=100)

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """Return how specific it is: greater comes first."""
        return self.bank_account is not None, self.funder is not None, self.product is not None

    def fits(self, account: Account, product: str, funder: str, bank_account: str | None) -> bool:
        """Say whether it holds for lines of an account."""
        return (
            self.account is account
            and self.product in (None, product)
            and self.funder in (None, funder)
            and self.bank_account in (None, bank_account)
        )


class AccountMapping(Content):
    """The lender's codes of all accounts; each account has a row without any condition."""

    rows: tuple[MappedAccount, ...] = Field(min_length=1, max_length=2_000)

    def code_of(self, account: str, product: str, funder: str) -> str:
        """Return the lender's code of an account as it stands in the ledger (`cash:icbc`)."""
        plain, _, bank_account = account.partition(":")
        fitting = (
            row
            for row in self.rows
            if row.fits(Account(plain), product, funder, bank_account or None)
        )
        return max(fitting, key=lambda row: row.rank).code


def findings(mapping: AccountMapping, others: InForce) -> Iterable[Finding]:
    """Return what is wrong with a mapping beyond its form."""
    general = {row.account for row in mapping.rows if not any(row.rank)}
    for account in Account:
        if account not in general:
            yield Finding(
                "rows",
                f"{account.value} has no row without a condition",
                f'{{"account": "{account.value}", "code": "1002"}}',
            )
    yield from _wrong_rows(mapping, others)


def _wrong_rows(mapping: AccountMapping, others: InForce) -> Iterator[Finding]:
    first: dict[tuple[str | None, ...], int] = {}
    for number, row in enumerate(mapping.rows):
        key = row.account.value, row.product, row.funder, row.bank_account
        earlier = first.setdefault(key, number)
        if earlier != number:
            yield Finding(
                f"rows.{number}", f"row {earlier} maps the same already", "one row for each"
            )
        if row.bank_account is not None and row.account is not Account.CASH:
            yield Finding(
                f"rows.{number}.bank_account", "only cash lies on a bank account", "leave it out"
            )
        if row.product is not None and others.find("product", row.product) is None:
            yield Finding(f"rows.{number}.product", f"there is no product {row.product}", "cash")


ACCOUNT_MAPPING: Final = Kind("account_mapping", AccountMapping, findings)
"""The kind; `standard` is the one that batches are made by."""
