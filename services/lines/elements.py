"""What a borrower provides before money is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.applications.application import ElementRefused, check_may_provide
from domain.applications.reusable_verifications import usable_verifications
from domain.common.calendar import business_date
from domain.lines import LineClosed, LineState
from domain.people.principals import Principal
from domain.products.products import AgreedProduct
from domain.verification.elements import Element, ElementKind, Verdict
from messages import ids
from messages.lines import ProvideLineElements
from messages.verification import ConfirmElement, ElementOutcome
from runtime.clock import utc_now
from services.common.commands import Command
from services.lines.finding import find_line
from services.products.agreed import product_of, product_of_line
from services.verification.intake import Pictures, store_code, store_elements, was_lost
from services.verification.progress import ElementProgress, element_records, progress_of_given
from storage.applications.applications import ApplicationRepository
from storage.common.repository import Transaction
from storage.lines.lines import LineRow
from storage.people.consents import ConsentRepository
from storage.verification.elements import ElementRepository, ElementStatus


@dataclass(frozen=True)
class LineElements:
    """Where elements of a line stand, and which kinds are still to be verified for a drawdown."""

    line: LineRow
    elements: Sequence[ElementProgress]
    missing: Sequence[ElementKind]


async def provide_elements(
    tx: Transaction,
    caller: Principal,
    command: Command,
    line_id: str,
    elements: tuple[Element, ...],
    pictures: Pictures,
) -> tuple[LineRow, ProvideLineElements]:
    """Store elements, each kind once, and return the line and what to send to its process.

    Raises `NotFound`, `LineClosed`, `ElementRefused` for what is verified already, and what
    `store_elements` raises.
    """
    line = await find_line(tx, caller, line_id)
    application = await ApplicationRepository(tx).for_update(line.application_id)
    assert application is not None  # noqa: S101 -- a line comes from one
    if line.state is not LineState.ACTIVE:
        raise LineClosed(f"the line is {line.state}")
    product = await product_of(tx, application)
    asking = product.at_drawdown()
    counting = await _counting(tx, line, product)

    def check(kind: ElementKind, latest: Mapping[ElementKind, ElementStatus]) -> None:
        if kind in counting:
            raise ElementRefused(f"{kind} is verified already")
        # What was verified and no longer counts may be provided again, as what was lost may.
        counted = [
            known
            for known in latest.values()
            if not was_lost(known)
            and (known.verdict is not Verdict.MATCH or known.kind in counting)
        ]
        together = {ElementKind(element.kind) for element in elements}
        check_may_provide(asking, element_records(counted, None), kind, together=together)

    provided = await store_elements(tx, command, application, elements, pictures, check)
    return line, ProvideLineElements(elements=provided)


async def enter_code(
    tx: Transaction, caller: Principal, command: Command, line_id: str, element_id: str, code: str
) -> tuple[LineRow, ConfirmElement]:
    """Store the code that a source sent, and return what to send to the process.

    Raises `NotFound`.
    """
    line = await find_line(tx, caller, line_id)
    return line, await store_code(tx, command, ids.line_workflow(line.id), element_id, code)


async def read_elements(tx: Transaction, caller: Principal, line_id: str) -> LineElements:
    """Return what a drawdown asks for: the last element of each kind, and what is missing.

    Raises `NotFound`.
    """
    line = await find_line(tx, caller, line_id)
    asked = (await product_of_line(tx, line)).drawdown_elements
    latest = await ElementRepository(tx).latest(line.application_id)
    wanted = {status.element_id for status in latest if status.kind in asked}
    return await read_given_elements(tx, line, wanted, for_staff=caller.is_staff)


async def read_given_elements(
    tx: Transaction,
    line: LineRow,
    element_ids: set[str],
    outcomes: Iterable[ElementOutcome] = (),
    *,
    for_staff: bool = False,
) -> LineElements:
    """Return where those elements of a line stand that are named, and what is missing."""
    product = await product_of_line(tx, line)
    counting = await _counting(tx, line, product)
    elements = await progress_of_given(
        tx, line.application_id, product, element_ids, outcomes, for_staff=for_staff
    )
    missing = [kind for kind in product.drawdown_elements if kind not in counting]
    return LineElements(line, elements, missing)


async def _counting(tx: Transaction, line: LineRow, product: AgreedProduct) -> set[ElementKind]:
    """Return the kinds of a drawdown that were verified and still count today."""
    kept = await ElementRepository(tx).verified_earlier(line.applicant_id)
    today = business_date(utc_now(), product.zone)
    consented = await ConsentRepository(tx).purposes_in_force(line.applicant_id)
    usable = usable_verifications(
        product, product.drawdown_elements, kept, today, consented=consented, is_present=False
    )
    return {item.kind for item in usable}
