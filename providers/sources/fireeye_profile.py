"""How one institution's access to UnionPay Fireeye is wired, as data.

The public page contradicts itself (`docs/fireeye.md`), so whatever it leaves open is a choice of
the profile, to be settled with the provider: nothing of it is guessed in code.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

PUBLISHED_BASE = "https://risktech.unionpay.com"


def _bare_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path:
        raise ValueError("a URL is http or https with a host and a path")
    if parts.query or parts.fragment or "@" in parts.netloc or any(map(str.isspace, url)):
        raise ValueError("a URL has no query, fragment, user or white space")
    return url


BareUrl = Annotated[str, AfterValidator(_bare_url)]
Seconds = Annotated[float, Field(gt=0, le=60)]


class FireeyeOperation(StrEnum):
    """The two questions, by the names they have in logs, metrics and programmed faults."""

    TRANSACTION_AUTHENTICATION = "transaction_authentication"
    MODEL_SCORE = "model_score"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FireeyeWire(_Data):
    """How one operation travels.

    `method` is POST unless the contract demands GET, which puts personal data into the other side's
    access logs; `encoding` `query` belongs to GET, `form` is a percent-encoded `data=` body, `raw`
    the bare JSON. `envelope` `full` wraps the fields as `{id, appKey, data}`, `none` sends them
    alone and without credentials. `charset` is the request's; all known samples declare a form as
    `content_type`, even of a raw body.
    """

    url: BareUrl
    method: Literal["POST", "GET"] = "POST"
    encoding: Literal["query", "form", "raw"] = "form"
    envelope: Literal["none", "full"] = "full"
    charset: Literal["UTF-8", "GB18030"] = "UTF-8"
    content_type: Literal["application/x-www-form-urlencoded", "application/json"] = (
        "application/x-www-form-urlencoded"
    )

    @model_validator(mode="after")
    def _a_query_belongs_to_get(self) -> Self:
        if (self.method == "GET") != (self.encoding == "query"):
            raise ValueError("GET sends a query, POST a form or a raw body")
        return self


class FireeyeProfile(_Data):
    """Both operations, the unit of amounts, and the time limits in seconds.

    `amount_unit` is what `transAmount` counts: `yuan` (a decimal string of two places) or `fen` (an
    integer string). The page says neither. `total_seconds` bounds a whole
    call, and fits twice into the half minute that a decision has.
    """

    transaction_authentication: FireeyeWire
    model_score: FireeyeWire
    amount_unit: Literal["yuan", "fen"] = "yuan"
    connect_seconds: Seconds = 3.0
    read_seconds: Seconds = 5.0
    total_seconds: Annotated[float, Field(gt=0, le=15)] = 8.0

    @classmethod
    def published(cls, base: str = PUBLISHED_BASE) -> Self:
        """Return the page's two URLs under `base` with the safe choice wherever it leaves one.

        The first path is misspelt on the page, and so on the wire.
        """
        root = f"{base.rstrip('/')}/fireeye/creditScore"
        return cls(
            transaction_authentication=FireeyeWire(url=f"{root}/transationAuthentication"),
            model_score=FireeyeWire(url=f"{root}/UnionPayModelScore"),
        )

    def wire(self, operation: FireeyeOperation) -> FireeyeWire:
        """Return how `operation` travels."""
        if operation is FireeyeOperation.MODEL_SCORE:
            return self.model_score
        return self.transaction_authentication

    @property
    def shows_credentials(self) -> bool:
        """Whether any operation sends id and key."""
        return "full" in (self.transaction_authentication.envelope, self.model_score.envelope)
