"""Maintenance: what the database needs done from time to time, part by part."""

from collections.abc import Mapping
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.errors import DomainError
    from messages import calls
    from messages.calls import Call
    from messages.maintenance import Maintain, Maintained, MaintenanceJob, StartMaintenance
    from workflows.common.calling import continue_on_newest_build, intervention_on_refusal, run
    from workflows.common.details import details_table

_CALLS: Final[Mapping[MaintenanceJob, Call[Maintain, Maintained]]] = {
    MaintenanceJob.SUM_LEDGER: calls.SUM_LEDGER,
    MaintenanceJob.PRUNE_RECORDS: calls.PRUNE_RECORDS,
    MaintenanceJob.ACCRUE_INCOME: calls.ACCRUE_INCOME,
    MaintenanceJob.MOVE_DUE_DATES: calls.MOVE_DUE_DATES,
    MaintenanceJob.START_MISSING: calls.START_MISSING,
    MaintenanceJob.LEVEL_CUSTOMERS: calls.LEVEL_CUSTOMERS,
    MaintenanceJob.GRANT_PREAPPROVALS: calls.GRANT_PREAPPROVALS,
}


@workflow.defn(failure_exception_types=[DomainError])
class Maintenance:
    """One job, once; a schedule of the Temporal server says when (`runtime.temporal.schedules`)."""

    @workflow.run
    async def run(self, start: StartMaintenance) -> int:
        """Do the job to its end and return how many rows it changed."""
        changed = start.changed
        ahead = Maintain(
            after=start.after, busy=start.busy, passed=start.passed, cursor=start.cursor
        )
        with intervention_on_refusal():
            while True:
                part = await run(_CALLS[start.job], ahead, f"{changed} rows so far")
                changed += part.changed
                workflow.set_current_details(details_table([("rows", str(changed))]))
                if part.after is None:
                    return changed
                ahead = Maintain(
                    after=part.after, busy=part.busy, passed=part.passed, cursor=part.cursor
                )
                if workflow.info().is_continue_as_new_suggested():
                    continue_on_newest_build(
                        StartMaintenance(
                            job=start.job,
                            after=ahead.after,
                            changed=changed,
                            busy=ahead.busy,
                            passed=ahead.passed,
                            cursor=ahead.cursor,
                        )
                    )
