"""Loans in arrears: their delinquency on record and the steps of the collections ladder."""

from dataclasses import dataclass

from activities.common.clock import attempted_at
from activities.common.performing import performs
from activities.common.refusals import found, known
from activities.loans.books import LoanBooks
from domain.collections import ContactChannel
from domain.common.money import format_amount
from domain.common.suspensions import Suspendable
from domain.common.zones import zone_of
from domain.loans.position import Position
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.rendering import reference_of
from domain.messaging.templates import MESSAGE_TEMPLATE
from messages import calls
from messages.collections import CloseEpisode, StartCollections, StepTaken, TakeStep
from messages.loans import RecordDelinquency
from providers.http.client import Client
from providers.messaging import MessageRequest
from runtime.failpoints import failpoint
from runtime.temporal.siblings import Siblings
from storage.collections import (
    ActionState,
    CollectionActionCreate,
    CollectionActionRepository,
    CollectionActionRow,
)
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.loans.loans import LoanRepository
from storage.people.applicants import ApplicantRepository
from storage.suspensions import SuspensionRepository


@dataclass(frozen=True)
class Arrears:
    """Records how late loans are, and follows them up."""

    database: Database
    providers: Client
    siblings: Siblings

    @performs(calls.RECORD_DELINQUENCY)
    async def record_delinquency(self, request: RecordDelinquency) -> None:
        """Write how late a loan is; with `open_collections` start the episode's process."""
        async with self.database.transaction() as tx:
            books = await LoanBooks.open(tx, request.loan_id)
            now = books.position(request.business_date)
            await books.project(now, request.business_date, request.state_seq)
            await LoanRepository(tx).note_episode(request.loan_id, request.episode)
            await books.publish("aged", str(request.state_seq), now, {"episode": request.episode})
        if request.open_collections:
            await self.siblings.start_collections(
                StartCollections(
                    loan_id=request.loan_id,
                    applicant_id=request.applicant_id,
                    product=request.product,
                    zone=request.zone,
                    ladder=request.ladder,
                    episode=request.episode,
                    oldest_due_on=request.oldest_due_on,
                )
            )

    @performs(calls.TAKE_STEP)
    async def take_step(self, request: TakeStep) -> StepTaken:
        """Message the borrower or open a call for a collector, once a step.

        Nothing is done, and what was only prepared is cancelled, when the loan is not overdue.
        Nobody is messaged in quiet hours: the answer then says when they end. What falls due while
        its ladder is suspended is left out for good.
        """
        async with self.database.transaction() as tx:
            if await SuspensionRepository(tx).is_suspended(
                Suspendable.STRATEGY, request.ladder.code
            ):
                return StepTaken(taken=False)
            limits = await DefinitionRepository(tx).in_force(CONTACT_LIMITS, HOME_LIMITS)
            if request.channel is ContactChannel.SMS:
                not_before = limits.content.not_before(
                    attempted_at(request.at), zone_of(request.zone), calls.TAKE_STEP.timeout
                )
                if not_before is not None:
                    return StepTaken(taken=False, not_before=not_before)
            books = await LoanBooks.open(tx, request.loan_id)
            now = books.position(max(request.business_date, books.loan.business_date))
            action = await _prepare(tx, request, now)
            if action is None or action.state is not ActionState.OPEN:
                return StepTaken(taken=_was_taken(action))
            if action.channel is ContactChannel.CALL_TASK:
                await books.publish("call_task_opened", action.id, now, {"step": request.step})
                return StepTaken(taken=True)
            personal = await ApplicantRepository(tx).personal(books.loan.applicant_id)
            template = await DefinitionRepository(tx).of_ref(MESSAGE_TEMPLATE, action.template)
        message = MessageRequest(
            message_id=action.id,
            mobile=known(personal.mobile, "mobile"),
            # What is on record and not what is owed now, or in force: a repeat must be the same
            # message.
            template=template.content.by_sms.provider_template,
            variables=template.content.filled(
                {
                    "days_past_due": str(action.days_past_due),
                    "contract": reference_of(request.loan_id),
                }
            ),
        )
        await self.providers.call(message, request_id=action.id)
        await failpoint("take_step.after_send")
        async with self.database.transaction() as tx:
            books = await LoanBooks.open(tx, request.loan_id)
            await CollectionActionRepository(tx).finish(
                action.id,
                ActionState.SENT,
                result="accepted",
                by="system",
                contact_limits=limits.ref,
            )
            details = {
                "step": request.step,
                "overdue": format_amount(now.total_overdue, now.currency),
            }
            await books.publish("message_sent", action.id, now, details)
        return StepTaken(taken=True)

    @performs(calls.CLOSE_EPISODE)
    async def close_episode(self, request: CloseEpisode) -> None:
        """Cancel what an ended episode left open."""
        async with self.database.transaction() as tx:
            await CollectionActionRepository(tx).cancel_open(request.loan_id, request.episode)


async def _prepare(tx: Transaction, request: TakeStep, now: Position) -> CollectionActionRow | None:
    """Return the step's action, recorded now if it was not; None when there is no cause for it."""
    action = await CollectionActionRepository(tx).of_step(
        request.loan_id, request.episode, request.step
    )
    if not now.days_past_due:
        if action is not None and action.state is ActionState.OPEN:
            await CollectionActionRepository(tx).finish(
                action.id, ActionState.CANCELLED, result="not_overdue", by="system"
            )
            action = await CollectionActionRepository(tx).get(action.id)
        return action
    if action is not None:
        return action
    template = None
    if request.channel is ContactChannel.SMS:
        code = found(request.template, f"the template of {request.step}")
        template = str((await DefinitionRepository(tx).in_force(MESSAGE_TEMPLATE, code)).ref)
    return await CollectionActionRepository(tx).add_action(
        CollectionActionCreate(
            id=request.action_id,
            loan_id=request.loan_id,
            episode=request.episode,
            step=request.step,
            channel=request.channel,
            template=template,
            days_past_due=now.days_past_due,
            due_on=request.business_date,
            ladder=str(request.ladder),
        )
    )


def _was_taken(action: CollectionActionRow | None) -> bool:
    return action is not None and action.state in (ActionState.SENT, ActionState.DONE)
