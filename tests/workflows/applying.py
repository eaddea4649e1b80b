"""An application as its applicant lives through it: elements, commands and the record."""

from dataclasses import dataclass

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
from tests.workflows.lender import Handle, Lender


def six_elements(person: Person) -> tuple[Element, ...]:
    """Return everything that the product asks a person for."""
    return (
        story.real_name(person),
        story.operator(person),
        story.personal_information(person),
        story.identity_card(pictures.card_front(person), pictures.card_back(person)),
        story.liveness(person),
        story.bank_card(person),
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
        return await self.tell(
            ProvideElements(elements=await self.store(*elements), submit=submit)
        )

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

    async def row(self) -> ApplicationRow:
        async with self.lender.database.read() as tx:
            row = await tx.applications.get(self.id)
        assert row is not None
        return row


async def apply(lender: Lender, person: Person, *, product: str = "cash") -> Applying:
    """Record an applicant with an application, and start its process."""
    applicant = await story.applicant(lender.bench, person, product=product)
    await lender.siblings.start_application(applicant.start)
    return Applying(lender, applicant)


async def offered(lender: Lender, person: Person) -> tuple[Applying, str]:
    """Return an application with its offer's id."""
    applying = await apply(lender, person)
    outcomes = await applying.provide(*six_elements(person), submit=True)
    assert outcomes.application.offer_id is not None
    return applying, outcomes.application.offer_id


async def in_review(lender: Lender, person: Person) -> Applying:
    """Return the application of someone whose score asks for a reviewer."""
    applying = await apply(lender, person)
    await applying.provide(*six_elements(person), submit=True)
    return applying
