"""One check for each kind of element: whom to ask, and what makes the answer a match.

Reasons are codes without personal data. An answer of `unavailable` is raised, never judged.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, TypedDict

from domain import elements
from domain.elements import Element, ElementKind, Verdict
from providers.contacts import Contact
from providers.errors import ProviderUnavailable
from providers.identity_card import CardFields
from providers.registry import Providers
from providers.verdict import Answer
from providers.verdict import Verdict as Answered


class Remembered(TypedDict, total=False):
    """The personal data that a match confirms."""

    name: str
    identity_number: str
    mobile: str
    bank_card: str


@dataclass(frozen=True, repr=False)
class Case:
    """One element with what its check needs of the others. Holds personal data."""

    element_id: str
    applicant_id: str
    data: Element
    real_name: elements.RealName | None
    mobile: str | None
    known_identity: str | None
    today: date


@dataclass(frozen=True)
class Finding:
    """What a check came to; `facts` hold no personal data, `remember` does."""

    provider: str
    verdict: Verdict
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    remember: Remembered = field(default_factory=Remembered, repr=False)


def _mismatch(provider: str, reason: str) -> Finding:
    return Finding(provider, Verdict.MISMATCH, reason)


def _refused(provider: str, answer: Answer) -> Finding | None:
    """Return the finding of an answer that is not a match; raise when it says nothing."""
    if answer.verdict is Answered.UNAVAILABLE:
        raise ProviderUnavailable(provider, answer.reasons[0])
    if answer.verdict is Answered.MISMATCH:
        return Finding(
            provider, Verdict.MISMATCH, answer.reasons[0], {"reasons": list(answer.reasons)}
        )
    return None


async def _real_name(providers: Providers, case: Case) -> Finding:
    assert isinstance(case.data, elements.RealName)  # noqa: S101 -- chosen by the same kind
    data = case.data
    if case.known_identity not in (None, data.identity_number):
        # Cards, contracts and loans hang on the applicant: they cannot become another person's.
        return _mismatch("record", "identity_changed")
    answer = await providers.real_name.verify(
        request_id=case.element_id, name=data.name, identity_number=data.identity_number
    )
    return _refused("real_name", answer) or Finding(
        "real_name",
        Verdict.MATCH,
        remember={"name": data.name, "identity_number": data.identity_number},
    )


async def _operator(providers: Providers, case: Case) -> Finding:
    assert isinstance(case.data, elements.Operator)  # noqa: S101 -- chosen by the same kind
    if case.real_name is None:
        return _mismatch("record", "real_name_required")
    answer = await providers.operator.verify(
        request_id=case.element_id,
        name=case.real_name.name,
        identity_number=case.real_name.identity_number,
        mobile=case.data.mobile,
    )
    return _refused("operator", answer) or Finding(
        "operator", Verdict.MATCH, remember={"mobile": case.data.mobile}
    )


async def _personal_information(providers: Providers, case: Case) -> Finding:
    assert isinstance(case.data, elements.PersonalInformation)  # noqa: S101 -- as above
    if case.real_name is None:
        return _mismatch("record", "real_name_required")
    if case.mobile is None:
        return _mismatch("record", "operator_required")
    answer = await providers.contacts.verify(
        request_id=case.element_id,
        identity_number=case.real_name.identity_number,
        mobile=case.mobile,
        contacts=[
            Contact(name=contact.name, relation=contact.relation, mobile=contact.mobile)
            for contact in case.data.contacts
        ],
    )
    return _refused("contacts", answer) or Finding(
        "contacts", Verdict.MATCH, facts={"contacts": len(case.data.contacts)}
    )


async def _identity_card(providers: Providers, case: Case) -> Finding:
    assert isinstance(case.data, elements.IdentityCard)  # noqa: S101 -- as above
    if case.real_name is None:
        return _mismatch("record", "real_name_required")
    reading = await providers.identity_card.read(
        request_id=case.element_id, front=case.data.front, back=case.data.back
    )
    refused = _refused("identity_card", reading)
    if refused is not None or reading.fields is None:
        return refused or _mismatch("identity_card", "no_card_found")
    reason = _disagreement(reading.fields, case.real_name, case.today)
    if reason is not None:
        return _mismatch("identity_card", reason)
    confidence = min(reading.scores.values(), default=None)
    return Finding("identity_card", Verdict.MATCH, facts={"lowest_confidence": confidence})


def _disagreement(card: CardFields, typed: elements.RealName, today: date) -> str | None:
    """Return why a card that could be read does not prove who the applicant is."""
    if card.name.strip() != typed.name:
        return "name_mismatch"
    if card.identity_number != typed.identity_number:
        return "identity_number_mismatch"
    if card.birth_date != elements.identity_birth_date(card.identity_number):
        return "card_inconsistent"
    if card.valid_from > today or (card.valid_until is not None and card.valid_until < today):
        return "card_not_in_date"
    return None


async def _liveness(providers: Providers, case: Case) -> Finding:
    assert isinstance(case.data, elements.Liveness)  # noqa: S101 -- as above
    if case.real_name is None:
        return _mismatch("record", "real_name_required")
    alive = await providers.liveness.check(
        request_id=case.element_id, frames=case.data.frames, actions=case.data.actions
    )
    refused = _refused("liveness", alive)
    if refused is not None:
        return refused
    face = await providers.liveness.compare(
        request_id=f"{case.element_id}:face",
        face=case.data.frames[0],
        identity_number=case.real_name.identity_number,
    )
    refused = _refused("liveness", face)
    if refused is not None:
        return refused
    if face.similarity is None or face.threshold is None or face.similarity < face.threshold:
        return _mismatch("liveness", "different_person")
    return Finding(
        "liveness",
        Verdict.MATCH,
        facts={
            "score": alive.score,
            "similarity": face.similarity,
            "threshold": face.threshold,
        },
    )


async def _bank_card(providers: Providers, case: Case) -> Finding:
    assert isinstance(case.data, elements.BankCard)  # noqa: S101 -- as above
    if case.real_name is None:
        return _mismatch("record", "real_name_required")
    card = await providers.bank_card.verify(
        request_id=case.element_id,
        name=case.real_name.name,
        identity_number=case.real_name.identity_number,
        card_number=case.data.card_number,
        mobile=case.data.mobile,
    )
    refused = _refused("bank_card", card)
    if refused is not None:
        return refused
    if card.card_type != "debit":
        return _mismatch("bank_card", "not_a_debit_card")
    return Finding(
        "bank_card",
        Verdict.MATCH,
        facts={"bank_code": card.bank_code, "bank_name": card.bank_name},
        remember={"bank_card": case.data.card_number},
    )


CHECKS: Final[Mapping[ElementKind, Callable[[Providers, Case], Awaitable[Finding]]]] = (
    MappingProxyType(
        {
            ElementKind.REAL_NAME: _real_name,
            ElementKind.OPERATOR: _operator,
            ElementKind.PERSONAL_INFORMATION: _personal_information,
            ElementKind.IDENTITY_CARD: _identity_card,
            ElementKind.LIVENESS: _liveness,
            ElementKind.BANK_CARD: _bank_card,
        }
    )
)
