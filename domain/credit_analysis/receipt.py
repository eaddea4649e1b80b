"""What a proposal or report has to hold when it comes in, besides the form of its fields.

It is asked once: what is on record is read without, so that no later rule stops an analysis that
runs.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

import pycountry
from pydantic import ValidationError

from domain.credit_analysis.errors import Fault, InvalidProposal
from domain.credit_analysis.fields import unmasked
from domain.credit_analysis.parsing import MAX_FAULTS, faults_of, read_proposal
from domain.credit_analysis.parties import Address, LegalPerson, NaturalPerson, PersonKind
from domain.credit_analysis.proposal import (
    AnyProposal,
    Feedback,
    LegalPersonProposal,
    Warrant,
    missing_terms,
)

AHEAD: Final = timedelta(days=1)
"""By so much the clock of a client may be ahead of ours."""

EARLIEST: Final = date(1900, 1, 1)
"""Nobody who asks for credit was born or founded before."""

COUNTRIES: Final = frozenset(country.alpha_3 for country in pycountry.countries)
"""The officially assigned alpha-3 codes of ISO 3166-1."""

PROPERTY_TYPES: Final = frozenset({"appartment", "commercial_building", "house", "office"})
"""The documents' own, the misspelling included."""

_ROOT: Final = 8
"""So many characters of a CNPJ name the company, the next four one of its branches."""


def receive_proposal(kind: PersonKind, document: str | bytes, now: datetime) -> AnyProposal:
    """Return the proposal that comes in with `document` at the instant `now`.

    Raises InvalidProposal naming the fields.
    """
    proposal = read_proposal(kind, document)
    faults = tuple(faults_at_receipt(proposal, now))
    if faults:
        raise InvalidProposal(faults[:MAX_FAULTS])
    return proposal


def receive_feedback(document: str | bytes, now: datetime) -> Feedback:
    """Return the report that comes in at the instant `now`; raises as `receive_proposal`.

    What has not happened yet cannot be reported: the latest event is what a credit has come to.
    """
    try:
        feedback = Feedback.model_validate_json(document)
    except ValidationError as error:
        faults = faults_of(error)
    else:
        if feedback.event_date <= now + AHEAD:
            return feedback
        faults = (_wrong("event_date", "must not be more than a day ahead"),)
    raise InvalidProposal(faults)


def faults_at_receipt(proposal: AnyProposal, now: datetime) -> Iterator[Fault]:
    """Tell what contradicts itself, the calendar or the lists of codes, field by field."""
    if proposal.credit_request_date > now + AHEAD:
        yield _wrong("credit_request_date", "must not be more than a day ahead")
    yield from _dates(proposal)
    yield from _repeated(proposal)
    yield from _codes(proposal)
    for field in missing_terms(proposal):
        yield Fault(
            f"financial.{field}",
            "missing_field",
            f"is required for {proposal.financial.interest_type}, {proposal.credit_type}",
        )


def _wrong(field: str, message: str) -> Fault:
    return Fault(field, "invalid_value", message)


def _everybody(proposal: AnyProposal) -> Iterator[tuple[str, LegalPerson | NaturalPerson]]:
    """Pair each person with the place of their fields, such as `guarantors.0.`."""
    yield from _with_shareholders("", proposal)
    for index, guarantor in enumerate(proposal.guarantors):
        yield from _with_shareholders(f"guarantors.{index}.", guarantor)


def _with_shareholders(
    place: str, person: LegalPerson | NaturalPerson
) -> Iterator[tuple[str, LegalPerson | NaturalPerson]]:
    yield place, person
    if isinstance(person, LegalPerson):
        for index, shareholder in enumerate(person.shareholders):
            yield f"{place}shareholders.{index}.", shareholder


# Dates


def _dates(proposal: AnyProposal) -> Iterator[Fault]:
    asked_on = proposal.credit_request_date.date()
    for place, person in _everybody(proposal):
        name, day = (
            ("constitution_date", person.constitution_date)
            if isinstance(person, LegalPerson)
            else ("birthdate", person.birthdate)
        )
        yield from _day(f"{place}{name}", day, EARLIEST, asked_on)
    if proposal.client_since is not None:
        begun = EARLIEST if isinstance(proposal, LegalPersonProposal) else proposal.birthdate
        yield from _day("client_since", proposal.client_since, begun, asked_on)


def _day(field: str, day: date, first: date, last: date) -> Iterator[Fault]:
    if day > last:
        yield _wrong(field, "must not be after credit_request_date")
    elif day < first:
        limit = EARLIEST.isoformat() if first == EARLIEST else "birthdate"
        yield _wrong(field, f"must not be before {limit}")


# Nobody and nothing counts twice


def _repeated(proposal: AnyProposal) -> Iterator[Fault]:
    for place, person in _everybody(proposal):
        if isinstance(person, LegalPerson):
            yield from _persons(f"{place}shareholders", person.shareholders)
    yield from _persons("guarantors", proposal.guarantors)
    for index, guarantor in enumerate(proposal.guarantors):
        if _identity(guarantor) == _identity(proposal):
            field = f"guarantors.{index}.document_number"
            yield _wrong(field, "must not be that of who asks for credit")
    addresses: set[tuple[str, ...]] = set()
    for index, warrant in enumerate(proposal.warrants):
        if _site(warrant) in addresses:
            message = "is that of a warrant listed before: tell them apart by complement"
            yield _wrong(f"warrants.{index}.address", message)
        addresses.add(_site(warrant))


def _persons(field: str, persons: Iterable[LegalPerson | NaturalPerson]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, person in enumerate(persons):
        identity = _identity(person)
        if identity in seen:
            yield _wrong(f"{field}.{index}.document_number", "is of somebody listed before")
        seen.add(identity)


def _identity(person: LegalPerson | NaturalPerson) -> str:
    """Return what is the same for the same person: branches of a company are one."""
    number = unmasked(person.document_number)
    return number[:_ROOT] if isinstance(person, LegalPerson) else number


def _site(warrant: Warrant) -> tuple[str, ...]:
    at = warrant.address
    parts = (at.country, at.postal_code, at.street, at.number, at.complement or "")
    return tuple(" ".join(part.casefold().split()) for part in parts)


# Lists of codes


def _codes(proposal: AnyProposal) -> Iterator[Fault]:
    for place, person in _everybody(proposal):
        yield from _country(f"{place}address.", person.address)
        nationality = person.nationality if isinstance(person, NaturalPerson) else None
        if nationality is not None and nationality not in COUNTRIES:
            yield _wrong(f"{place}nationality", "is no country's code by ISO 3166-1 alpha-3")
    for index, warrant in enumerate(proposal.warrants):
        yield from _country(f"warrants.{index}.address.", warrant.address)
        if warrant.property_type not in PROPERTY_TYPES:
            known = ", ".join(sorted(PROPERTY_TYPES))
            yield _wrong(f"warrants.{index}.property_type", f"must be one of {known}")


def _country(place: str, address: Address | None) -> Iterator[Fault]:
    if address is not None and address.country not in COUNTRIES:
        yield _wrong(f"{place}country", "is no country's code by ISO 3166-1 alpha-3")
