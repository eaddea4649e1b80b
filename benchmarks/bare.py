"""The baseline: a Temporal workflow that does nothing, as often as a credit does something."""

from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bare"


@activity.defn
async def no_op(step: int) -> int:
    """Return what came in."""
    return step


@workflow.defn
class Bare:
    """As many no-op activities as asked for, one after the other."""

    @workflow.run
    async def run(self, activities: int) -> int:
        """Run them."""
        done = 0
        for step in range(activities):
            done = await workflow.execute_activity(
                no_op, step, start_to_close_timeout=timedelta(seconds=30)
            )
        return done
