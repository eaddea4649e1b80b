"""Servicing: charges, waivers, reversals, new plans, write-offs and money that came otherwise."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Response

from api.http.answers import created
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Command, Keyed
from api.http.services import Services, Using
from api.v1.loans.loans import product_of_loan, today_of
from api.v1.loans.servicing_schemas import Fact, FactAnswer, event_of
from api.v1.ownership import loan_for
from domain.loans.authority import action_of, amount_at_stake
from domain.loans.difference import difference
from domain.loans.events import AnyEvent, LoanEvent
from domain.loans.position import position
from domain.loans.records import check_record
from domain.loans.servicing import last_due_number
from messages import ids
from messages.loans import LoanView, RecordFact, StartLoan
from services.people.authority import authorise
from storage.loans.loans import LoanRepository, LoanRow, LoanState

router = gated_router("/loans", "servicing")


async def _visible(loan_id: str, caller: Caller, services: Using) -> LoanRow:
    async with services.database.read() as tx:
        return await loan_for(tx, caller, loan_id)


Visible = Annotated[LoanRow, Depends(_visible)]


@router.post(
    "/{loan_id}/records/preview", responses=COMMAND_PROBLEMS, summary="Try what a record changes"
)
async def preview(loan: Visible, body: Fact, services: Using) -> FactAnswer:
    """Return what recording this today would change, instalment by instalment. Nothing is kept."""
    today = await today_of(services, loan)
    events = await _events(services, loan)
    event = event_of(body, f"{ids.loan_workflow(loan.id)}:trial", today)
    check_record(loan.terms, events, event, today)
    return _answer(loan, event, events, today, key=None)


@router.post(
    "/{loan_id}/records",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Record what happened to a loan",
)
async def record(
    loan: Visible,
    body: Fact,
    caller: Caller,
    command: Keyed,
    services: Using,
    response: Response,
) -> FactAnswer:
    """Record a charge, waiver, reversal, new plan, write-off or receipt, backdated or today.

    A settled loan is opened again: a payment that the bank takes back afterwards is owed again.
    """
    today = await today_of(services, loan)
    key = f"{ids.loan_workflow(loan.id)}:{command.new_id('evt')}"
    events = await _events(services, loan)
    event = next((event for event in events if event.key == key), None)
    if event is None:
        event = event_of(body, key, today)
        await authorise(
            services.database,
            caller,
            action_of(event),
            loan.id,
            amount=amount_at_stake(event, events, position(loan.terms, events, today)),
            currency=loan.currency,
        )
        await _send(
            services,
            loan,
            events,
            command,
            RecordFact(event=event, actor=caller.actor, role=caller.role, reference=body.reference),
        )
    created(response, f"/v1/loans/{loan.id}")
    before = tuple(item for item in events if item.key != key)
    return _answer(loan, event, before, today, key=key)


async def _send(
    services: Services,
    loan: LoanRow,
    events: tuple[LoanEvent, ...],
    command: Command,
    fact: RecordFact,
) -> None:
    reopening = await _reopening(services, loan, events)
    try:
        await services.engine.command(
            ids.loan_workflow(loan.id),
            "record",
            command.update_id,
            LoanView,
            fact,
            over=reopening is not None,
            reopening=reopening,
        )
    except StillRunning:
        raise later("not_accepted_yet", "The loan is busy. Repeat the request.") from None


async def _events(services: Services, loan: LoanRow) -> tuple[LoanEvent, ...]:
    async with services.database.read() as tx:
        return await LoanRepository(tx).events(loan.id)


async def _reopening(
    services: Services, loan: LoanRow, events: tuple[LoanEvent, ...]
) -> StartLoan | None:
    """Return how the process of a settled loan goes on; None when it still runs."""
    if loan.state is not LoanState.SETTLED:
        return None
    async with services.database.read() as tx:
        product = await product_of_loan(tx, loan)
    stands = position(loan.terms, events, loan.business_date)
    return StartLoan(
        loan_id=loan.id,
        line_id=loan.line_id,
        applicant_id=loan.applicant_id,
        product=product.code,
        terms=loan.terms,
        events=events,
        collected_to=last_due_number(stands),
        episode=loan.episode,
        state_seq=loan.state_seq,
    )


def _answer(
    loan: LoanRow, event: AnyEvent, before: tuple[LoanEvent, ...], today: date, *, key: str | None
) -> FactAnswer:
    after = position(loan.terms, (*before, event), today)
    return FactAnswer(
        loan_id=loan.id,
        key=key,
        kind=event.kind,
        on=event.on,
        changes=difference(position(loan.terms, before, today), after),
        position=after,
    )
