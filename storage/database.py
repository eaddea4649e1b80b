"""The pool, and transactions with a repository for every aggregate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import asyncpg

from runtime.keyring import BlindIndex, Keyring
from storage.applications.applications import Applications
from storage.applications.offers import Offers
from storage.applications.reviews import Reviews
from storage.applications.supplements import Supplements
from storage.collections import CollectionActions
from storage.common.audit import Audit
from storage.common.callbacks import Callbacks
from storage.common.outbox import Outbox, OutboxWakes
from storage.common.requests import Requests
from storage.credit_analysis.analyses import CreditAnalyses
from storage.credit_analysis.external_opinions import ExternalOpinions
from storage.credit_analysis.notices import AnalysisNotices
from storage.credit_analysis.scr_consents import ScrConsents
from storage.decisioning import Decisions
from storage.lines.drawdowns import Drawdowns
from storage.lines.lines import Lines
from storage.lines.quotes import Quotes
from storage.loans.journal import Journal
from storage.loans.loans import Loans
from storage.loans.reconciliation import Reconciliation
from storage.loans.repayments import Repayments
from storage.payments import Transfers
from storage.people.applicants import Applicants
from storage.people.consents import Consents
from storage.people.devices import Devices
from storage.sources import Enquiries
from storage.verification.captures import Captures
from storage.verification.element_pictures import ElementPictures
from storage.verification.element_tries import ElementTries
from storage.verification.elements import Elements
from storage.verification.liveness_challenges import LivenessChallenges

if TYPE_CHECKING:
    from storage.common.rows import Connection

_ACQUIRE_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 15.0
_STATEMENTS_CACHED: Final = 400

# Statements are short: what runs or waits longer is stuck, and a process that stops inside a
# transaction must not hold its locks. JIT costs more than it saves on them.
_SESSION: Final = {
    "application_name": "loanflow",
    "jit": "off",
    "statement_timeout": "12s",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "20s",
}


class Transaction:
    """One connection with the repositories on it."""

    def __init__(self, connection: "Connection", keyring: Keyring, blind_index: BlindIndex) -> None:
        self.connection = connection
        self.applicants = Applicants(connection, keyring, blind_index)
        self.applications = Applications(connection, blind_index)
        self.elements = Elements(connection, keyring, blind_index)
        self.pictures = ElementPictures(connection, blind_index)
        self.liveness_challenges = LivenessChallenges(connection, blind_index)
        self.element_tries = ElementTries(connection, blind_index)
        self.captures = Captures(connection, keyring)
        self.consents = Consents(connection)
        self.enquiries = Enquiries(connection, keyring, blind_index)
        self.devices = Devices(connection)
        self.decisions = Decisions(connection)
        self.reviews = Reviews(connection)
        self.supplements = Supplements(connection)
        self.offers = Offers(connection)
        self.lines = Lines(connection)
        self.quotes = Quotes(connection)
        self.drawdowns = Drawdowns(connection)
        self.loans = Loans(connection)
        self.journal = Journal(connection)
        self.reconciliation = Reconciliation(connection, self.loans)
        self.transfers = Transfers(connection)
        self.repayments = Repayments(connection)
        self.collections = CollectionActions(connection)
        self.outbox = Outbox(connection)
        self.audit = Audit(connection)
        self.callbacks = Callbacks(connection)
        self.credit_analyses = CreditAnalyses(connection, keyring, blind_index)
        self.analysis_notices = AnalysisNotices(connection)
        self.external_opinions = ExternalOpinions(connection)
        self.scr_consents = ScrConsents(connection, keyring)
        self.requests = Requests(connection, blind_index)


class Database:
    """A pool of connections and the keys of personal columns.

    Serialization failures and deadlocks are raised: callers run the whole transaction again.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        keyring: Keyring,
        blind_index: BlindIndex,
        wakes: OutboxWakes,
    ) -> None:
        self._pool = pool
        self._keyring = keyring
        self._blind_index = blind_index
        self.wakes = wakes

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, pool_size: int, pii_keyring: Keyring, blind_index: BlindIndex
    ) -> AsyncIterator[Self]:
        """Open the pool of at most `pool_size` connections; raises what asyncpg raises."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size,
            command_timeout=_COMMAND_SECONDS,
            statement_cache_size=_STATEMENTS_CACHED,
            server_settings=_SESSION,
        )
        async with pool, OutboxWakes(url) as wakes:
            yield cls(pool, pii_keyring, blind_index, wakes)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin; commit when the block ends, roll back when it raises."""
        async with (
            self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
            connection.transaction(),
        ):
            yield Transaction(connection, self._keyring, self._blind_index)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Yield the same without a transaction: every statement sees what is committed then."""
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            yield Transaction(connection, self._keyring, self._blind_index)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """Yield the same for reading: every statement sees what was committed at the first one."""
        async with (
            self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Transaction(connection, self._keyring, self._blind_index)

    async def ping(self) -> None:
        """Ask the database for a sign of life; raises when there is none."""
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            result: Any = await connection.fetchval("select 1")
            if result != 1:
                raise ConnectionError("the database does not answer")
