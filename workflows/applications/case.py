"""What the process of an application knows, and the one place that changes where it stands."""

from collections.abc import Iterable
from datetime import date, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.applications.appeals import Appeal
    from domain.applications.application import (
        ApplicationClosed,
        ApplicationState,
        ElementRecord,
        Rejection,
        Supplement,
        Waiting,
        WrongState,
        is_exhausted,
        missing_elements,
    )
    from domain.common.calendar import business_date
    from domain.common.money import money
    from domain.common.zones import zone_of
    from domain.decisioning.decision import Demanded, Terms, element_of
    from domain.verification.elements import ElementKind, Verdict
    from messages import calls, ids
    from messages import search_attributes as attributes
    from messages.applications import (
        ApplicationView,
        Offer,
        RecordedState,
        RecordState,
        StartApplication,
    )
    from workflows.common.calling import run_recording
    from workflows.common.details import details_table, element_rows


class ApplicationCase:
    """One application as its process sees it.

    `submitted` says that the applicant asked for the decision, which is taken as soon as what was
    asked for is there. `review_due_at` is when senior people are called to a review, None outside
    of one and once they were.
    """

    def __init__(self, start: StartApplication) -> None:
        self.start = start
        self.product = start.product
        self.zone = zone_of(self.product.zone)
        self.opened_on = business_date(workflow.now(), self.zone)
        self.state = ApplicationState.COLLECTING
        self.waiting = Waiting.APPLICANT
        self.state_seq = 0
        self._silent = 0
        self.deadline: datetime | None = workflow.now() + self.product.content.collecting_for
        self.last_step_at = workflow.now()
        self.submitted = False
        self.elements: dict[ElementKind, ElementRecord] = {
            item.kind: ElementRecord(
                kind=item.kind,
                element_id=item.element_id,
                attempts=0,
                verdict=Verdict.MATCH,
                reused=True,
            )
            for item in start.reused
        }
        self.supplement: Supplement | None = None
        self.supplement_rounds = 0
        self.terms: Terms | None = None
        self.conditions: tuple[Demanded, ...] = ()
        self.offer: Offer | None = None
        self.line_id: str | None = None
        self.rejection: Rejection | None = None
        self.review_due_at: datetime | None = None
        self.paused_at: datetime | None = None
        if start.appeal is not None:
            self._go_on(start.appeal)
        self.show()

    def _go_on(self, appeal: Appeal) -> None:
        """Stand where the appeal put the application on record: before a reviewer."""
        self.state, self.waiting = ApplicationState.IN_REVIEW, Waiting.REVIEWER
        self.state_seq, self.deadline = appeal.state_seq, None
        self.elements = {record.kind: record for record in appeal.elements}
        self.supplement_rounds = appeal.supplement_rounds
        self.review_due_at = appeal.review_due_at

    @property
    def id(self) -> str:
        """Return the application's id."""
        return self.start.application_id

    @property
    def is_over(self) -> bool:
        """Say whether nothing can happen to the application any more."""
        return self.state.is_final

    @property
    def is_collecting(self) -> bool:
        """Say whether elements are taken."""
        return self.state is ApplicationState.COLLECTING

    def missing(self) -> tuple[ElementKind, ...]:
        """Return the kinds that are asked for and not provided yet."""
        return missing_elements(self.product, self.elements, self.supplement)

    def unprovided(self) -> tuple[ElementKind, ...]:
        """Return the missing kinds that the applicant has to do something about."""
        return tuple(kind for kind in self.missing() if self._verdict(kind) is not Verdict.PENDING)

    def providable(self) -> tuple[ElementKind, ...]:
        """Return the missing kinds that the applicant may still provide."""
        return tuple(
            kind
            for kind in self.unprovided()
            if kind not in self.elements or not is_exhausted(self.product, self.elements[kind])
        )

    def unfulfilled(self) -> tuple[str, ...]:
        """Return the conditions of the decision that are not fulfilled, in words.

        An element is once it is verified, a lower amount by an offer of no more.
        """
        return tuple(
            f"{one.kind.replace('_', ' ')} {one.element or ''}".strip()
            for one in self.conditions
            if one.kind != "lower_amount"
            and not any(
                record.kind == element_of(one) and record.verdict is Verdict.MATCH
                for record in self.elements.values()
            )
        )

    def is_under_way(self) -> bool:
        """Say whether all that is missing has been begun."""
        verdicts = [self._verdict(kind) for kind in self.missing()]
        return all(verdict is not None and verdict.is_open for verdict in verdicts)

    def _verdict(self, kind: ElementKind) -> Verdict | None:
        known = self.elements.get(kind)
        return known.verdict if known else None

    def require(self, states: Iterable[ApplicationState]) -> None:
        """Raise unless the application is in one of `states`."""
        if self.is_over:
            raise ApplicationClosed(f"the application is {self.state}")
        if self.state not in states:
            raise WrongState(f"the application is {self.state}")

    def change(self, state: ApplicationState, waiting: Waiting) -> None:
        """Set the state: the only place that writes it and the search attributes."""
        self.state_seq += 1
        self.state, self.waiting = state, waiting
        workflow.upsert_search_attributes(
            [
                attributes.APPLICATION_STATE.value_set(state.value),
                attributes.WAITING.value_set(waiting.value),
                attributes.NEEDS_HUMAN.value_set(self._needs_person),
            ]
        )
        self.show()

    def call_person(self, needed: bool) -> None:
        """Call a person to a source that says nothing, or say that it has answered after all."""
        self._silent += 1 if needed else -1
        workflow.upsert_search_attributes([attributes.NEEDS_HUMAN.value_set(self._needs_person)])

    @property
    def _needs_person(self) -> bool:
        return self.waiting is Waiting.REVIEWER or (self._silent > 0 and not self.is_over)

    async def wait_for(self, waiting: Waiting) -> None:
        """Say whose move it is, if that has changed."""
        if self.waiting is not waiting:
            self.change(self.state, waiting)
            await self.record()

    async def close(self, state: ApplicationState) -> None:
        """End the application."""
        self.change(state, Waiting.NOTHING)
        await self.record()

    @property
    def today(self) -> date:
        """Return the business date."""
        return business_date(workflow.now(), self.zone)

    async def record(self, reject_code: str | None = None) -> None:
        """Write where the application stands; of a rejection learn how long it keeps away."""
        recorded = await run_recording(
            calls.RECORD_STATE,
            RecordState(
                application_id=self.id,
                state=self.state,
                waiting=self.waiting,
                state_seq=self.state_seq,
                at=workflow.now(),
                business_date=self.today,
                reject_code=reject_code,
            ),
            f"record: {self.state}, waiting for {self.waiting}",
        )
        self.learn(recorded)

    def learn(self, recorded: RecordedState) -> None:
        """Take over what the database says of a rejection."""
        if recorded.rejection is not None:
            self.rejection = recorded.rejection
            self.show()

    def view(self) -> ApplicationView:
        """Return the application as its commands answer it."""
        return ApplicationView(
            application_id=self.id,
            state=self.state,
            waiting=self.waiting,
            state_seq=self.state_seq,
            offer_id=self.offer.offer_id if self.offer else None,
            line_id=self.line_id,
            rejection=self.rejection,
        )

    def show(self) -> None:
        """Let operators read where the application stands."""
        start = self.start
        rows = [
            ("stage", self.state.value),
            ("waiting for", self.waiting.value),
            ("asked", money(start.amount, start.currency)),
            ("months", str(start.instalments)),
        ]
        rows += element_rows(self.elements.values())
        if self.supplement is not None:
            rows.append(("asked for again", ", ".join(self.supplement.kinds)))
        if self.offer is not None:
            rows.append(("offer until", f"{self.offer.expires_at:%Y-%m-%d %H:%M} UTC"))
        if self.line_id is not None:
            rows.append(("goes on as", ids.line_workflow(self.line_id)))
        if self.rejection is not None:
            rows.append(("rejected", f"{self.rejection.code}, again {self.rejection.reapply_on}"))
        workflow.set_current_details(details_table(rows))
