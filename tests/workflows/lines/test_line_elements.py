"""Elements that are asked for before money is drawn."""

import asyncio
from datetime import timedelta

import pytest

from domain.applications.application import CodeRefused, ElementRefused
from domain.applications.reusable_verifications import DrawdownElementsMissing
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from messages import ids
from messages.applications import ProvidedElement
from messages.lines import LineElementOutcomes, ProvideLineElements
from messages.verification import ConfirmElement, ElementOutcome, ElementSettled
from sandbox.data_imports import RIGHT_CODE
from sandbox.personas import Person
from storage.verification.data_imports import DataImportRepository
from storage.verification.elements import ElementRepository
from tests.integration import story
from tests.integration.sources.test_data_sources_binding import an_earlier_time
from tests.workflows.applying import Applying, apply, six_elements
from tests.workflows.borrowing import Line
from tests.workflows.lender import Lender, eventually, person, refused

pytestmark = pytest.mark.usefixtures("more_products")


async def line_without_card(
    lender: Lender, who: Person, product: str = "drawing"
) -> tuple[Applying, Line]:
    """Return an accepted application that was not asked for the card, and its line."""
    applying = await apply(lender, who, product=product)
    given = await applying.provide(*six_elements(who)[:5], submit=True)
    await applying.accept(given.application.offer_id or "")
    row = await applying.row()
    borrower = story.Borrower(lender.bench, applying.applicant, applying.line_id, row.created_at)
    line = Line(lender, borrower)
    await eventually(lambda: lender.history(line.workflow_id))
    return applying, line


async def provide(line: Line, *stored: ProvidedElement) -> LineElementOutcomes:
    outcomes: LineElementOutcomes = await line.lender.handle(line.workflow_id).execute_update(
        "provide_elements",
        ProvideLineElements(elements=stored),
        result_type=LineElementOutcomes,
    )
    return outcomes


async def confirm(line: Line, element_id: str, code: str) -> ElementOutcome:
    """Enter a code as the borrower does through the API."""
    code_id = ids.new_id("act")
    async with line.lender.database.transaction() as tx:
        await DataImportRepository(tx).enter_code(code_id, element_id, code)
    outcomes: LineElementOutcomes = await line.lender.handle(line.workflow_id).execute_update(
        "confirm_element",
        ConfirmElement(element_id=element_id, code_id=code_id),
        result_type=LineElementOutcomes,
    )
    return outcomes.outcomes[0]


async def notify(line: Line, element_id: str) -> None:
    """Have the source finish a report that is held, and its notice passed on as the API does."""
    console = line.lender.simulators.console
    answer = await console.post(f"/sandbox/data-imports/{element_id}/finish")
    event_id = str(answer.raise_for_status().json()["event_id"])
    news = ElementSettled(element_id=element_id, event_id=event_id)
    await line.lender.handle(line.workflow_id).signal("element_settled", news)


async def importing(line: Line, applying: Applying, who: Person) -> dict[ElementKind, str]:
    """Begin both data imports of a line, have the report take its time; return the element ids."""
    stored = await applying.store(story.bank_card(who), elements.OperatorReport(mobile=who.mobile))
    begun = await provide(line, *stored)
    assert {one.verdict for one in begun.outcomes} == {Verdict.AWAITING_CODE}
    given = {one.kind: one.element_id for one in begun.outcomes}
    await line.lender.simulators.fault("operator_report", operation="confirm", hold=True)
    pending = await confirm(line, given[ElementKind.OPERATOR_REPORT], RIGHT_CODE)
    assert pending.verdict is Verdict.PENDING
    return given


async def test_money_is_drawn_once_the_card_is_bound(lender: Lender) -> None:
    who = person()
    applying, line = await line_without_card(lender, who)
    command = await line.command()
    with refused(DrawdownElementsMissing):
        await line.draw(command)

    wrong = await provide(line, *await applying.store(story.bank_card(person())))
    assert wrong.outcomes[0].verdict is Verdict.MISMATCH
    with refused(DrawdownElementsMissing):
        await line.draw(command)
    right = await provide(line, *await applying.store(story.bank_card(who)))
    assert right.outcomes[0].verdict is Verdict.MATCH
    await line.draw(command)

    assert (await line.drawn(command.drawdown_id)).disbursed
    # It is kept: a later application need not ask for it.
    async with lender.database.read() as tx:
        kept = await ElementRepository(tx).verified_earlier(applying.applicant.start.applicant_id)
    assert ElementKind.BANK_CARD in {item.kind for item in kept}


async def test_what_is_imported_for_a_drawdown_comes_by_code_and_by_notice(
    lender: Lender,
) -> None:
    who = person()
    applying, line = await line_without_card(lender, who, "importing")
    given = await importing(line, applying, who)
    wrong = await confirm(line, given[ElementKind.BANK_CARD], "000000")
    assert (wrong.verdict, wrong.reason) == (Verdict.AWAITING_CODE, "wrong_code")
    with refused(CodeRefused):
        await confirm(line, given[ElementKind.OPERATOR_REPORT], RIGHT_CODE)
    bound = await confirm(line, given[ElementKind.BANK_CARD], RIGHT_CODE)
    assert bound.verdict is Verdict.MATCH
    command = await line.command()
    with refused(DrawdownElementsMissing):
        await line.draw(command)

    await lender.pass_time(line.workflow_id, timedelta(minutes=20))
    assert len(await lender.scheduled(line.workflow_id, "poll_data_import")) == 2
    await notify(line, given[ElementKind.OPERATOR_REPORT])
    await eventually(
        applying.statuses,
        lambda found: found[ElementKind.OPERATOR_REPORT].verdict is Verdict.MATCH,
    )
    await line.draw(command)

    assert (await line.drawn(command.drawdown_id)).disbursed


async def test_a_card_that_is_not_confirmed_in_its_minutes_may_be_bound_again(
    lender: Lender,
) -> None:
    who = person()
    applying, line = await line_without_card(lender, who, "importing")
    stored = await applying.store(story.bank_card(who))
    assert (await provide(line, *stored)).outcomes[0].verdict is Verdict.AWAITING_CODE

    await lender.pass_time(line.workflow_id, timedelta(minutes=16))

    status = (await applying.statuses())[ElementKind.BANK_CARD]
    assert (status.verdict, status.reason) == (Verdict.UNAVAILABLE, "no_answer")
    an_earlier_time(lender.simulators, stored[0].element_id, 61)
    again = await provide(line, *await applying.store(story.bank_card(who)))
    assert again.outcomes[0].verdict is Verdict.AWAITING_CODE


async def test_a_line_takes_what_its_product_asks_for_then(lender: Lender) -> None:
    who = person()
    applying, line = await line_without_card(lender, who)
    with refused(ElementRefused):
        await provide(line, *await applying.store(story.operator(who)))


async def test_a_source_that_is_down_answers_later(lender: Lender) -> None:
    who = person()
    applying, line = await line_without_card(lender, who)
    await lender.simulators.fault("bank_card", status=503)
    stored = await applying.store(story.bank_card(who))
    first, again = await asyncio.gather(provide(line, *stored), provide(line, *stored))
    assert first.outcomes[0].verdict is again.outcomes[0].verdict is Verdict.PENDING
    with refused(ElementRefused):
        await provide(line, *await applying.store(story.bank_card(who)))

    await lender.simulators.repair()

    await eventually(
        applying.statuses,
        lambda found: (
            found[ElementKind.BANK_CARD].element_id != stored[0].element_id
            or found[ElementKind.BANK_CARD].verdict is Verdict.MATCH
        ),
    )
