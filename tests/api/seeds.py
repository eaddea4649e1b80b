"""What the record holds when a credit has come so far, written through the repositories."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.applications.application import ApplicationState, Waiting
from domain.collections import COLLECTIONS_LADDER, ContactChannel
from domain.lines import LineState
from domain.loans.contract import CONTRACT_TEMPLATE
from domain.loans.events import Disbursed
from domain.loans.position import position
from domain.loans.schedule import build_plan
from domain.loans.servicing import SERVICING_POLICY
from domain.loans.state import past_due
from domain.loans.terms import monthly_terms
from domain.messaging.events import MessagePurpose
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from domain.products.checks import PRODUCT
from messages.applications import Offer, StartApplication
from messages.ids import loan_workflow, new_id
from messages.loans import RepaymentSource
from runtime.clock import utc_now
from services.people.ownership import applicant_id_of
from services.products.agreed import product_on_offer
from storage.applications.applications import ApplicationRepository
from storage.applications.offers import OfferRepository
from storage.collections import CollectionActionCreate, CollectionActionRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.lines.drawdowns import DrawdownCreate, DrawdownRepository
from storage.lines.lines import LineCreate, LineRepository
from storage.lines.quotes import QuoteRepository
from storage.loans.loans import LoanRepository
from storage.loans.repayments import RepaymentRepository
from storage.messaging.outbox import CustomerMessageRepository, MessageCreate
from storage.people.applicants import ApplicantRepository
from tests.definitions import ref, shipped
from tests.integration.story import consent_to_everything


@dataclass(frozen=True)
class Credit:
    """The ids of one credit."""

    applicant_id: str
    application_id: str
    offer_id: str
    line_id: str
    quote_id: str
    drawdown_id: str
    loan_id: str
    repayment_id: str
    task_id: str
    message_id: str


async def application(
    tx: Transaction,
    channel: str,
    reference: str,
    amount: int = 1_000_000,
    *,
    product: str = "cash",
) -> StartApplication:
    """An application that collects its elements."""
    applicant = await ApplicantRepository(tx).get_or_create(
        applicant_id_of(channel, reference), channel, reference
    )
    start = StartApplication(
        application_id=new_id("app"),
        applicant_id=applicant.id,
        product=await product_on_offer(tx, product),
        channel=channel,
        currency="CNY",
        amount=amount,
        instalments=12,
    )
    await ApplicationRepository(tx).insert(start, created_by="test")
    await consent_to_everything(tx, applicant.id, channel)
    return start


async def set_state(
    database: Database, application_id: str, state: str, *, reject_code: str | None = None
) -> None:
    """Move an application to a state."""
    async with database.transaction() as tx:
        await ApplicationRepository(tx).set_state(
            application_id,
            ApplicationState(state),
            Waiting.REVIEWER if state == "in_review" else Waiting.NOTHING,
            9,
            utc_now(),
            reject_code=reject_code,
            reapply_on=date(2027, 1, 1) if reject_code else None,
        )


async def end_applications(database: Database, channel: str, reference: str) -> None:
    """End what a customer has applied for, with the lines, so that they may apply again."""
    applicant_id = applicant_id_of(channel, reference)
    async with database.transaction() as tx:
        rows = await ApplicationRepository(tx).page(None, 1000, applicant_id=applicant_id)
        lines = await tx.connection.fetch(
            "select id from lines where applicant_id = $1", applicant_id
        )
        for found in lines:
            await LineRepository(tx).set_state(found["id"], LineState.CLOSED)
    for row in rows:
        if not row.state.is_final:
            await set_state(database, row.id, "withdrawn")


async def line(tx: Transaction, start: StartApplication) -> tuple[str, str]:
    """An accepted offer and its line: ids of both."""
    now = utc_now()
    offer = Offer(
        offer_id=new_id("off"),
        currency=start.currency,
        amount=start.amount,
        instalments=start.instalments,
        annual_rate=Decimal("24"),
        penalty_annual_rate=Decimal("24"),
        mode="single_batch",
        expires_at=now + timedelta(days=7),
    )
    await OfferRepository(tx).make(offer, start.application_id, now)
    line_id = new_id("lin")
    await LineRepository(tx).open(
        LineCreate(
            id=line_id,
            application_id=start.application_id,
            applicant_id=start.applicant_id,
            offer_id=offer.offer_id,
            mode="single_batch",
            currency=start.currency,
            credit_limit=start.amount,
            opened_at=now,
            expires_at=now + timedelta(days=15),
        )
    )
    return offer.offer_id, line_id


async def credit(
    database: Database, channel: str, reference: str, *, disbursed_on: date = date(2026, 1, 15)
) -> Credit:
    """A whole credit: 10,000.00 CNY over 12 months at 24 %, disbursed, a call task open."""
    now = utc_now()
    async with database.transaction() as tx:
        start = await application(tx, channel, reference)
        offer_id, line_id = await line(tx, start)
        ids = Credit(
            applicant_id=start.applicant_id,
            application_id=start.application_id,
            offer_id=offer_id,
            line_id=line_id,
            quote_id=new_id("quo"),
            drawdown_id=new_id("dra"),
            loan_id=new_id("loa"),
            repayment_id=new_id("rep"),
            task_id=new_id("act"),
            message_id=new_id("msg"),
        )
        await _disburse(tx, ids, start.amount, disbursed_on, now)
        await _collect(tx, ids)
    return ids


async def _disburse(
    tx: Transaction, ids: Credit, amount: int, disbursed_on: date, now: datetime
) -> None:
    terms = monthly_terms(
        currency="CNY",
        principal=amount,
        annual_rate=Decimal("24"),
        instalments=12,
        disbursed_on=disbursed_on,
        penalty_annual_rate=Decimal("24"),
    ).model_copy(update={"delinquency": shipped(PRODUCT, "cash").terms.delinquency})
    plan = build_plan(terms)
    await QuoteRepository(tx).insert(
        quote_id=ids.quote_id,
        line_id=ids.line_id,
        terms=terms,
        plan=plan,
        quoted_at=now,
        expires_at=now + timedelta(minutes=30),
        rate_caps=ref(RATE_CAPS, HOME_CAPS),
    )
    await DrawdownRepository(tx).reserve(
        DrawdownCreate(
            id=ids.drawdown_id,
            line_id=ids.line_id,
            quote_id=ids.quote_id,
            loan_id=ids.loan_id,
            currency="CNY",
            amount=amount,
            contract_no=f"LF-{ids.drawdown_id.upper()}",
            requested_at=now,
            contract=str(ref(CONTRACT_TEMPLATE, "loan-contract")),
        )
    )
    await LoanRepository(tx).book(
        loan_id=ids.loan_id,
        drawdown_id=ids.drawdown_id,
        line_id=ids.line_id,
        applicant_id=ids.applicant_id,
        terms=terms,
        plan=plan,
        zone="Asia/Shanghai",
        ladder=ref(COLLECTIONS_LADDER, "standard"),
        servicing=ref(SERVICING_POLICY, "standard"),
    )
    event = Disbursed(key=f"loan:{ids.loan_id}:disbursed", on=disbursed_on, amount=amount)
    await LoanRepository(tx).append_event(ids.loan_id, event)
    stands = position(terms, (event,), disbursed_on)
    late = past_due(stands, terms.delinquency)
    await LoanRepository(tx).project(ids.loan_id, stands, "M0", late, disbursed_on, state_seq=1)


async def _collect(tx: Transaction, ids: Credit) -> None:
    await RepaymentRepository(tx).request(
        repayment_id=ids.repayment_id,
        loan_id=ids.loan_id,
        source=RepaymentSource.BORROWER,
        order_no=f"R-{ids.repayment_id}",
        currency="CNY",
        amount=94_560,
        requested_on=date(2026, 2, 15),
    )
    await CollectionActionRepository(tx).add_action(
        CollectionActionCreate(
            id=ids.task_id,
            loan_id=ids.loan_id,
            episode=1,
            step="first_call",
            channel=ContactChannel.CALL_TASK,
            days_past_due=4,
            due_on=date(2026, 2, 19),
            ladder=str(ref(COLLECTIONS_LADDER, "standard")),
            template=None,
        )
    )
    await CustomerMessageRepository(tx).add_all(
        [
            MessageCreate(
                id=ids.message_id,
                purpose=MessagePurpose.MONEY_SENT,
                event_key=ids.message_id,
                subject=loan_workflow(ids.loan_id),
                said={
                    "contract": ids.loan_id[-6:].upper(),
                    "amount": {"amount": 1_000_000, "currency": "CNY"},
                },
                not_before=None,
                ends_at=utc_now() + timedelta(days=7),
            )
        ]
    )
