"""The codes of refusals: stable, machine-readable, one for each class."""

from typing import ClassVar

from domain.common.errors import DomainError, InvalidTerms, NotAllowed, NotFound


class Unlike(NotFound):
    """Another thing that is not there."""

    code: ClassVar[str] = "not_alike"


def test_a_refusal_is_coded_by_its_name_unless_it_says_another() -> None:
    assert [one.code for one in (DomainError, InvalidTerms, NotFound, NotAllowed, Unlike)] == [
        "domain_error",
        "invalid_terms",
        "not_found",
        "forbidden",
        "not_alike",
    ]
    assert Unlike("loan").code == "not_alike"
