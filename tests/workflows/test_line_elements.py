"""Elements that are asked for before money is drawn."""

import asyncio
from collections.abc import Iterator

import pytest

from domain.application import ElementRefused
from domain.elements import ElementKind, Verdict
from domain.kept_elements import DrawdownElementsMissing
from messages.application import ProvidedElement
from messages.line import LineElementOutcomes, ProvideLineElements
from sandbox.personas import Person
from tests.activities import story
from tests.workflows.applying import Applying, apply, six_elements
from tests.workflows.asking import offer_more
from tests.workflows.borrowing import Line
from tests.workflows.lender import Lender, also_uncached, eventually, person, refused


@pytest.fixture(autouse=True)
def more_products() -> Iterator[None]:
    """Stays until the lender has replayed its histories."""
    with pytest.MonkeyPatch.context() as patch:
        offer_more(patch)
        yield


async def line_without_card(lender: Lender, who: Person) -> tuple[Applying, Line]:
    """Return an accepted application that was not asked for the card, and its line."""
    applying = await apply(lender, who, product="drawing")
    given = await applying.provide(*six_elements(who)[:5], submit=True)
    await applying.accept(given.application.offer_id or "")
    row = await applying.row()
    borrower = story.Borrower(lender.bench, applying.applicant, applying.line_id, row.created_at)
    line = Line(lender, borrower)
    await eventually(lambda: lender.history(line.workflow_id))
    return applying, line


async def provide(line: Line, *elements: ProvidedElement) -> LineElementOutcomes:
    outcomes: LineElementOutcomes = await line.lender.handle(line.workflow_id).execute_update(
        "provide_elements",
        ProvideLineElements(elements=elements),
        result_type=LineElementOutcomes,
    )
    return outcomes


@also_uncached
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
        kept = await tx.elements.kept_by(applying.applicant.start.applicant_id, "Asia/Shanghai")
    assert ElementKind.BANK_CARD in {item.kind for item in kept}


async def test_a_line_takes_what_its_product_asks_for_then(lender: Lender) -> None:
    who = person()
    applying, line = await line_without_card(lender, who)
    with refused(ElementRefused):
        await provide(line, *await applying.store(story.operator(who)))


async def test_a_source_that_is_down_answers_later(lender: Lender) -> None:
    who = person()
    applying, line = await line_without_card(lender, who)
    await lender.standins.fault("bank_card", status=503)
    stored = await applying.store(story.bank_card(who))
    first, again = await asyncio.gather(provide(line, *stored), provide(line, *stored))
    assert first.outcomes[0].verdict is again.outcomes[0].verdict is Verdict.PENDING
    with refused(ElementRefused):
        await provide(line, *await applying.store(story.bank_card(who)))

    await lender.standins.repair()

    await eventually(
        applying.statuses,
        lambda found: (
            found[ElementKind.BANK_CARD].element_id != stored[0].element_id
            or found[ElementKind.BANK_CARD].verdict is Verdict.MATCH
        ),
    )
