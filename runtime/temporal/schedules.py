"""When maintenance runs: schedules of the Temporal server, made when a worker starts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from messages import ids, queues
from messages.maintenance import MaintenanceJob, StartMaintenance

_TIMES: Final = {
    # What is not summed is read line by line, so trial balances take longer the rarer this is.
    MaintenanceJob.SUM_LEDGER: ScheduleSpec(
        intervals=[ScheduleIntervalSpec(every=timedelta(minutes=5))]
    ),
    # 20:00 UTC is 4 in the morning in Shanghai.
    MaintenanceJob.PRUNE_RECORDS: ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(20)])], jitter=timedelta(minutes=10)
    ),
    # Days end at another hour in each zone; a run that finds nothing to do costs two reads.
    MaintenanceJob.ACCRUE_INCOME: ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(0, 23)], minute=[ScheduleRange(5)])]
    ),
    # Nobody is told at night of a due date that moved; 1:00 UTC is 9 in the morning in Shanghai.
    MaintenanceJob.MOVE_DUE_DATES: ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(1)])], jitter=timedelta(minutes=10)
    ),
    # With `customers_per_run` this is how fast a campaign goes.
    MaintenanceJob.GRANT_PREAPPROVALS: ScheduleSpec(
        intervals=[ScheduleIntervalSpec(every=timedelta(minutes=10))]
    ),
    # So long a row may be without its process before anybody reads it or sends it a command.
    MaintenanceJob.START_MISSING: ScheduleSpec(
        intervals=[ScheduleIntervalSpec(every=timedelta(minutes=10))]
    ),
    # What a loan's end or arrears changed is known to the next decision within the hour; a run that
    # finds nothing to do costs two reads.
    MaintenanceJob.LEVEL_CUSTOMERS: ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(0, 23)], minute=[ScheduleRange(25)])]
    ),
}
_CATCH_UP: Final = timedelta(hours=1)
"""Runs that fell due while the server was down are made up for if they are not older."""


async def set_up(client: Client, task_queue_prefix: str) -> None:
    """Make the schedules of an installation, or bring them up to date.

    Repeated it changes nothing, and one that somebody paused stays paused. Raises what the server's
    refusals raise (`RPCError`).
    """
    for job in MaintenanceJob:
        schedule_id = ids.maintenance_workflow(f"{task_queue_prefix}{job}")
        schedule = _schedule(job, schedule_id, task_queue_prefix)
        try:
            await client.create_schedule(schedule_id, schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(schedule_id).update(_to(schedule))


def _schedule(job: MaintenanceJob, workflow_id: str, task_queue_prefix: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            "Maintenance",
            StartMaintenance(job=job),
            id=workflow_id,
            task_queue=queues.queue_name(task_queue_prefix, queues.CORE),
            static_summary=job.replace("_", " "),
        ),
        spec=_TIMES[job],
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )


def _to(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def update(known: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(replace(schedule, state=known.description.schedule.state))

    return update
