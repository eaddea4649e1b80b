"""Collecting: the elements of an application, and what is missing of them."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import (
        ElementRecord,
        Waiting,
        check_may_provide,
        is_provided,
    )
    from domain.verification.elements import ElementKind, Verdict
    from messages import calls
    from messages.applications import ProvidedElement
    from messages.verification import ReuseElements
    from workflows.applications.case import ApplicationCase
    from workflows.common.calling import run_recording
    from workflows.verification.verifying import Process, Verifying


class Collecting(Verifying):
    """The elements of one application."""

    def __init__(self, case: ApplicationCase) -> None:
        super().__init__(
            Process(
                case.id,
                case.product,
                case.elements,
                lambda: case.is_over,
                case.show,
                case.call_person,
            )
        )
        self._case = case

    def check_may_provide(self, elements: tuple[ProvidedElement, ...]) -> None:
        """Raise unless elements may be provided now; a repeat may."""
        case = self._case
        together = {element.kind for element in elements}
        for element in elements:
            known = case.elements.get(element.kind)
            if known is None or known.element_id != element.element_id:
                check_may_provide(
                    case.product, case.elements, element.kind, case.supplement, together
                )

    def reopen(self, kinds: tuple[ElementKind, ...]) -> None:
        """Forget what is known of `kinds`, so that they are provided again."""
        for kind in kinds:
            self._case.elements.pop(kind, None)

    async def take_over(self, provided: tuple[ProvidedElement, ...]) -> None:
        """Let what the person had verified in another channel count, once it is known who it is."""
        case = self._case
        records = (case.elements.get(item.kind) for item in provided)
        matched = {item.kind for item in records if item and item.verdict is Verdict.MATCH}
        tells_who = any(
            kind is ElementKind.REAL_NAME or case.product.policy_of(kind).proves_presence
            for kind in matched
        )
        wanted = tuple(kind for kind in case.product.kinds if not self._stands(kind))
        if not tells_who or not wanted or case.supplement is not None:
            return
        request = ReuseElements(
            application_id=case.id, kinds=wanted, on=case.opened_on, at=workflow.now()
        )
        reused = await run_recording(
            calls.REUSE_ELEMENTS, request, "reuse what was verified before"
        )
        for item in reused.elements:
            known = case.elements.get(item.kind)
            if known is None or not self._stands(item.kind):
                case.elements[item.kind] = ElementRecord(
                    kind=item.kind,
                    element_id=item.element_id,
                    attempts=known.attempts if known else 0,
                    mismatches=known.mismatches if known else 0,
                    verdict=Verdict.MATCH,
                    reused=True,
                )
        case.show()

    async def tell_whose_move(self) -> None:
        """Say who is waited for: a source, if it has something that is missing."""
        case = self._case
        missing = case.missing()
        waits_for_source = any(
            item.kind in missing
            and item.verdict is Verdict.PENDING
            and item.element_id not in self._asking
            for item in case.elements.values()
        )
        await case.wait_for(Waiting.PROVIDER if waits_for_source else Waiting.APPLICANT)

    def _stands(self, kind: ElementKind) -> bool:
        record = self._case.elements.get(kind)
        return record is not None and (
            record.verdict.is_open
            or is_provided(self._case.product, kind, record.verdict, record.reason)
        )
