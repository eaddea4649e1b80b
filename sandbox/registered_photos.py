"""The registry's photographs: drawn from the pictures that people of the table have."""

from base64 import b64encode

from sandbox import personas, portraits, verification, wire
from sandbox.personas import Sex, Trait
from sandbox.replies import MATCH, Reply, mismatch


def fetch(request: wire.TwoFactors) -> Reply:
    """Return the photograph of a person whose name and number belong together."""
    answer = verification.real_name(request)
    if answer["verdict"] != "match":
        return answer
    person = personas.by_identity(request.identity_number)
    if person is None:
        number = request.identity_number
        photo = portraits.photo_of(portraits.ACTING, number, _sex(number))
    elif person.persona.trait is Trait.NO_REGISTERED_PHOTO:
        return mismatch("no_registered_photo")
    else:
        photo = portraits.registered_photo(person)
    return MATCH | {"photo": b64encode(photo).decode()}


def _sex(identity_number: str) -> Sex:
    """Return the sex that the digit before the last one tells."""
    return "male" if identity_number[16:17] in tuple("13579") else "female"
