from datetime import date
from temporalio.api.enums.v1 import EventType
from tests.workflows.borrowing import lend
from tests.workflows.lender import Lender, person, instant


async def test_twelve_months(lender: Lender) -> None:
    loan = await lend(lender, person())
    import time

    t = time.monotonic()
    await loan.live_until(date(2031, 2, 15))
    print("FIRST", time.monotonic() - t)
    t = time.monotonic()
    await loan.live_until(date(2032, 1, 16))
    print("REST", time.monotonic() - t)
    print(await loan.result(), await loan.debited(), await loan.entry_sums())
    for e in await lender.history(loan.workflow_id):
        print(e.event_id, instant(e).isoformat(), EventType.Name(e.event_type))
