"""Finding the installation to talk to, and the callers that talk to it."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.story.cameras import Camera, camera_for
from local.story.client import Api, Refusal, api_at

_URL: Final = "LOANFLOW_PUBLIC_URL"
_TOKENS: Final = "LOANFLOW_TOKENS"


@dataclass(frozen=True)
class Stage:
    """An installation's API and, by name, the settings of its processes: not for logs."""

    api: Api
    environment: Mapping[str, str]

    @property
    def sandbox_url(self) -> str:
        """Where the simulators of third parties are."""
        return self.environment["LOANFLOW_PROVIDERS__BASE_URL"]

    @property
    def camera(self) -> Camera:
        """What takes the pictures that are handed in."""
        return camera_for(self.environment)

    @property
    def temporal_ui_url(self) -> str:
        """Where the Temporal UI is; empty when it has not been told."""
        return self.environment.get("LOANFLOW_TEMPORAL_UI_URL", "")


def found_environment(folder: Path | None = None) -> Mapping[str, str]:
    """Return the settings of the installation that the environment names, or of the local stack.

    Raises Refusal when there is neither.
    """
    if os.environ.get(_URL) and os.environ.get(_TOKENS):
        return dict(os.environ)
    # The stack's modules take a moment to load: commands that need no stack do without.
    from local.errors import LocalStackError
    from local.state import stack_environment

    try:
        return stack_environment(folder)
    except LocalStackError as error:
        raise Refusal("no_stack", f"{error}; or set {_URL} and {_TOKENS}") from None


@asynccontextmanager
async def stage_of(environment: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Yield the stage that settings lead to; raises Refusal when its tokens cannot be read."""
    async with api_at(environment[_URL], _tokens(environment)) as api:
        yield Stage(api, environment)


def _tokens(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the first token of each role."""
    tokens: dict[str, str] = {}
    try:
        for entry in json.loads(environment[_TOKENS]):
            tokens.setdefault(str(entry["role"]), str(entry["token"]))
    except (ValueError, KeyError, TypeError):
        raise Refusal("no_token", f"{_TOKENS} is not a list of tokens with roles") from None
    return tokens
