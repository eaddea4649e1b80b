"""The commands for other programs on the running stack: its addresses and tokens, more workers."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import typer

from local.errors import LocalStackError
from local.state import stack_environment
from local.story.client import Refusal
from local.story.command_line import err_line, out_line
from local.story.stage import tokens_by_role

_CODE: Final = Path(__file__).resolve().parents[2]
_ADDRESSES: Final[Mapping[str, str]] = {
    "API": "LOANFLOW_PUBLIC_URL",
    "SIMULATORS": "LOANFLOW_PROVIDERS__BASE_URL",
    "TEMPORAL": "TEMPORAL_ADDRESS",
    "TEMPORAL_UI": "LOANFLOW_TEMPORAL_UI_URL",
    "DATABASE": "DATABASE_URL",
}
"""The settings that say where the stack's parts are, by the name that they are printed under.

Under its own name the Temporal server's address would lead the next stack of that shell there."""

stack = typer.Typer()


@stack.command()
def env() -> None:
    """Print where the stack's parts are and a token of each role, for `eval "$(... env)"`."""
    for name, value in _shown(_settings()):
        out_line(f"export {name}={shlex.quote(value)}")


@stack.command()
def worker() -> None:
    """Run one more worker on the stack, until Ctrl-C."""
    # The first worker has the port of the metrics.
    settings = _settings() | {"LOANFLOW_METRICS_PORT": "0"}
    os.chdir(_CODE)
    os.execve(sys.executable, (sys.executable, "worker.py"), {**os.environ, **settings})  # noqa: S606 -- this very interpreter


def _shown(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, setting in _ADDRESSES.items():
        if settings.get(setting):
            yield name, settings[setting]
    for role, token in tokens_by_role(settings).items():
        yield f"TOKEN_{role.upper()}", token


def _settings() -> dict[str, str]:
    try:
        return stack_environment()
    except (LocalStackError, Refusal) as error:
        err_line(f"error: {error}")
        raise typer.Exit(1) from None
