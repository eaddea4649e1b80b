"""An application as its applicant lives through it: elements, commands and the record."""

import asyncio
from dataclasses import dataclass

from domain.application import ApplicationState
from domain.elements import Element, ElementKind
from messages import ids
from messages.application import (
    ApplicationView,
    ElementOutcomes,
    ProvidedElement,
    ProvideElements,
    ReviewCommand,
)
from sandbox import pictures
from sandbox.personas import Person
from storage.applications import ApplicationRow
from tests.activities import story
from tests.workflows.lender import PATIENCE_SECONDS, Handle, Lender, person


def six_elements(of: Person) -> tuple[Element, ...]:
    """Return everything that the product asks a person for."""
    return (
        story.real_name(of),
        story.operator(of),
        story.personal_information(of),
        story.identity_card(pictures.card_front(of), pictures.card_back(of)),
        story.liveness(of),
        story.bank_card(of),
    )


@dataclass(frozen=True)
class Applying:
    """A running application."""

    lender: Lender
    applicant: story.Applicant

    @property
    def id(self) -> str:
        return self.applicant.start.application_id

    @property
    def workflow_id(self) -> str:
        return ids.application_workflow(self.id)

    @property
    def handle(self) -> Handle:
        return self.lender.handle(self.workflow_id)

    @property
    def line_id(self) -> str:
        """The id of the line that will follow from the application."""
        return ids.derived_id("lin", self.id)

    async def store(self, *elements: Element) -> tuple[ProvidedElement, ...]:
        """Store elements as the API does before it tells the process."""
        return tuple(
            [
                ProvidedElement(
                    element_id=await self.applicant.provide(element), kind=ElementKind(element.kind)
                )
                for element in elements
            ]
        )

    async def provide(self, *elements: Element, submit: bool = False) -> ElementOutcomes:
        """Store elements and have them verified."""
        return await self.tell(ProvideElements(elements=await self.store(*elements), submit=submit))

    async def tell(self, command: ProvideElements) -> ElementOutcomes:
        outcomes: ElementOutcomes = await self.handle.execute_update(
            "provide_elements", command, result_type=ElementOutcomes
        )
        return outcomes

    async def submit(self) -> ApplicationView:
        return await self._command("submit")

    async def withdraw(self) -> ApplicationView:
        return await self._command("withdraw")

    async def accept(self, offer_id: str) -> ApplicationView:
        return await self._command("accept_offer", offer_id)

    async def review(self, word: str, *, by: str = "rita", reason: str = "") -> ApplicationView:
        """Approve or reject as a reviewer does through the API."""
        return await self._command(f"review_{word}", ReviewCommand(reviewer=by, reason=reason))

    async def _command(self, name: str, *arguments: object) -> ApplicationView:
        view: ApplicationView = await self.handle.execute_update(
            name, args=list(arguments), result_type=ApplicationView
        )
        return view

    async def result(self) -> ApplicationView:
        """Wait until the process ends and return how."""
        handle = self.lender.client.get_workflow_handle(
            self.workflow_id, result_type=ApplicationView
        )
        view: ApplicationView = await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)
        return view

    async def row(self) -> ApplicationRow:
        async with self.lender.database.read() as tx:
            row = await tx.applications.get(self.id)
        assert row is not None
        return row


async def apply(lender: Lender, by: Person, *, product: str = "cash") -> Applying:
    """Record an applicant with an application, and start its process."""
    applicant = await story.applicant(lender.bench, by, product=product)
    await lender.siblings.start_application(applicant.start)
    return Applying(lender, applicant)


async def offered(lender: Lender) -> tuple[Applying, str]:
    """Return an application that was approved, with its offer's id."""
    applicant = person()
    applying = await apply(lender, applicant)
    outcomes = await applying.provide(*six_elements(applicant), submit=True)
    assert outcomes.application.offer_id is not None
    return applying, outcomes.application.offer_id


async def in_review(lender: Lender) -> Applying:
    """Return the application of someone whose score asks for a reviewer."""
    applicant = person("story")
    applying = await apply(lender, applicant)
    outcomes = await applying.provide(*six_elements(applicant), submit=True)
    assert outcomes.application.state is ApplicationState.IN_REVIEW
    return applying
