"""Credit cards, the second bureau, blacklist and multi-lender source: answers by person."""

from sandbox import personas, wire
from sandbox.personas import Person, Trait
from sandbox.replies import MATCH, Reply, mismatch, unavailable
from sandbox.verification import bank_card, bureau

DISAGREEING_SCORE = 520
DISAGREEING_OVERDUE = 3


def credit_card(request: wire.FourFactors) -> Reply:
    """Compare the four factors of a credit card; name its bank."""
    answer = bank_card(request)
    if answer["verdict"] != "match":
        return answer
    if answer["card_type"] != "credit" and _known(request.card_number):
        return mismatch("not_a_credit_card")
    return {key: value for key, value in answer.items() if key != "card_type"}


def second_bureau(request: wire.ThreeFactors) -> Reply:
    """Report what the second bureau knows: the same as the first but for two families."""
    answer = bureau(request)
    person = personas.by_identity(request.identity_number)
    if answer["verdict"] != "match" or person is None:
        return answer
    if person.persona.trait is Trait.SECOND_BUREAU_SILENT:
        return unavailable("no_file")
    if person.persona.trait is Trait.BUREAU_DISAGREES:
        return answer | {"score": DISAGREEING_SCORE, "overdue_history": DISAGREEING_OVERDUE}
    return answer


def blacklist(request: wire.ThreeFactors) -> Reply:
    """Say whether the person is on the shared list."""
    person = personas.by_identity(request.identity_number)
    if _another(person, request):
        return mismatch("identity_mismatch")
    listed = person is not None and person.persona.blacklisted
    return MATCH | {
        "listed": listed,
        "categories": ["court_enforcement", "fraud"] if listed else [],
    }


def multi_lender(request: wire.ThreeFactors) -> Reply:
    """Count the lenders that were asked and the loans that are open."""
    person = personas.by_identity(request.identity_number)
    if _another(person, request):
        return mismatch("identity_mismatch")
    if person is not None and person.persona.trait is Trait.THIN_FILE:
        return MATCH | _counts(0, 0, 0)
    if person is None:
        return MATCH | _counts(1, 0, 0)
    persona = person.persona
    return MATCH | _counts(
        persona.lenders_queried_30d, persona.unsettled_loans, persona.new_loans_30d
    )


def _counts(queried_30d: int, unsettled: int, new: int) -> Reply:
    return {
        "lenders_queried_7d": queried_30d // 2,
        "lenders_queried_30d": queried_30d,
        "lenders_queried_90d": queried_30d + queried_30d // 2,
        "unsettled_loans": unsettled,
        "new_loans_30d": new,
    }


def _another(person: Person | None, request: wire.ThreeFactors) -> bool:
    return person is not None and person.name != request.name


def _known(card_number: str) -> bool:
    return personas.by_card(card_number) is not None
