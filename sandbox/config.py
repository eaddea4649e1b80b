"""Settings of the simulators, read from the environment once at start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urljoin


@dataclass(frozen=True)
class SandboxConfig:
    """Where the simulators listen, keep their book, and send callbacks; what callers must prove."""

    host: str = "127.0.0.1"
    port: int = 8500
    database: Path = Path(".local/sandbox/book.sqlite3")
    callback_url: str = "http://127.0.0.1:8000/v1/callbacks/payments"
    report_callback_url: str | None = None
    qitech_endpoint: str | None = None
    qitech_method: str = "POST"
    qitech_decides_by: Literal["document", "amount"] = "document"
    settle_seconds: float = 1.0
    api_key: str = field(default="sandbox-key", repr=False)
    signing_secret: str = field(default="sandbox-signing-secret", repr=False)
    callback_secret: str = field(default="sandbox-callback-secret", repr=False)

    @property
    def report_url(self) -> str:
        """Where the notices of data imports are posted: beside the payments' unless it is set."""
        return self.report_callback_url or urljoin(self.callback_url, "reports")

    @property
    def qitech_url(self) -> str:
        """Where QI Tech's webhooks are posted: beside the payments' callbacks."""
        return urljoin(self.callback_url, "qitech")

    @property
    def qitech_signed_url(self) -> str:
        """The endpoint as it was registered with QI Tech, which its signature covers."""
        return self.qitech_endpoint or self.qitech_url

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `LOANFLOW_SANDBOX_*` and the providers' secrets; raises ValueError for bad ones."""
        given: dict[str, Any] = {}
        for field_name, (setting, read) in _SETTINGS.items():
            if text := environment.get(f"LOANFLOW_{setting}"):
                given[field_name] = read(text)
        return cls(**given)


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return read


_SETTINGS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "host": ("SANDBOX_HOST", str),
    "port": ("SANDBOX_PORT", int),
    "database": ("SANDBOX_DB", Path),
    "callback_url": ("SANDBOX_CALLBACK_URL", str),
    "report_callback_url": ("SANDBOX_REPORT_CALLBACK_URL", str),
    "qitech_endpoint": ("SANDBOX_QITECH_ENDPOINT", str),
    "qitech_method": ("SANDBOX_QITECH_METHOD", _one_of("POST", "PUT")),
    "qitech_decides_by": ("SANDBOX_QITECH_DECIDES_BY", _one_of("document", "amount")),
    "settle_seconds": ("SANDBOX_SETTLE_SECONDS", float),
    "api_key": ("PROVIDERS__API_KEY", str),
    "signing_secret": ("PROVIDERS__SIGNING_SECRET", str),
    "callback_secret": ("PROVIDERS__CALLBACK_SECRET", str),
}
