"""Settings of the simulators, read from the environment once at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
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
    settle_seconds: float = 1.0
    api_key: str = field(default="sandbox-key", repr=False)
    signing_secret: str = field(default="sandbox-signing-secret", repr=False)
    callback_secret: str = field(default="sandbox-callback-secret", repr=False)

    @property
    def report_url(self) -> str:
        """Where the notices of captures are posted: beside the payments' unless it is set."""
        return self.report_callback_url or urljoin(self.callback_url, "reports")

    @property
    def qitech_url(self) -> str:
        """Where QI Tech's webhooks are posted: beside the payments' callbacks."""
        return urljoin(self.callback_url, "qitech")

    @property
    def qitech_signed_url(self) -> str:
        """The endpoint as it was told to QI Tech, which its signature covers."""
        return self.qitech_endpoint or self.qitech_url

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `LOANFLOW_SANDBOX_*` and the providers' secrets; raises ValueError for bad ones."""
        default = cls()

        def text(name: str, otherwise: str) -> str:
            return environment.get(f"LOANFLOW_{name}") or otherwise

        return cls(
            host=text("SANDBOX_HOST", default.host),
            port=int(text("SANDBOX_PORT", str(default.port))),
            database=Path(text("SANDBOX_DB", str(default.database))),
            callback_url=text("SANDBOX_CALLBACK_URL", default.callback_url),
            report_callback_url=environment.get("LOANFLOW_SANDBOX_REPORT_CALLBACK_URL") or None,
            qitech_endpoint=environment.get("LOANFLOW_SANDBOX_QITECH_ENDPOINT") or None,
            settle_seconds=float(text("SANDBOX_SETTLE_SECONDS", str(default.settle_seconds))),
            api_key=text("PROVIDERS__API_KEY", default.api_key),
            signing_secret=text("PROVIDERS__SIGNING_SECRET", default.signing_secret),
            callback_secret=text("PROVIDERS__CALLBACK_SECRET", default.callback_secret),
        )
