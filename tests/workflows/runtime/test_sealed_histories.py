"""What Temporal is given says nothing of people, not even to who can decrypt it."""

import base64
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from temporalio.api.common.v1 import Payload

from domain.verification.elements import PersonalInformation
from messages.ids import new_id
from messages.loans import RepayCommand
from sandbox.personas import Person
from tests.integration import story
from tests.workflows.applying import apply, six_elements
from tests.workflows.borrowing import Loan, lend, open_line
from tests.workflows.lender import Lender, person

SEALED = base64.b64encode(b"binary/encrypted").decode()


def facts_of(someone: Person) -> set[str]:
    """Return what must not be found: the texts that a person's elements are made of."""
    details = story.personal_information(someone)
    assert isinstance(details, PersonalInformation)
    contacts = {text for contact in details.contacts for text in (contact.name, contact.mobile)}
    return contacts | {
        someone.name,
        someone.identity_number,
        someone.mobile,
        someone.card_number,
        someone.address,
        details.employer or "",
    }


def payloads_in(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every payload of a history that is written as JSON."""
    if isinstance(part, dict):
        if isinstance(part.get("metadata"), dict) and "encoding" in part["metadata"]:
            yield part
        for value in part.values():
            yield from payloads_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from payloads_in(value)


async def opened(lender: Lender, history: str) -> str:
    """Return a history with everything in it that is sealed, opened."""
    codec = lender.client.data_converter.payload_codec
    assert codec is not None
    sealed = [
        Payload(
            metadata={key: base64.b64decode(value) for key, value in found["metadata"].items()},
            data=base64.b64decode(found["data"]),
        )
        for found in payloads_in(json.loads(history))
        if found["metadata"]["encoding"] == SEALED
    ]
    assert sealed
    clear = [payload.data.decode() for payload in await codec.decode(sealed)]
    return "\n".join([history, *clear])


async def a_life_of_credit(lender: Lender, someone: Person) -> None:
    """Apply with a mistake, draw, miss an instalment, be reminded, pay."""
    applying = await apply(lender, someone)
    await applying.provide(story.real_name(someone))
    await applying.provide(story.operator(person()))
    outcomes = await applying.provide(*six_elements(someone)[1:], submit=True)
    await applying.accept(outcomes.application.offer_id or "")
    line = await open_line(lender, someone)
    command = await line.command()
    await line.draw(command)
    await line.drawn(command.drawdown_id)
    await overdue_and_paid(lender, await lend(lender, someone))


async def overdue_and_paid(lender: Lender, loan: Loan) -> None:
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=1
    )
    await loan.live_until(date(2031, 2, 20))
    await loan.repay(RepayCommand(repayment_id=new_id("rep")))
    await loan.cured()


async def test_no_history_knows_who_borrows(lender: Lender) -> None:
    someone = person()
    facts = facts_of(someone)

    await a_life_of_credit(lender, someone)

    kinds = set()
    for handle in await lender.handles():
        description = await handle.describe()
        kinds.add(description.workflow_type)
        history = (await handle.fetch_history()).to_json()
        text = await opened(lender, history) + str(description.typed_search_attributes)
        assert not [fact for fact in facts if fact in text], handle.id
    assert len(kinds) == 6
