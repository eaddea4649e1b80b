"""What an event changed: two positions of one loan compared, instalment by instalment."""

from dataclasses import fields
from datetime import date

from domain.common.data import Data
from domain.loans.position import InstalmentPosition, Position
from domain.loans.servicing import ServicingPolicy

_SUMMARY = (
    "disbursed",
    "received",
    "credit",
    "principal_outstanding",
    "total_due",
    "total_overdue",
    "accrued_interest",
    "days_past_due",
    "bucket",
    "risk_class",
    "settled",
    "settled_on",
    "written_off_on",
    "charged_off_on",
    "charge_off_reason",
    "recovered",
    "refunded",
    "payoff",
)

Value = int | str | bool | date | None


class Change(Data):
    """One value that is another than before; None where there was or is none."""

    field: str
    before: Value
    after: Value


class InstalmentChange(Data):
    """What changed of one instalment; one that is new or gone changes in all its fields."""

    number: int
    changes: tuple[Change, ...]


class Difference(Data):
    """What changed of the loan and of each instalment; empty when nothing did."""

    loan: tuple[Change, ...]
    instalments: tuple[InstalmentChange, ...]

    def __bool__(self) -> bool:
        return bool(self.loan or self.instalments)


def difference(before: Position, after: Position, servicing: ServicingPolicy) -> Difference:
    """Return what is different in `after`, in the order of instalments and of their fields.

    The bucket is that of the loan's own policy.
    """
    old = {item.number: item for item in before.instalments}
    new = {item.number: item for item in after.instalments}
    changed = (
        InstalmentChange(number=number, changes=_compare(old.get(number), new.get(number)))
        for number in sorted(old.keys() | new.keys())
        if old.get(number) != new.get(number)
    )
    was, now = _summary(before, servicing), _summary(after, servicing)
    loan = (
        Change(field=name, before=was[name], after=now[name])
        for name in _SUMMARY
        if was[name] != now[name]
    )
    return Difference(loan=tuple(loan), instalments=tuple(changed))


def _summary(position: Position, servicing: ServicingPolicy) -> dict[str, Value]:
    bucket = servicing.bucket_of(position.days_past_due)
    return {name: bucket if name == "bucket" else getattr(position, name) for name in _SUMMARY}


def _compare(old: InstalmentPosition | None, new: InstalmentPosition | None) -> tuple[Change, ...]:
    names = (item.name for item in fields(InstalmentPosition) if item.name != "number")
    pairs = ((name, getattr(old, name, None), getattr(new, name, None)) for name in names)
    return tuple(
        Change(field=name, before=was, after=now) for name, was, now in pairs if was != now
    )
