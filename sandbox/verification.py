"""What the verifying third parties answer: a pure function of the person in question."""

from sandbox import personas, pictures, wire
from sandbox.personas import Person, Trait
from sandbox.replies import MATCH, Reply, mismatch, unavailable

RELATIONS = frozenset({"parent", "spouse", "sibling", "child", "colleague", "friend"})
FACE_THRESHOLD = 0.80


def real_name(request: wire.TwoFactors) -> Reply:
    """Compare name and identity number."""
    person = personas.by_identity(request.identity_number)
    if person is None:
        return MATCH
    if person.persona.trait is Trait.NOT_IN_REGISTRY:
        return unavailable("not_in_registry")
    if person.persona.trait is Trait.NAME_MISMATCH or request.name != person.name:
        return mismatch("name_mismatch")
    return MATCH


def operator(request: wire.ThreeFactors) -> Reply:
    """Compare name, identity number and mobile."""
    person = personas.by_identity(request.identity_number)
    if person is None:
        return MATCH
    if request.name != person.name:
        return mismatch("name_mismatch")
    if person.persona.trait is Trait.MOBILE_MISMATCH or request.mobile != person.mobile:
        return mismatch("mobile_mismatch")
    return MATCH


def contacts(request: wire.ContactsCheck) -> Reply:
    """Look for contacts that are the applicant or share a mobile."""
    mobiles = [contact.mobile for contact in request.contacts]
    if request.mobile in mobiles:
        return mismatch("contact_is_applicant")
    if len(set(mobiles)) < len(mobiles):
        return mismatch("duplicate_contact")
    return MATCH if request.address_book is None else MATCH | {"address_book": _found(request)}


def _found(request: wire.ContactsCheck) -> Reply:
    """Compare the contacts with the address book that was sent.

    A remark that begins with another relation contradicts; one that begins with 逾期 is overdue.
    """
    book = {entry.mobile: entry.name for entry in request.address_book or []}
    remarks = [(contact.relation, book.get(contact.mobile)) for contact in request.contacts]
    return {
        "entries": len(request.address_book or []),
        "missing_contacts": sum(remark is None for _, remark in remarks),
        "relation_conflicts": sum(
            remark is not None and remark.partition(":")[0] in RELATIONS - {relation}
            for relation, remark in remarks
        ),
        "overdue_entries": sum(remark.startswith("逾期") for remark in book.values()),
    }


def identity_card(request: wire.CardPictures) -> Reply:
    """Read both sides of a fictional card."""
    front, back = pictures.shown(request.front), pictures.shown(request.back)
    if front is None or back is None:
        return mismatch("no_card_found")
    if (front["shows"], back["shows"]) != ("card_front", "card_back"):
        return mismatch("wrong_side")
    if "blurred" in (front["quality"], back["quality"]):
        return mismatch("image_blurred")
    fields = {
        key: value for key, value in (front | back).items() if key not in ("shows", "quality")
    }
    return MATCH | {"fields": fields, "scores": dict.fromkeys(fields, 0.99)}


def liveness(request: wire.LivenessCheck) -> Reply:
    """Compare the frames with the demanded actions, in order, and with one another."""
    faces = [pictures.shown(frame) for frame in request.frames]
    seen = [shown for shown in faces if shown is not None and shown["shows"] == "face"]
    if len(seen) < len(faces):
        return mismatch("no_face_found")
    if any(shown["quality"] == "blurred" for shown in seen):
        return mismatch("image_blurred")
    numbers = {shown["identity_number"] or "" for shown in seen}
    if len(numbers) > 1:
        return mismatch("different_person", score=0.12)
    if [shown["action"] for shown in seen] != request.actions:
        return mismatch("wrong_action", score=0.41)
    if personas.trait_at(numbers.pop()) is Trait.NOT_LIVE:
        return mismatch("not_live", score=0.08)
    return MATCH | {"score": 0.97}


def face(request: wire.FaceCompare) -> Reply:
    """Compare a face with the one that the identity number has, whatever shows it.

    The registry's photo of the family `registered_as_another` shows somebody else. It differs
    from a card by being a photograph of nothing that the simulator reads.
    """
    seen = pictures.shown(request.face)
    if seen is None or seen["shows"] != "face":
        return mismatch("no_face_found")
    if seen["quality"] == "blurred":
        return mismatch("image_blurred")
    another = personas.trait_at(request.identity_number) is Trait.REGISTERED_AS_ANOTHER
    if seen["identity_number"] != request.identity_number or (
        another and not _is_card(request.reference)
    ):
        return mismatch("different_person", similarity=0.31, threshold=FACE_THRESHOLD)
    return MATCH | {"similarity": 0.93, "threshold": FACE_THRESHOLD}


def _is_card(reference: bytes | None) -> bool:
    read = None if reference is None else pictures.shown(reference)
    return read is not None and read["shows"] == "card_front"


def bank_card(request: wire.FourFactors) -> Reply:
    """Compare the four factors; name the bank and the kind of card."""
    if not personas.luhn_valid(request.card_number):
        return mismatch("card_invalid")
    credit_owner = personas.by_credit_card(request.card_number)
    owner = credit_owner or personas.by_card(request.card_number)
    kind = "credit" if credit_owner is not None else _card_type(owner)
    bank: Reply = {"bank_code": "DEMO", "bank_name": "演示银行", "card_type": kind}
    if owner is not None:
        if owner.identity_number != request.identity_number:
            return mismatch("card_not_owned")
        if owner.name != request.name:
            return mismatch("name_mismatch")
        if owner.mobile != request.mobile:
            return mismatch("mobile_mismatch")
    return MATCH | bank


def bureau(request: wire.ThreeFactors) -> Reply:
    """Report what the bureau knows; people outside the table have a clean file."""
    person = personas.by_identity(request.identity_number)
    if person is None:
        return MATCH | _file(score=780, overdue=0, queried=1, blacklisted=False)
    if request.name != person.name:
        return mismatch("identity_mismatch")
    persona = person.persona
    if persona.score is None:
        return unavailable("no_file")
    return MATCH | _file(
        score=persona.score,
        overdue=persona.overdue_history,
        queried=persona.lenders_queried_30d,
        blacklisted=persona.blacklisted,
    )


def _file(*, score: int, overdue: int, queried: int, blacklisted: bool) -> Reply:
    return {
        "score": score,
        "overdue_history": overdue,
        "lenders_queried_30d": queried,
        "blacklisted": blacklisted,
    }


def _card_type(owner: Person | None) -> str:
    credit = owner is not None and owner.persona.trait is Trait.CREDIT_CARD
    return "credit" if credit else "debit"
