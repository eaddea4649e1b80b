"""Settings of the service, read from the environment once at start."""

import os
from collections.abc import Mapping
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

_SECRETS: Final = {
    "api_key": "LOANFLOW_PROVIDERS__API_KEY",
    "signing_secret": "LOANFLOW_PROVIDERS__SIGNING_SECRET",
}


class VisionConfig(BaseModel):
    """Where the service listens, what callers must prove, and how much it takes on.

    `processes` work at the same time, each with `threads` (0: its share of the cores) and its own
    copy of the models (300 to 700 MB); `waiting` calls may queue for at most `wait_seconds`, a call
    is given `job_seconds`.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = 8600
    processes: int = Field(default=1, ge=1)
    threads: int = Field(default=1, ge=0)
    waiting: int = Field(default=8, ge=0)
    wait_seconds: float = Field(default=5.0, gt=0)
    job_seconds: float = Field(default=25.0, gt=0)
    api_key: str = Field(default="sandbox-key", repr=False)
    signing_secret: str = Field(default="sandbox-signing-secret", repr=False)

    @property
    def threads_each(self) -> int:
        """The threads of one process: as set, else its share of the cores."""
        return self.threads or max(1, (os.cpu_count() or 1) // self.processes)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `LOANFLOW_VISION_*` and the providers' secrets; raises ValueError for bad ones."""
        names = {
            field: _SECRETS.get(field, f"LOANFLOW_VISION_{field.upper()}")
            for field in cls.model_fields
        }
        given = {field: environment.get(name) for field, name in names.items()}
        return cls.model_validate({field: text for field, text in given.items() if text})
