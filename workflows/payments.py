"""Orders to move money whose outcome is in doubt: asked about until known, never sent again."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from messages import calls
    from messages.payments import QueryTransfer, TransferOutcome, TransferStatus, TransferUpdated
    from workflows.common.calling import call_person, run_patiently
    from workflows.common.waiting import Updates

POLL_AFTER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 15, 60, 180, 600, 1800, 3600, 3600 * 6)
)
"""How long to wait for a callback before asking; the last interval repeats."""

PERSON_AFTER = 6
"""After so many answers without an outcome a person should look."""


class AwaitsTransfer:
    """The part of a workflow that waits for the outcome of an order."""

    def __init__(self) -> None:
        self._callbacks = Updates()

    @workflow.signal(description="A third party called back: ask it what became of the order")
    def transfer_updated(self, update: TransferUpdated) -> None:
        """Ask at once; a callback that comes twice counts once."""
        self._callbacks.receive(update.event_id)

    async def _outcome_of(self, outcome: TransferOutcome) -> TransferOutcome:
        """Return the final outcome of an order, asking after each callback and from time to time.

        A callback only says that it is worth asking: what it claims is not believed.
        """
        asked = 0
        while outcome.status is TransferStatus.IN_DOUBT:
            wait = POLL_AFTER[min(asked, len(POLL_AFTER) - 1)]
            await self._callbacks.next_or_timer(wait, "ask again")
            asked += 1
            if asked == PERSON_AFTER:
                call_person(True)
            outcome = await run_patiently(
                calls.QUERY_TRANSFER,
                QueryTransfer(order_no=outcome.order_no),
                "ask what became of the order",
                on_silence=call_person if asked < PERSON_AFTER else _is_called,
            )
        if asked >= PERSON_AFTER:
            call_person(False)
        return outcome


def _is_called(needed: bool) -> None:
    """Leave it as it is: a person was called for want of an outcome, and stays called until one."""
    del needed
