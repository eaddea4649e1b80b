"""The simulators' own console under `/sandbox`: faults, the book, calls, ends, people."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Body, HTTPException, Query
from pydantic import BaseModel, ConfigDict

from sandbox import data_imports, payments, personas, registers
from sandbox.book import Book, Row
from sandbox.callbacks import CallbackSender
from sandbox.faults import Fault, FaultProgramme
from sandbox.source_wire import Source
from sandbox.wire import FailureReason, OrderKind

_TOTALS = """
SELECT kind, currency, COUNT(*) AS movements, SUM(amount) AS amount
FROM movements GROUP BY kind, currency ORDER BY kind, currency
"""
_CALLS_SHOWN = 10_000


class BookView(BaseModel):
    """Orders as asked for with their movements and callbacks, and the sums of all movements."""

    orders: list[Row]
    movements: list[Row]
    callbacks: list[Row]
    totals: list[Row]


class Settlement(BaseModel):
    """How a processing order ends: with a reason it failed, without one it succeeded."""

    model_config = ConfigDict(extra="forbid")

    reason: FailureReason | None = None


def control_routes(book: Book, faults: FaultProgramme, callbacks: CallbackSender) -> APIRouter:
    """Return the routes; they need no credentials, simulators never leave a developer's network."""
    router = APIRouter()
    _add_faults(router, faults)
    _add_records(router, book)

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Say that the simulators serve and their book can be read."""
        book.one("SELECT 1")
        return {"status": "ok"}

    @router.post("/sandbox/settle/{order_no}")
    async def settle(
        order_no: str, settlement: Annotated[Settlement | None, Body()] = None
    ) -> dict[str, str]:
        """Settle a processing order and send its callback; a settled order's is sent again."""
        event_id = payments.settle(book, order_no, settlement.reason if settlement else None)
        callbacks.deliver(event_id)
        return {"event_id": event_id}

    @router.post("/sandbox/data-imports/{capture_no}/finish")
    async def finish(capture_no: str) -> dict[str, str]:
        """End a running data import and send its notice; an ended one's is sent again."""
        event_id = data_imports.finish(book, capture_no)
        callbacks.announce(event_id)
        return {"event_id": event_id}

    return router


def _add_faults(router: APIRouter, faults: FaultProgramme) -> None:
    @router.put("/sandbox/faults")
    async def put_fault(fault: Fault) -> list[Fault]:
        """Program a fault and return all that are in force."""
        faults.put(fault)
        return faults.listed()

    @router.get("/sandbox/faults")
    async def list_faults() -> list[Fault]:
        """Return the faults in force."""
        return faults.listed()

    @router.delete("/sandbox/faults", status_code=204)
    async def clear_faults() -> None:
        """Forget all faults."""
        faults.clear()


def _add_records(router: APIRouter, book: Book) -> None:
    @router.get("/sandbox/book")
    async def read_book(
        kind: OrderKind | None = None, order_no: str | None = None, status: str | None = None
    ) -> BookView:
        """Return the payment book, narrowed as asked."""
        wanted = {"kind": kind, "order_no": order_no, "status": status}
        orders = book.select("orders", "created_at, order_no", wanted)
        numbers = {order["order_no"] for order in orders}
        return BookView(
            orders=[_public(order) for order in orders],
            movements=_of(numbers, book.select("movements", "moved_at, order_no", {})),
            callbacks=_of(numbers, book.select("callbacks", "event_id", {})),
            totals=book.all(_TOTALS),
        )

    @router.get("/sandbox/data-imports")
    async def read_data_imports(
        source: Source | None = None, capture_no: str | None = None, status: str | None = None
    ) -> list[Row]:
        """Return the data imports, each with its notice if it has ended."""
        wanted = {"source": source, "capture_no": capture_no, "status": status}
        rows = book.select("data_imports", "begun_at, capture_no", wanted)
        notices = {row["capture_no"]: row for row in book.select("notices", "event_id", {})}
        return [_public(row) | {"notice": notices.get(row["capture_no"])} for row in rows]

    @router.get("/sandbox/bindings")
    async def read_bindings(binding_no: str | None = None) -> list[Row]:
        """Return the bindings of cards, each with the codes that were texted."""
        rows = book.select("bindings", "binding_no", {"binding_no": binding_no})
        codes = book.select("codes", "code", {"binding_no": binding_no})
        return [
            _public(row)
            | {"codes": [one["sent_at"] for one in codes if one["binding_no"] == row["binding_no"]]}
            for row in rows
        ]

    @router.get("/sandbox/calls")
    async def read_calls(
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=_CALLS_SHOWN)] = 1000,
    ) -> list[Row]:
        """Return the latest calls in the order of their arrival, personal fields masked."""
        wanted = {"provider": provider, "operation": operation, "request_id": request_id}
        return book.select("calls", "call DESC", wanted, limit)[::-1]

    @router.get("/sandbox/messages")
    async def read_messages(message_id: str | None = None) -> list[Row]:
        """Return the accepted messages, mobiles masked."""
        return book.select("messages", "accepted_at, message_id", {"message_id": message_id})

    @router.get("/sandbox/messages/{message_id}/link")
    async def read_link(message_id: str) -> Row:
        """Return the link in a message, as its recipient would follow it."""
        found = book.one("SELECT link FROM message_links WHERE message_id = ?", message_id)
        if found is None:
            raise HTTPException(404, "no_link")
        return found

    @router.get("/sandbox/personas")
    async def read_personas() -> list[dict[str, object]]:
        """Return the first member of each family of fictional people."""
        return [asdict(personas.person(persona.key)) for persona in personas.PERSONAS]

    @router.get("/sandbox/registers")
    async def read_registers() -> list[dict[str, object]]:
        """Return the first member of each family of fictional firms and Brazilians."""
        return registers.listed()


def _of(numbers: set[object], rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["order_no"] in numbers]


def _public(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("card_key", "fingerprint")}
