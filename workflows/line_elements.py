"""Elements that are asked for before money is drawn, verified while their line is open."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.application import ElementRecord, check_may_provide
    from domain.elements import ElementKind, Verdict
    from domain.products import Product
    from messages import calls
    from messages.application import ProvidedElement
    from messages.elements import ElementOutcome, VerifyElement
    from workflows.calling import SOON, SOON_WITHIN, run


class LineElements:
    """The elements of one line. What could not be verified soon is asked for until it is."""

    def __init__(self, application_id: str, product: Product) -> None:
        self._application_id = application_id
        self._product = product.model_copy(
            update={"required_elements": product.drawdown_elements, "optional_elements": ()}
        )
        self._records: dict[ElementKind, ElementRecord] = {}
        self._background: list[asyncio.Task[None]] = []

    def check_may_provide(self, elements: tuple[ProvidedElement, ...]) -> None:
        """Raise `ElementRefused` unless these may be provided now; a repeat may.

        What was verified before may be provided again: whether it still counts is on record.
        """
        for element in elements:
            known = self._records.get(element.kind)
            is_open = known is not None and known.verdict.is_open
            if known is None or (is_open and known.element_id != element.element_id):
                check_may_provide(self._product, self._records, element.kind)

    async def provide(self, elements: tuple[ProvidedElement, ...]) -> tuple[ElementOutcome, ...]:
        """Have elements verified side by side; what takes long is `pending`."""
        return tuple(await asyncio.gather(*(self._verify(element) for element in elements)))

    def stop(self) -> None:
        """Stop asking: the line is over."""
        for task in self._background:
            task.cancel()

    async def _verify(self, element: ProvidedElement) -> ElementOutcome:
        known = self._records.get(element.kind)
        if known is not None and known.element_id == element.element_id:
            return _outcome(known)
        record = self._records[element.kind] = ElementRecord(
            kind=element.kind,
            element_id=element.element_id,
            attempts=known.attempts + 1 if known else 1,
            verdict=Verdict.PENDING,
        )
        request = VerifyElement(
            application_id=self._application_id, element_id=element.element_id, kind=element.kind
        )
        summary = f"verify {element.kind} for a drawdown"
        try:
            answer = await run(
                calls.VERIFY_ELEMENT, request, summary, retry_policy=SOON, within=SOON_WITHIN
            )
        except ApplicationError:
            del self._records[element.kind]
            raise
        except ActivityError:
            self._background.append(asyncio.create_task(self._verify_late(record, request)))
        else:
            record.verdict, record.reason = answer.verdict, answer.reason
        return _outcome(record)

    async def _verify_late(self, record: ElementRecord, request: VerifyElement) -> None:
        try:
            answer = await run(
                calls.VERIFY_ELEMENT, request, f"verify {record.kind}: until the source answers"
            )
        except ApplicationError as refusal:
            workflow.logger.warning("a question was refused: %s", refusal.type)
            record.verdict = Verdict.UNAVAILABLE
        else:
            record.verdict, record.reason = answer.verdict, answer.reason


def _outcome(record: ElementRecord) -> ElementOutcome:
    return ElementOutcome(
        element_id=record.element_id,
        kind=record.kind,
        verdict=record.verdict,
        reason=record.reason,
    )
