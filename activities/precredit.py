"""Granting limits by campaigns, some customers at a time."""

from dataclasses import dataclass

from activities.common.performing import performs
from messages import calls
from messages.maintenance import Maintain, Maintained
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from services.precredit import campaigns_in_force, grant_page
from storage.database import Database


@dataclass(frozen=True)
class Campaigns:
    """What campaigns need."""

    database: Database

    @performs(calls.GRANT_PREAPPROVALS)
    async def grant_preapprovals(self, request: Maintain) -> Maintained:
        """Look at one page of the first campaign that has customers left in this run.

        A campaign that looked at as many as its run allows has `passed`, and so has one that is
        done for the day.
        """
        now = utc_now()
        async with self.database.transaction() as tx:
            waiting = [
                one for one in await campaigns_in_force(tx) if str(one.ref) not in request.passed
            ]
            if not waiting:
                return Maintained(changed=0, after=None)
            campaign = waiting[0]
            part = await grant_page(tx, campaign, now)
        await failpoint("grant_preapprovals.after_commit")
        looked_at = request.after + part.looked_at
        passed = request.passed
        if part.is_last or looked_at >= campaign.content.customers_per_run:
            passed, looked_at = (*passed, str(campaign.ref)), 0
        return Maintained(changed=part.granted, after=looked_at, passed=passed)
