"""What goes into and comes out of the Maintenance workflow."""

from enum import StrEnum

from messages.base import Message


class MaintenanceJob(StrEnum):
    """What the database needs done from time to time."""

    SUM_LEDGER = "sum_ledger"
    PRUNE_RECORDS = "prune_records"
    ACCRUE_INCOME = "accrue_income"
    MOVE_DUE_DATES = "move_due_dates"
    START_MISSING = "start_missing"
    LEVEL_CUSTOMERS = "level_customers"
    GRANT_PREAPPROVALS = "grant_preapprovals"


class StartMaintenance(Message):
    """Do a job to its end. A later run goes on as `Maintain` says, with `changed` rows done."""

    job: MaintenanceJob
    after: int = 0
    changed: int = 0
    busy: int = 0
    passed: tuple[str, ...] = ()
    cursor: str = ""


class Maintain(Message):
    """Do the next part of a job, behind the row `after`, or behind `cursor` in rows without number.

    `busy` rows before it were left for the next run; the definitions that are `passed` were looked
    through. A cursor is what the part before returned, and names what it is a place in.
    """

    after: int
    busy: int = 0
    passed: tuple[str, ...] = ()
    cursor: str = ""


class Maintained(Message):
    """How many rows a part changed, and behind which row to go on: None when all is done.

    `busy`, `passed` and `cursor` are what the next part is given.
    """

    changed: int
    after: int | None
    busy: int = 0
    passed: tuple[str, ...] = ()
    cursor: str = ""
