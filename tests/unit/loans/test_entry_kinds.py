"""Every event that can be recorded of a loan has a kind of journal entry to be posted by."""

from typing import get_args

from activities.loans.servicing import ENTRY_KINDS
from domain.loans.events import AnyEvent
from storage.loans.journal import EntryKind


def test_every_event_but_the_first_has_its_kind_of_entry() -> None:
    """A kind without one would never be booked, and its loan would be busy with it for ever.

    What was disbursed is posted as the loan is booked.
    """
    kinds = {event.model_fields["kind"].default for event in get_args(AnyEvent)}
    assert set(ENTRY_KINDS) == kinds - {"disbursed"}
    assert set(ENTRY_KINDS.values()) <= set(get_args(EntryKind))
