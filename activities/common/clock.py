"""The business time at which an attempt of an activity is made."""

from datetime import datetime, timedelta

from temporalio import activity


def attempted_at(at: datetime) -> datetime:
    """Return the business time of this attempt: when it was asked for, and what passed since.

    A process may live by a clock of its own; how long an attempt came after the asking is the
    server's to say.
    """
    if not activity.in_activity():
        return at
    info = activity.info()
    return at + max(info.started_time - info.scheduled_time, timedelta())
