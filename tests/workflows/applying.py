"""An application as its applicant lives through it: elements, commands and the record."""

import asyncio
from dataclasses import dataclass

from domain.applications.application import ApplicationState
from domain.cases.cases import CaseKind
from domain.common.calendar import business_date
from domain.verification.elements import ElementKind
from messages import ids
from messages.applications import (
    ApplicationView,
    ElementOutcomes,
    ProvidedElement,
    ProvideElements,
    ReviewCommand,
)
from messages.verification import (
    ConfirmElement,
    ElementSettled,
    ReusedElement,
    SupplementRequest,
)
from sandbox import pictures
from sandbox.personas import Person
from services.verification.reuse import reuse_verifications
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.cases import CaseRepository, CaseRow
from storage.people.staff import StaffRepository
from storage.verification.data_imports import DataImportRepository
from storage.verification.elements import ElementRepository, ElementStatus
from tests.integration import story
from tests.workflows.lender import PATIENCE_SECONDS, Handle, Lender, person


def six_elements(of: Person) -> tuple[story.Given, ...]:
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

    async def store(self, *elements: story.Given) -> tuple[ProvidedElement, ...]:
        """Store elements as the API does before it tells the process."""
        return tuple(
            [
                ProvidedElement(
                    element_id=await self.applicant.provide(element), kind=ElementKind(element.kind)
                )
                for element in elements
            ]
        )

    async def provide(self, *elements: story.Given, submit: bool = False) -> ElementOutcomes:
        """Store elements and have them verified."""
        return await self.tell(ProvideElements(elements=await self.store(*elements), submit=submit))

    async def tell(self, command: ProvideElements) -> ElementOutcomes:
        outcomes: ElementOutcomes = await self.handle.execute_update(
            "provide_elements", command, result_type=ElementOutcomes
        )
        return outcomes

    async def confirm(self, element_id: str, code: str) -> ElementOutcomes:
        """Enter a code as the applicant does through the API."""
        code_id = ids.new_id("act")
        async with self.lender.database.transaction() as tx:
            await DataImportRepository(tx).enter_code(code_id, element_id, code)
        command = ConfirmElement(element_id=element_id, code_id=code_id)
        outcomes: ElementOutcomes = await self.handle.execute_update(
            "confirm_element", command, result_type=ElementOutcomes
        )
        return outcomes

    async def notify(self, element_id: str, event_id: str = "evt_1") -> None:
        """Have a source's notice passed on as the API does."""
        news = ElementSettled(element_id=element_id, event_id=event_id)
        await self.handle.signal("element_settled", news)

    async def statuses(self) -> dict[ElementKind, ElementStatus]:
        """Return where the elements stand by the record."""
        async with self.lender.database.read() as tx:
            return {status.kind: status for status in await ElementRepository(tx).latest(self.id)}

    async def ask_again(self, *kinds: ElementKind, by: str = "rita") -> ApplicationView:
        """Ask for a supplement as a reviewer does through the API."""
        request = SupplementRequest(kinds=kinds, reason="unclear", reviewer=by)
        return await self._command("review_supplement", request)

    async def case(self) -> CaseRow:
        async with self.lender.database.read() as tx:
            row = await CaseRepository(tx).of_subject(CaseKind.REVIEW, self.id)
        assert row is not None
        return row

    async def submit(self) -> ApplicationView:
        return await self._command("submit")

    async def withdraw(self) -> ApplicationView:
        return await self._command("withdraw")

    async def accept(self, offer_id: str) -> ApplicationView:
        return await self._command("accept_offer", offer_id)

    async def review(
        self, word: str, *, by: str = "rita", reason: str = "", amount: int | None = None
    ) -> ApplicationView:
        """Approve or reject as a reviewer does through the API."""
        command = ReviewCommand(reviewer=by, reason=reason, amount=amount)
        return await self._command(f"review_{word}", command)

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
            row = await ApplicationRepository(tx).get(self.id)
        assert row is not None
        return row


async def apply(
    lender: Lender,
    by: Person,
    *,
    product: str = "cash",
    channel: str = "app",
    reference: str | None = None,
) -> Applying:
    """Record an applicant with an application, and start its process as the API does."""
    applicant = await story.applicant(
        lender.bench, by, product=product, channel=channel, reference=reference
    )
    start = applicant.start
    async with lender.database.transaction() as tx:
        row = await ApplicationRepository(tx).get(start.application_id)
        assert row is not None
        asked = start.product
        opened_on = business_date(row.created_at, asked.zone)
        taken = await reuse_verifications(tx, row, asked, asked.kinds, opened_on, row.created_at)
    reused = tuple(ReusedElement(kind=item.kind, element_id=item.element_id) for item in taken)
    await lender.siblings.start_application(start.model_copy(update={"reused": reused}))
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


async def reviewer(lender: Lender) -> str:
    """Somebody new in the directory; returns the handle."""
    person_id = ids.new_id("stf")
    handle = f"r-{person_id[-20:]}"
    async with lender.database.transaction() as tx:
        people = StaffRepository(tx)
        await people.insert(person_id, handle, "Lin Canary", lender="own", branch="main")
        await people.give_role(person_id, "reviewer", "test")
    return handle


async def approve_by_two(applying: Applying, reason: str = "") -> ApplicationView:
    """Approve at both stages, each by somebody else."""
    first, second = await reviewer(applying.lender), await reviewer(applying.lender)
    passed_on = await applying.review("approve", by=first, reason=reason)
    assert passed_on.state is ApplicationState.IN_REVIEW
    return await applying.review("approve", by=second, reason=reason)
