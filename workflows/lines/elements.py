"""Elements that are asked for before money is drawn, verified while their line is open."""

from collections.abc import Callable, Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import ElementRecord, check_may_provide
    from domain.products.products import AgreedProduct
    from messages.applications import ProvidedElement
    from workflows.verification.verifying import Process, Verifying


class LineElements(Verifying):
    """The elements of one line; `known` is what an earlier run of its process knew of them."""

    def __init__(
        self,
        application_id: str,
        product: AgreedProduct,
        known: Iterable[ElementRecord],
        is_over: Callable[[], bool],
        show: Callable[[], None],
    ) -> None:
        records = {record.kind: record.model_copy() for record in known}
        super().__init__(Process(application_id, product.at_drawdown(), records, is_over, show))

    @property
    def records(self) -> tuple[ElementRecord, ...]:
        """Return what is known of each kind that was provided."""
        return tuple(self._process.elements.values())

    def check_may_provide(self, elements: tuple[ProvidedElement, ...]) -> None:
        """Raise `ElementRefused` unless these may be provided now; a repeat may.

        What was verified before may be provided again: whether it still counts is on record.
        """
        records = self._process.elements
        together = {element.kind for element in elements}
        for element in elements:
            known = records.get(element.kind)
            is_open = known is not None and known.verdict.is_open
            if known is None or (is_open and known.element_id != element.element_id):
                check_may_provide(self._process.product, records, element.kind, together=together)
