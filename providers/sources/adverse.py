"""Adverse facts that a register keeps of a company or a person."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from providers.http.wire import Wire
from providers.verification.capture import Day

Country = Literal["CN", "BR"]
"""Whose register is asked; it decides what the number is: USCC or CNPJ, identity number or CPF."""

AdverseKind = Literal[
    "insolvency",
    "court_enforcement",
    "tax_debt",
    "sanction",
    "protest",
    "abnormal_operation",
]


class AdverseFact(Wire):
    """How many entries of a kind there are, and the day of the newest if the register tells it."""

    kind: AdverseKind
    count: Annotated[int, Field(ge=1, le=100_000)]
    latest_on: Day | None = None


def _each_kind_once(facts: tuple[AdverseFact, ...]) -> tuple[AdverseFact, ...]:
    if len({fact.kind for fact in facts}) < len(facts):
        raise ValueError("a kind of adverse fact is counted once")
    return facts


AdverseFacts = Annotated[
    tuple[AdverseFact, ...], Field(strict=False, max_length=20), AfterValidator(_each_kind_once)
]


def counts_of(facts: tuple[AdverseFact, ...]) -> dict[str, int]:
    """Return the number of entries by kind, as facts of a decision."""
    return {fact.kind: fact.count for fact in facts}
