"""What can go wrong with a call to a third party, sorted by what the caller may do next.

Messages hold a provider's name and a code of fixed form, nothing that the provider or the applicant
wrote: they end in logs and in Temporal failures.
"""

from datetime import timedelta
from typing import Final

WRONG_ADDRESS: Final = frozenset({"http_404", "http_405"})
"""Codes of refusals that say nothing of a question: we asked at the wrong place."""


class ProviderError(Exception):
    """A call to `provider` gave no usable answer; `code` says why."""

    def __init__(self, provider: str, code: str) -> None:
        super().__init__(f"{provider}: {code}")
        self.provider = provider
        self.code = code


class ProviderUnavailable(ProviderError):
    """The provider cannot answer now: nothing was decided, the same call may be sent again.

    Codes: `connect_failed`, `timeout`, `connection_lost`, `rate_limited`, `server_error`,
    `processing_error` (its own code for that), `invalid_response`. `retry_after` is the provider's
    own wish, if it named one. `said` is the reason that a data source gave which answered and could
    not say; None where none answered.
    """

    def __init__(
        self,
        provider: str,
        code: str,
        retry_after: timedelta | None = None,
        said: str | None = None,
    ) -> None:
        super().__init__(provider, code)
        self.retry_after = retry_after
        self.said = said


class ProviderRejected(ProviderError):
    """The provider refuses this request (4xx): sending it again cannot help."""


class OutcomeUnknown(ProviderError):
    """An order may or may not have been booked: send an `OrderQuery`, do not assume either way.

    Sending the same order number again is safe (the provider books it once), a new one is not.
    """

    def __init__(self, provider: str, code: str, order_no: str) -> None:
        super().__init__(provider, code)
        self.order_no = order_no
