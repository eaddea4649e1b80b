"""Clients of third parties: a request model for each thing that can be asked, and one `call`.

Nearly all of them speak one signed JSON contract (see `providers.http.client`); Fireeye and QI Tech
have wires of their own. Responses of data sources are three-valued (`Verdict`), money has a fourth
outcome (`OutcomeUnknown`), and an HTTP failure is always an error, never a verdict.
"""

from providers.http.errors import (
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from providers.http.verdict import Verdict, VerificationResponse
from providers.registry import Providers

__all__ = [
    "OutcomeUnknown",
    "ProviderError",
    "ProviderRejected",
    "ProviderUnavailable",
    "Providers",
    "Verdict",
    "VerificationResponse",
]
