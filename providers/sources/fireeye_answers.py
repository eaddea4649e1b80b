"""What UnionPay Fireeye answers, and how the bytes of an answer are read.

The answer code is under `respCd`, `resp` or `respCode`, a number or a string of up to four digits.
`data` counts with code 0000 only. Whatever is not understood is ProviderUnavailable, never a pass:
a score out of range is no low score, and two codes that disagree are no answer.
"""

import json
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.verdict import Verdict
from providers.http.wire import Wire

PROVIDER = "fireeye"
SCORE_MIN, SCORE_MAX = 300, 1000

_CODE_KEYS = ("respCd", "resp", "respCode")
_OK, _NOT_ENABLED, _BAD_CREDENTIAL, _NOT_FOUND, _ERROR = "0000", "0001", "0002", "0003", "0004"


class Authentication(StrEnum):
    """What is known of a transaction: the figures agree, they do not, or there is none such."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"


class TransactionAuthentication(Wire):
    """The answer to a transaction's authentication; each of the three is final and was billed."""

    outcome: Annotated[Authentication, Field(strict=False)]

    @property
    def passed(self) -> bool:
        """Whether the transaction was confirmed."""
        return self.outcome is Authentication.MATCH

    @property
    def verdict(self) -> Verdict:
        """The outcome in the words that all verifications share."""
        return Verdict.MATCH if self.passed else Verdict.MISMATCH


class ModelScore(Wire):
    """The score of a person, 300 (worst) to 1000; none when the source does not know them."""

    found: bool
    score: Annotated[int, Field(ge=SCORE_MIN, le=SCORE_MAX)] | None = None

    @model_validator(mode="after")
    def _found_means_scored(self) -> Self:
        if self.found != (self.score is not None):
            raise ValueError("a score is given exactly when found")
        return self


def read_authentication(content: bytes, charset: str = "UTF-8") -> TransactionAuthentication:
    """Read the answer to a transaction's authentication.

    Raises ProviderUnavailable (`processing_error` for 0004, `invalid_response`) or ProviderRejected
    (`not_enabled`, `bad_credential`: the access is set up wrongly, and repeating cannot help).
    """
    data = _read(content, charset)
    if data is None:
        return TransactionAuthentication(outcome=Authentication.NOT_FOUND)
    if data not in (0, 1):
        raise _invalid()
    return TransactionAuthentication(
        outcome=Authentication.MATCH if data == 1 else Authentication.MISMATCH
    )


def read_score(content: bytes, charset: str = "UTF-8") -> ModelScore:
    """Read the answer to a model score; raises as `read_authentication`."""
    data = _read(content, charset)
    if data is None:
        return ModelScore(found=False)
    if not SCORE_MIN <= data <= SCORE_MAX:
        raise _invalid()
    return ModelScore(found=True, score=data)


def _read(content: bytes, charset: str) -> int | None:
    """Return the data of a success, None if nothing was found; raises for everything else."""
    answer = _object(content, charset)
    codes = {_code(answer[key]) for key in _CODE_KEYS if key in answer}
    if len(codes) != 1:
        raise _invalid()
    code = codes.pop()
    if code == _NOT_FOUND:
        return None
    if code == _NOT_ENABLED:
        raise ProviderRejected(PROVIDER, "not_enabled")
    if code == _BAD_CREDENTIAL:
        raise ProviderRejected(PROVIDER, "bad_credential")
    if code == _ERROR:
        raise ProviderUnavailable(PROVIDER, "processing_error")
    data = _integer(answer.get("data"))
    if code != _OK or data is None:
        raise _invalid()
    return data


def _object(content: bytes, charset: str) -> dict[str, object]:
    """Parse the one JSON object; answers are UTF-8, but some servers echo the request's charset."""
    for encoding in ("UTF-8", charset):
        try:
            found = json.loads(content.decode(encoding), object_pairs_hook=_unambiguous)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise _invalid()


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _code(value: object) -> str | None:
    """Return the four digits of an answer code, None for anything else."""
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


def _invalid() -> ProviderUnavailable:
    return ProviderUnavailable(PROVIDER, "invalid_response")
