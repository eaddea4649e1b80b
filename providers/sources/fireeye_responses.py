"""What UnionPay Fireeye answers, and how the bytes of a response are read.

The response code is under `respCd`, `resp` or `respCode`, a number or a string of up to four
digits. `data` counts with code 0000 only. Whatever is not understood is ProviderUnavailable, never
a pass: a score out of range is no low score, and two codes that disagree are no response.
"""

import json
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.verdict import AssessableResponse, Assessment, Verdict

PROVIDER = "fireeye"
SCORE_MIN, SCORE_MAX = 300, 1000

_CODE_KEYS = ("respCd", "resp", "respCode")
_OK, _NOT_ENABLED, _BAD_CREDENTIAL, _NOT_FOUND, _ERROR = "0000", "0001", "0002", "0003", "0004"


class Authentication(StrEnum):
    """What is known of a transaction: the figures agree, they do not, or there is none such."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"


class TransactionAuthentication(AssessableResponse):
    """Whether a transaction exists; each of the three outcomes is final and was billed."""

    outcome: Annotated[Authentication, Field(strict=False)]

    @property
    def passed(self) -> bool:
        """Whether the transaction was confirmed."""
        return self.outcome is Authentication.MATCH

    @property
    def verdict(self) -> Verdict:
        """The outcome in the words that all verifications share."""
        return Verdict.MATCH if self.passed else Verdict.MISMATCH

    @property
    def assessment(self) -> Assessment:
        """Conclusive in any case."""
        code = None if self.passed else self.outcome.value
        return Assessment(self.verdict, code, is_conclusive=True)


class ModelScore(AssessableResponse):
    """The score of a person, 300 (worst) to 1000; none when the source does not know them."""

    found: bool
    score: Annotated[int, Field(ge=SCORE_MIN, le=SCORE_MAX)] | None = None

    @model_validator(mode="after")
    def _found_means_scored(self) -> Self:
        if self.found != (self.score is not None):
            raise ValueError("a score is given exactly when found")
        return self

    @property
    def assessment(self) -> Assessment:
        """That somebody is not known is conclusive too, and billed."""
        if self.found:
            return Assessment(Verdict.MATCH, None, is_conclusive=True)
        return Assessment(Verdict.MISMATCH, "not_found", is_conclusive=True)


def authentication_of(data: int | None) -> TransactionAuthentication:
    """Return what the data of a response say; raises ProviderUnavailable for any other number."""
    if data is None:
        return TransactionAuthentication(outcome=Authentication.NOT_FOUND)
    if data not in (0, 1):
        raise invalid_response()
    return TransactionAuthentication(
        outcome=Authentication.MATCH if data == 1 else Authentication.MISMATCH
    )


def score_of(data: int | None) -> ModelScore:
    """Return the score in a response; raises as `authentication_of`."""
    if data is None:
        return ModelScore(found=False)
    if not SCORE_MIN <= data <= SCORE_MAX:
        raise invalid_response()
    return ModelScore(found=True, score=data)


def data_in(content: bytes, charset: str = "UTF-8") -> int | None:
    """Return the data of a success, None if nothing was found.

    Raises ProviderUnavailable (`processing_error` for 0004, `invalid_response`) or ProviderRejected
    (`not_enabled`, `bad_credential`: the access is set up wrongly, and repeating cannot help).
    """
    response = _object(content, charset)
    codes = {_code(response[key]) for key in _CODE_KEYS if key in response}
    if len(codes) != 1:
        raise invalid_response()
    code = codes.pop()
    if code == _NOT_FOUND:
        return None
    if code == _NOT_ENABLED:
        raise ProviderRejected(PROVIDER, "not_enabled")
    if code == _BAD_CREDENTIAL:
        raise ProviderRejected(PROVIDER, "bad_credential")
    if code == _ERROR:
        raise ProviderUnavailable(PROVIDER, "processing_error")
    data = _integer(response.get("data"))
    if code != _OK or data is None:
        raise invalid_response()
    return data


def _object(content: bytes, charset: str) -> dict[str, object]:
    """Parse the one JSON object; it is UTF-8, but some servers echo the request's charset."""
    for encoding in ("UTF-8", charset):
        try:
            found = json.loads(content.decode(encoding), object_pairs_hook=_unambiguous)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise invalid_response()


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _code(value: object) -> str | None:
    """Return the four digits of a response code, None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9999:
        return f"{value:04d}"
    if isinstance(value, str) and len(value) <= 4 and value.isascii() and value.isdigit():
        return value.zfill(4)
    return None


def _integer(value: object) -> int | None:
    """Return an integer given as a number or as its digits, None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    digits = isinstance(value, str) and len(value) <= 4 and value.isascii() and value.isdigit()
    if isinstance(value, str) and digits and (value == "0" or value[0] != "0"):
        return int(value)
    return None


def invalid_response() -> ProviderUnavailable:
    """Return the error of a response that is not understood."""
    return ProviderUnavailable(PROVIDER, "invalid_response")
