"""The simulators' database: orders and movements, contracts, messages, imports, callbacks, calls.

One SQLite file in WAL mode: what was committed survives `kill -9`. All access is from one event
loop, so a transaction is a block of code without `await`.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from sandbox.clock import now
from sandbox.replies import RefusalError, Reply

Row = dict[str, object]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    order_no TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('disbursement', 'debit')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    card TEXT NOT NULL,
    card_key TEXT NOT NULL,
    initiator TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('processing', 'succeeded', 'failed')),
    reason TEXT CHECK ((reason IS NOT NULL) = (status = 'failed')),
    held INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL,
    settled_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS orders_of_card ON orders (card_key, kind, initiator);
CREATE TABLE IF NOT EXISTS movements (
    order_no TEXT PRIMARY KEY REFERENCES orders,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    moved_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS contracts (
    contract_no TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    document_sha256 TEXT NOT NULL,
    evidence_id TEXT NOT NULL UNIQUE,
    signed_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS message_links (
    message_id TEXT PRIMARY KEY,
    link TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    message_id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    channel TEXT NOT NULL,
    template TEXT NOT NULL,
    title TEXT NOT NULL,
    mobile TEXT NOT NULL,
    accepted_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS callbacks (
    event_id TEXT PRIMARY KEY,
    order_no TEXT NOT NULL UNIQUE REFERENCES orders,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS data_imports (
    capture_no TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    identity_tail TEXT NOT NULL,
    persona TEXT,
    person_index INTEGER,
    status TEXT NOT NULL CHECK (status IN ('code_sent', 'expired', 'pending', 'done', 'failed')),
    reason TEXT CHECK ((reason IS NOT NULL) = (status = 'failed')),
    wrong_tries INTEGER NOT NULL,
    polls INTEGER NOT NULL,
    polls_needed INTEGER,
    delay_seconds REAL,
    failure TEXT,
    held INTEGER NOT NULL,
    begun_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT CHECK ((ended_at IS NOT NULL) = (status IN ('done', 'failed')))
) STRICT;
CREATE TABLE IF NOT EXISTS notices (
    event_id TEXT PRIMARY KEY,
    capture_no TEXT NOT NULL UNIQUE REFERENCES data_imports,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS bindings (
    binding_no TEXT PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    card TEXT NOT NULL,
    agreement_no TEXT UNIQUE,
    wrong_tries INTEGER NOT NULL,
    code_sent_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS codes (
    code INTEGER PRIMARY KEY,
    binding_no TEXT NOT NULL REFERENCES bindings,
    mobile_key TEXT NOT NULL,
    mobile TEXT NOT NULL,
    day TEXT NOT NULL,
    sent_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS codes_of_mobile ON codes (mobile_key, day);
CREATE TABLE IF NOT EXISTS replies (
    request_key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    reply TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS calls (
    call INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    request_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL
) STRICT;
"""


class Book:
    """The file and the statements on it; a context manager that closes it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything in the block together, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def one(self, statement: str, *values: object) -> Row | None:
        """Return the first row of a query."""
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else dict(row)

    def all(self, statement: str, *values: object) -> list[Row]:
        """Return all rows of a query."""
        return [dict(row) for row in self._connection.execute(statement, values)]

    def execute(self, statement: str, *values: object) -> int:
        """Run a statement and return the number of rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        """Insert a row; table and column names come from this package only."""
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 -- see above
        self._connection.execute(statement, tuple(row.values()))

    def once(
        self,
        table: str,
        number: Mapping[str, str],
        request: BaseModel,
        conflict: str,
        make: Callable[[], Row],
    ) -> tuple[Row, bool]:
        """Return the row of a request's number, and whether it is new: made by `make` just now.

        Raises RefusalError 409 `conflict` if the number is taken by another content; names as for
        `insert`; to be called in a transaction where `make` does more than return a row.
        """
        content = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
        known = self.select(table, "1", number, 1)
        if not known:
            self.insert(table, {**number, "fingerprint": content, **make()})
            return self.select(table, "1", number, 1)[0], True
        if known[0]["fingerprint"] != content:
            raise RefusalError(409, conflict)
        return known[0], False

    def replied(self, key: str, request: BaseModel, work: Callable[[], Reply]) -> Reply:
        """Return the first reply that was given under `key`, or work and keep it; as `once`."""
        row, _ = self.once(
            "replies",
            {"request_key": key},
            request,
            "request_conflict",
            lambda: {"reply": json.dumps(work())},
        )
        reply: Reply = json.loads(str(row["reply"]))
        return reply

    def update(
        self, table: str, wanted: Mapping[str, object], changes: Mapping[str, object]
    ) -> None:
        """Change the rows whose columns equal `wanted`; names as for `insert`."""
        sets = ", ".join(f"{column} = ?" for column in changes)
        where = " AND ".join(f"{column} = ?" for column in wanted)
        statement = f"UPDATE {table} SET {sets} WHERE {where}"  # noqa: S608 -- own names
        self._connection.execute(statement, (*changes.values(), *wanted.values()))

    def select(
        self, table: str, order: str, wanted: Mapping[str, object | None], limit: int = -1
    ) -> list[Row]:
        """Return the rows whose columns equal `wanted` (None: any); names as for `insert`."""
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in given) or "1"
        query = f"SELECT * FROM {table} WHERE {where} ORDER BY {order}"  # noqa: S608 -- own names
        return self.all(f"{query} LIMIT ?", *given.values(), limit)

    def record_call(self, call: Sequence[str], outcome: str, details: Mapping[str, object]) -> None:
        """Record a call, given as provider, operation and request id; `details` are masked."""
        self._connection.execute(
            "INSERT INTO calls (at, provider, operation, request_id, outcome, details)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (now().isoformat(), *call, outcome, json.dumps(details, ensure_ascii=False)),
        )
