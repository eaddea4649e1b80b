"""What a decision reads of an application's elements: facts, and what a person decides on.

The facts are on record with the verdicts; nobody is asked for them again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.applications.application import is_provided, is_referred
from domain.decisioning.provided_facts import Provided
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind
from storage.verification.elements import ElementStatus


@dataclass(frozen=True)
class ElementFacts:
    """`referred` are the kinds that a person decides on, with the reason of each."""

    provided: Provided
    referred: tuple[tuple[ElementKind, str], ...]

    def read(self) -> dict[str, Any]:
        """Return the facts for the record: only what is known or is to be decided by a person."""
        provided = self.provided.model_dump(mode="json", exclude_none=True)
        return {
            **({"provided": provided} if provided else {}),
            **({"referred": dict(self.referred)} if self.referred else {}),
        }


def element_facts(product: AgreedProduct, statuses: Iterable[ElementStatus]) -> ElementFacts:
    """Return the facts of the elements that count as provided."""
    counting = [
        status
        for status in statuses
        if is_provided(product, status.kind, status.verdict, status.reason)
    ]
    return ElementFacts(
        Provided.of({status.kind: status.facts or {} for status in counting}),
        tuple(
            (status.kind, status.reason or "")
            for status in counting
            if is_referred(product, status.kind, status.verdict, status.reason)
        ),
    )
