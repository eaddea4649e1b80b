"""Finding the installation to talk to, and the callers that talk to it."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Final

from local.story.cameras import Camera, camera_for
from local.story.client import Api, Refusal, http_client

_URL: Final = "LOANFLOW_PUBLIC_URL"
_TOKENS: Final = "LOANFLOW_TOKENS"
_TOKENS_EXAMPLE: Final = '[{"role": "ops", "token": "..."}]'


class Stage:
    """An installation: its API and, by name, the settings of its processes, which are not for logs.

    Without settings it is the installation that the environment names, or the local stack: looked
    up when it is first needed, so that a wrongly used command says so without one.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._given = environment

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """All settings; raises Refusal when there is no installation."""
        return _found_environment() if self._given is None else self._given

    @cached_property
    def api(self) -> Api:
        """The API; raises Refusal when its tokens cannot be read."""
        return Api(http_client(self.environment[_URL]), tokens_by_role(self.environment))

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
        """Where the Temporal UI is; empty when no setting says it."""
        return self.environment.get("LOANFLOW_TEMPORAL_UI_URL", "")


@asynccontextmanager
async def stage_of(environment: Mapping[str, str] | None = None) -> AsyncIterator[Stage]:
    """Yield the stage that settings lead to, and close its connections in the end."""
    stage = Stage(environment)
    try:
        yield stage
    finally:
        if "api" in vars(stage):
            await stage.api.close()


def _found_environment() -> Mapping[str, str]:
    if os.environ.get(_URL) and os.environ.get(_TOKENS):
        return dict(os.environ)
    # The stack's modules take a moment to load: commands that need no stack do without.
    from local.errors import LocalStackError
    from local.state import stack_environment

    try:
        return stack_environment()
    except LocalStackError as error:
        raise Refusal("no_stack", f"{error}; or set {_URL} and {_TOKENS}") from None


def tokens_by_role(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the first token of each role from an installation's settings; raises Refusal."""
    tokens: dict[str, str] = {}
    try:
        for entry in json.loads(environment[_TOKENS]):
            tokens.setdefault(str(entry["role"]), str(entry["token"]))
    except (ValueError, KeyError, TypeError):
        raise Refusal(
            "no_token", f"write {_TOKENS} as a JSON list such as {_TOKENS_EXAMPLE}"
        ) from None
    return tokens
