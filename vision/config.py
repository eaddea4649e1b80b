"""Settings of the service, read from the environment once at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class VisionConfig:
    """Where the service listens, what callers must prove, and how much it takes on.

    `processes` work at the same time, each with `threads` and its own copy of the models (300
    to 700 MB); `waiting` calls may queue for at most `wait_seconds`, a call is given `job_seconds`.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    processes: int = 1
    threads: int = 1
    waiting: int = 8
    wait_seconds: float = 5.0
    job_seconds: float = 25.0
    api_key: str = field(default="sandbox-key", repr=False)
    signing_secret: str = field(default="sandbox-signing-secret", repr=False)

    def __post_init__(self) -> None:
        if self.processes < 1 or self.threads < 0 or self.waiting < 0:
            raise ValueError("a pool has a process or more, and no negative numbers")
        if self.wait_seconds <= 0 or self.job_seconds <= 0:
            raise ValueError("time limits are positive")

    @property
    def threads_each(self) -> int:
        """The threads of one process: as set, else its share of the cores."""
        return self.threads or max(1, (os.cpu_count() or 1) // self.processes)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `LOANFLOW_VISION_*` and the providers' secrets; raises ValueError for bad ones."""
        default = cls()

        def text(name: str, otherwise: object) -> str:
            return environment.get(f"LOANFLOW_{name}") or str(otherwise)

        return cls(
            host=text("VISION_HOST", default.host),
            port=int(text("VISION_PORT", default.port)),
            processes=int(text("VISION_PROCESSES", default.processes)),
            threads=int(text("VISION_THREADS", default.threads)),
            waiting=int(text("VISION_WAITING", default.waiting)),
            wait_seconds=float(text("VISION_WAIT_SECONDS", default.wait_seconds)),
            job_seconds=float(text("VISION_JOB_SECONDS", default.job_seconds)),
            api_key=text("PROVIDERS__API_KEY", default.api_key),
            signing_secret=text("PROVIDERS__SIGNING_SECRET", default.signing_secret),
        )
