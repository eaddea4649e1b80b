"""Loans of any terms in a database of their own, and what their books should say on a day."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from activities.loans.books import LoanBooks
from activities.loans.servicing import Servicing
from domain.collections import COLLECTIONS_LADDER
from domain.loans.contract import CONTRACT_TEMPLATE
from domain.loans.events import AnyEvent, Disbursed, LoanEvent
from domain.loans.ledger import balances
from domain.loans.position import position
from domain.loans.schedule import build_plan, deducted_fees
from domain.loans.servicing import SERVICING_POLICY
from domain.loans.terms import LoanTerms
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from local.postgres import EmbeddedPostgres, create_database, drop_database
from messages.ids import new_id
from messages.loans import PostTransaction, RecordTransaction
from runtime.clock import utc_now
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from services.loans.accruals import accrue_part
from services.loans.ledger import trial_balance
from storage.database import Database
from storage.lines.drawdowns import DrawdownCreate, DrawdownRepository
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from storage.loans.closings import ClosingRepository
from storage.loans.loans import LoanRepository
from tests.api import seeds
from tests.conftest import TEMPLATE
from tests.definitions import ref, shipped

FUNDERS: Final = ("own", "trust-7")


@dataclass
class Lent:
    """A loan with what its books were told: each event with the day on which it was booked."""

    id: str
    terms: LoanTerms
    funder: str
    told: list[tuple[LoanEvent, date]] = field(default_factory=list)
    seq: int = 1

    def key(self, name: str) -> str:
        return f"loan:{self.id}:{name}"

    def books_on(self, day: date) -> Counter[str]:
        """Return what the position says, of what was known on a day."""
        known = [event for event, booked_on in self.told if booked_on <= day]
        if not known:
            return Counter()
        found = balances(position(self.terms, known, day))
        return Counter({account.value: amount for account, amount in found.items() if amount})


class Portfolio:
    """All loans of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.loans: list[Lent] = []

    async def lend(self, terms: LoanTerms, funder: str = "own") -> Lent:
        """Disburse a loan on the day of its terms."""
        loan = Lent(new_id("loa"), terms, funder)
        quote_id, drawdown_id = new_id("quo"), new_id("dra")
        plan, now = build_plan(terms), utc_now()
        async with self.database.transaction() as tx:
            start = await seeds.application(tx, "app", f"books-{loan.id}")
            _, line_id = await seeds.line(tx, start)
            await QuoteRepository(tx).insert(
                quote_id=quote_id,
                line_id=line_id,
                terms=terms,
                plan=plan,
                quoted_at=now,
                expires_at=now,
                rate_caps=ref(RATE_CAPS, HOME_CAPS),
            )
            await DrawdownRepository(tx).reserve(
                DrawdownCreate(
                    id=drawdown_id,
                    line_id=line_id,
                    quote_id=quote_id,
                    loan_id=loan.id,
                    currency=terms.currency,
                    amount=terms.principal,
                    contract_no=f"LF-{drawdown_id.upper()}",
                    requested_at=now,
                    contract=str(ref(CONTRACT_TEMPLATE, "loan-contract")),
                )
            )
            row = await LoanRepository(tx).book(
                loan_id=loan.id,
                drawdown_id=drawdown_id,
                line_id=line_id,
                applicant_id=start.applicant_id,
                terms=terms,
                plan=plan,
                zone="Asia/Shanghai",
                ladder=ref(COLLECTIONS_LADDER, "standard"),
                servicing=ref(SERVICING_POLICY, "standard"),
                funder=funder,
            )
            event = Disbursed(
                key=loan.key("disbursed"), on=terms.disbursed_on, amount=terms.first_disbursement
            )
            cash = deducted_fees(terms) - event.amount
            closed_to = await ClosingRepository(tx).closed_to()
            books = LoanBooks(tx, row, shipped(SERVICING_POLICY, "standard"), (), None, closed_to)
            await books.post(event.key, "disbursement", event.on, 1, event=event, cash=cash)
            # Room for what is paid back beyond this loan's part of the line.
            await LineRepository(tx).repay(line_id, -terms.principal)
        loan.told.append((event, event.on))
        self.loans.append(loan)
        return loan

    async def record(self, loan: Lent, event: AnyEvent, today: date) -> None:
        """Record an event, which may be backdated, on a business day."""
        loan.seq += 1
        await Servicing(self.database).post_transaction(
            PostTransaction(
                loan_id=loan.id,
                transaction=RecordTransaction(event=event, actor="otto", role="ops"),
                business_date=today,
                state_seq=loan.seq,
            )
        )
        async with self.database.read() as tx:
            booked_on = await tx.connection.fetchval(
                "select booked_on from loan_events where event_key = $1", event.key
            )
        loan.told.append((event, booked_on))

    async def bill(self, loan: Lent, on: date) -> None:
        """Keep a loan's own books to a day, as on a due date."""
        loan.seq += 1
        async with self.database.transaction() as tx:
            books = await LoanBooks.open(tx, loan.id)
            await books.post(loan.key(f"bill:{on}"), "bill", on, loan.seq)

    async def accrue(self, until: date) -> int:
        """Book every day up to one; return how many days were posted."""
        posted = 0
        while True:
            async with self.database.transaction() as tx:
                part = await accrue_part(tx, until)
            if part.day is None:
                return posted
            posted += part.is_posted

    async def sheet(
        self, as_of: date, loan: Lent | None = None, funder: str | None = None
    ) -> dict[str, int]:
        """Return the trial balance of a day, of all loans or of one; accounts at zero left out."""
        async with self.database.read() as tx:
            found = await trial_balance(
                tx,
                currency="CNY",
                as_of=as_of,
                loan_id=loan.id if loan else None,
                funder=funder,
            )
        return {account: amount for account, amount in found.items() if amount}

    def expected(self, day: date, funder: str | None = None) -> dict[str, int]:
        """Return what all positions of a day sum to, of what was known then."""
        total: Counter[str] = Counter()
        for loan in self.loans:
            if funder in (None, loan.funder):
                total.update(loan.books_on(day))
        return {account: amount for account, amount in sorted(total.items()) if amount}


@asynccontextmanager
async def fresh(postgres: EmbeddedPostgres, settings: Settings) -> AsyncIterator[Portfolio]:
    """Yield a portfolio in a database of its own, without a loan."""
    name = f"b{new_id('act')[4:16]}"
    url = await create_database(postgres.url, name, template=TEMPLATE)
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with Database.open(url, 4, keyring, blind_index) as database:
        yield Portfolio(database)
    await drop_database(postgres.url, name)
