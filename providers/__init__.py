"""Clients of third parties: a `Protocol` and an HTTP client each, one file a provider.

All of them speak one signed JSON contract (see `providers.http.client`). Answers are three-valued
(`Verdict`), money has a fourth outcome (`OutcomeUnknown`), and an HTTP failure is always an error,
never a verdict.
"""

from providers.http.errors import (
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from providers.http.verdict import Answer, Verdict
from providers.registry import Providers

__all__ = [
    "Answer",
    "OutcomeUnknown",
    "ProviderError",
    "ProviderRejected",
    "ProviderUnavailable",
    "Providers",
    "Verdict",
]
