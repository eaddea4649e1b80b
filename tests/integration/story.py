"""How far a credit has come, told in activities; and what tests look at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel

from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms, monthly_terms
from domain.people.consents import CONSENT_TEXT
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from domain.verification.liveness_challenge import Action, Shown
from messages import calls, ids
from messages.applications import Offer, OpenLine, StartApplication
from messages.calls import Call
from messages.collections import StartCollections
from messages.ids import new_id
from messages.lines import (
    BookLoan,
    Disburse,
    DrawCommand,
    DrawdownEnded,
    DrawReceipt,
    ReserveDrawdown,
    SignContract,
    StartDrawdown,
    StartLine,
)
from messages.loans import AdoptCalendar, StartLoan
from messages.payments import TransferStatus
from messages.verification import ElementOutcome, VerifyElement
from runtime.clock import utc_now
from runtime.temporal.siblings import Siblings
from sandbox import pictures
from sandbox.personas import Person
from services.products.agreed import product_on_offer
from services.verification.intake import clean_pictures
from storage.applications.applications import ApplicationRepository
from storage.applications.offers import OfferRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.lines.quotes import QuoteRepository
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentCreate, ConsentRepository
from storage.verification.elements import ElementCreate, ElementRepository
from storage.verification.liveness_challenges import LivenessChallenge, LivenessChallengeRepository
from tests.definitions import ref
from tests.simulators import Simulators

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel | None)

AMOUNT = 1_000_000
"""10,000.00 CNY, over 12 months at 24 % a year: 11 instalments of 945.60 and one of 945.55."""

DISBURSED_ON = date(2026, 1, 15)

CHALLENGE_VALID_FOR = timedelta(minutes=10)


class RecordedStarts(Siblings):
    """Writes down which processes were started, in place of starting them."""

    def __init__(self) -> None:
        self.lines: list[StartLine] = []
        self.drawdowns: list[StartDrawdown] = []
        self.loans: list[StartLoan] = []
        self.first_steps: list[datetime | None] = []
        self.ended: list[tuple[str, DrawdownEnded]] = []
        self.collections: list[StartCollections] = []
        self.calendars: list[tuple[str, AdoptCalendar]] = []

    async def start_line(self, start: StartLine) -> None:
        self.lines.append(start)

    async def start_drawdown(self, start: StartDrawdown) -> None:
        self.drawdowns.append(start)

    async def start_loan(self, start: StartLoan, next_due_at: datetime | None) -> None:
        self.loans.append(start)
        self.first_steps.append(next_due_at)

    async def drawdown_ended(self, line_id: str, ended: DrawdownEnded) -> None:
        self.ended.append((line_id, ended))

    async def start_collections(self, start: StartCollections) -> None:
        self.collections.append(start)

    async def adopt_calendar(self, loan_id: str, command: AdoptCalendar) -> int | None:
        self.calendars.append((loan_id, command))
        return 1


@dataclass(frozen=True)
class Book:
    """The payment channel's own book."""

    simulators: Simulators

    async def order(self, order_no: str) -> dict[str, Any] | None:
        orders = (await self.simulators.book(order_no=order_no))["orders"]
        return dict(orders[0]) if orders else None

    async def moved(self, order_no: str) -> list[int]:
        """The amounts that an order moved, one for each movement."""
        movements = (await self.simulators.book(order_no=order_no))["movements"]
        return [int(movement["amount"]) for movement in movements]


@dataclass(frozen=True)
class Bench:
    """Performs calls as a worker would, and knows what is around them."""

    database: Database
    simulators: Simulators
    starts: RecordedStarts
    book: Book
    by_queue: dict[str, list[Callable[..., Any]]]

    async def perform(self, call: Call[Input, Result], request: Input) -> Result:
        """Perform `call`, with request and result crossing the wire as JSON."""
        activity = next(
            activity
            for activities in self.by_queue.values()
            for activity in activities
            if activity.call.name == call.name  # type: ignore[attr-defined]  # set by `performs`
        )
        result = await activity(call.takes.model_validate_json(request.model_dump_json()))
        if result is None:
            return None  # type: ignore[return-value]  # the call gives nothing
        gives: Any = call.gives
        again: Result = gives.model_validate_json(result.model_dump_json())
        return again


@dataclass(frozen=True)
class Face:
    """A face before the camera, which does what the application asks of it."""

    shown: Person
    kind: str = "liveness"

    def doing(self, *actions: Action) -> elements.Liveness:
        """Return the frames of these actions, after one of the face at rest."""
        frames: tuple[Shown, ...] = ("neutral", *actions)
        return elements.Liveness.model_construct(
            actions=frames, frames=tuple(pictures.face(self.shown, one) for one in frames)
        )


Given = elements.Element | Face


@dataclass
class Applicant:
    """An applicant with an application that collects elements."""

    bench: Bench
    person: Person
    start: StartApplication
    element_ids: dict[ElementKind, str] = field(default_factory=dict)

    async def provide(self, data: Given) -> str:
        """Store an element and return its id."""
        element_id = new_id("elt")
        async with self.bench.database.transaction() as tx:
            if isinstance(data, Face):
                data = data.doing(*(await self.asked(tx)).actions)
            kind = ElementKind(data.kind)
            pictures = (await clean_pictures([data])).get(kind, {})
            new = ElementCreate(element_id, kind, data, pictures)
            await ElementRepository(tx).add(self.start.application_id, [new])
        return element_id

    async def asked(self, tx: Transaction) -> LivenessChallenge:
        """Ask what the face has to do, as the API does."""
        return await LivenessChallengeRepository(tx).ask(
            self.start.application_id, utc_now(), CHALLENGE_VALID_FOR
        )

    def request(self, element_id: str, kind: str) -> VerifyElement:
        return VerifyElement(
            application_id=self.start.application_id,
            element_id=element_id,
            kind=ElementKind(kind),
        )

    async def verify(self, data: Given) -> ElementOutcome:
        """Store an element and have it verified."""
        element_id = await self.provide(data)
        return await self.bench.perform(calls.VERIFY_ELEMENT, self.request(element_id, data.kind))

    async def verify_identity(self) -> None:
        """Verify what decisions and money movements need to know."""
        for data in (real_name(self.person), operator(self.person), bank_card(self.person)):
            outcome = await self.verify(data)
            assert outcome.verdict is Verdict.MATCH, outcome.reason


def real_name(person: Person) -> elements.RealName:
    return elements.RealName(name=person.name, identity_number=person.identity_number)


def operator(person: Person) -> elements.Operator:
    return elements.Operator(mobile=person.mobile)


def bank_card(person: Person) -> elements.BankCard:
    return elements.BankCard(card_number=person.card_number, mobile=person.mobile)


def personal_information(person: Person, *mobiles: str) -> elements.PersonalInformation:
    first, second = mobiles or ("13800138000", "13900139000")
    return elements.PersonalInformation.model_validate(
        {
            "education": "bachelor",
            "marital_status": "single",
            "occupation": "employee",
            "employer": "示例公司",
            "industry": "education",
            "employer_telephone": "010-65001234",
            "employer_address": "北京市朝阳区建国路一号",
            "employed_for": "3_to_7_years",
            "salary_by_card": True,
            "social_security": True,
            "monthly_income": 1_200_000,
            "address": person.address,
            "contacts": [
                {"name": "示例甲", "relation": "parent", "mobile": first},
                {"name": "示例乙", "relation": "friend", "mobile": second},
            ],
        }
    )


def identity_card(front: bytes, back: bytes) -> elements.IdentityCard:
    return elements.IdentityCard.model_construct(front=front, back=back)


def liveness(person: Person, shown: Person | None = None) -> Face:
    return Face(shown or person)


async def applicant(
    bench: Bench,
    person: Person,
    *,
    channel: str = "app",
    product: str = "cash",
    reference: str | None = None,
) -> Applicant:
    """Record an applicant, a new one without a `reference`, and an application of theirs."""
    async with bench.database.transaction() as tx:
        row = await ApplicantRepository(tx).get_or_create(
            new_id("per"), channel, reference or new_id("per")
        )
        start = StartApplication(
            application_id=new_id("app"),
            applicant_id=row.id,
            product=await product_on_offer(tx, product),
            channel=channel,
            currency="CNY",
            amount=AMOUNT,
            instalments=12,
        )
        await ApplicationRepository(tx).insert(start, created_by="test")
        await consent_to_everything(tx, row.id, channel)
    return Applicant(bench, person, start)


async def consent_to_everything(tx: Transaction, applicant_id: str, channel: str = "app") -> None:
    """Have an applicant consent to every purpose, in the words of today."""
    for text in await DefinitionRepository(tx).all_in_force(CONSENT_TEXT):
        await ConsentRepository(tx).grant(
            applicant_id,
            [
                ConsentCreate(
                    new_id("con"),
                    text.content.purpose,
                    text.content.version,
                    text.content.sha256,
                    text.ref,
                )
            ],
            channel=channel,
            given_by="test",
            at=utc_now(),
        )


@dataclass
class Borrower:
    """An applicant with an open line."""

    bench: Bench
    applicant: Applicant
    line_id: str
    opened_at: datetime

    @property
    def applicant_id(self) -> str:
        return self.applicant.start.applicant_id

    async def quote(
        self,
        *,
        amount: int = AMOUNT,
        disbursed_on: date = DISBURSED_ON,
        valid_for: timedelta = timedelta(minutes=30),
    ) -> str:
        """Record a quote and return its id."""
        terms = quoted_terms(amount, disbursed_on)
        quote_id = new_id("quo")
        async with self.bench.database.transaction() as tx:
            await QuoteRepository(tx).insert(
                quote_id=quote_id,
                line_id=self.line_id,
                terms=terms,
                plan=build_plan(terms),
                quoted_at=self.opened_at,
                expires_at=self.opened_at + valid_for,
                rate_caps=ref(RATE_CAPS, HOME_CAPS),
            )
        return quote_id

    def command(self, quote_id: str, amount: int = AMOUNT) -> DrawCommand:
        return DrawCommand(
            drawdown_id=new_id("dra"), loan_id=new_id("loa"), quote_id=quote_id, amount=amount
        )

    def reservation(self, command: DrawCommand) -> ReserveDrawdown:
        return ReserveDrawdown(
            line_id=self.line_id,
            applicant_id=self.applicant_id,
            command=command,
            at=self.opened_at + timedelta(minutes=1),
        )

    async def reserve(self, *, amount: int = AMOUNT) -> DrawReceipt:
        """Reserve a drawdown."""
        command = self.command(await self.quote(amount=amount), amount)
        return await self.bench.perform(calls.RESERVE_DRAWDOWN, self.reservation(command))

    async def sign(self, *, amount: int = AMOUNT) -> DrawReceipt:
        """Reserve a drawdown and sign its contract."""
        receipt = await self.reserve(amount=amount)
        await self.bench.perform(calls.SIGN_CONTRACT, SignContract(drawdown_id=receipt.drawdown_id))
        return receipt

    async def disburse(self, *, amount: int = AMOUNT) -> DrawReceipt:
        """Reserve, sign and pay a drawdown out."""
        receipt = await self.sign(amount=amount)
        outcome = await self.bench.perform(calls.DISBURSE, disbursement(receipt))
        assert outcome.status is TransferStatus.SUCCEEDED
        return receipt

    def booking(self, receipt: DrawReceipt, on: date = DISBURSED_ON) -> BookLoan:
        return BookLoan(
            amount=receipt.amount,
            drawdown_id=receipt.drawdown_id,
            loan_id=receipt.loan_id,
            line_id=self.line_id,
            applicant_id=self.applicant_id,
            product=self.applicant.start.product.code,
            disbursed_on=on,
        )

    async def borrow(self, *, amount: int = AMOUNT) -> str:
        """Have a loan and return its id."""
        receipt = await self.disburse(amount=amount)
        booked = await self.bench.perform(calls.BOOK_LOAN, self.booking(receipt))
        return booked.loan_id


def disbursement(receipt: DrawReceipt) -> Disburse:
    return Disburse(
        drawdown_id=receipt.drawdown_id,
        order_no=ids.disbursement_order(receipt.drawdown_id),
        workflow_id=ids.drawdown_workflow(receipt.drawdown_id),
    )


def quoted_terms(amount: int = AMOUNT, disbursed_on: date = DISBURSED_ON) -> LoanTerms:
    return monthly_terms(
        currency="CNY",
        principal=amount,
        annual_rate=Decimal("24"),
        instalments=12,
        disbursed_on=disbursed_on,
        penalty_annual_rate=Decimal("24"),
    )


def offer(
    *, mode: str = "single_batch", amount: int = AMOUNT, annual_rate: Decimal = Decimal("24")
) -> Offer:
    return Offer(
        offer_id=new_id("off"),
        currency="CNY",
        amount=amount,
        instalments=12,
        annual_rate=annual_rate,
        penalty_annual_rate=annual_rate,
        mode=mode,
        expires_at=utc_now() + timedelta(days=7),
    )


def opening(of: Applicant, accepted: Offer, opened_at: datetime) -> OpenLine:
    return OpenLine(
        application_id=of.start.application_id,
        applicant_id=of.start.applicant_id,
        offer=accepted,
        line_id=ids.derived_id("lin", of.start.application_id),
        opened_at=opened_at,
        expires_at=opened_at + timedelta(days=15),
        state_seq=3,
    )


async def borrower(
    bench: Bench, person: Person, *, mode: str = "single_batch", product: str = "cash"
) -> Borrower:
    """Verify an applicant and open a line for them."""
    known = await applicant(bench, person, product=product)
    await known.verify_identity()
    rate = known.start.product.content.terms.annual_rate
    accepted, now = offer(mode=mode, annual_rate=rate), utc_now()
    async with bench.database.transaction() as tx:
        await OfferRepository(tx).make(accepted, known.start.application_id, now)
    await bench.perform(calls.OPEN_LINE, opening(known, accepted, now))
    return Borrower(bench, known, ids.derived_id("lin", known.start.application_id), now)
