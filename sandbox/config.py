"""Settings of the stand-ins, read from the environment once at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class SandboxConfig:
    """Where the stand-ins listen, keep their book, and send callbacks; what callers must prove."""

    host: str = "127.0.0.1"
    port: int = 8500
    database: Path = Path(".local/sandbox/book.sqlite3")
    callback_url: str = "http://127.0.0.1:8000/v1/callbacks/payments"
    settle_seconds: float = 1.0
    api_key: str = field(default="sandbox-key", repr=False)
    signing_secret: str = field(default="sandbox-signing-secret", repr=False)
    callback_secret: str = field(default="sandbox-callback-secret", repr=False)

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
            settle_seconds=float(text("SANDBOX_SETTLE_SECONDS", str(default.settle_seconds))),
            api_key=text("PROVIDERS__API_KEY", default.api_key),
            signing_secret=text("PROVIDERS__SIGNING_SECRET", default.signing_secret),
            callback_secret=text("PROVIDERS__CALLBACK_SECRET", default.callback_secret),
        )
