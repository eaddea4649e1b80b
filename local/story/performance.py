"""Bringing the local stack up for the story, and keeping it up."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from local.errors import LocalStackError
from local.stack import LocalStack
from local.state import default_folder
from local.story.client import Refusal
from local.story.stage import Stage, stage_of
from local.story.story import Outcome, play
from local.story.timeline import Reporter
from local.vision import left_to_vision, missing_libraries
from messages import ids

Say = Callable[[str], None]

OK: Final = 0
STORY_FAILED: Final = 1
INTERRUPTED: Final = 130
_LOANS_LISTED: Final = 10


async def perform(
    reporter: Reporter, say: Say, *, stay: bool, story: bool = True, folder: Path | None = None
) -> int:
    """Start the stack, play the story, stay until a signal if asked, stop; return the exit code.

    Raises Refusal when the stack cannot start or a part of it died for good.
    """
    try:
        code = await _perform(reporter, say, stay=stay, story=story, folder=folder)
    except LocalStackError as error:
        raise Refusal("stack", str(error)) from error
    say("stopped")
    return code


async def _perform(
    reporter: Reporter, say: Say, *, stay: bool, story: bool, folder: Path | None
) -> int:
    cancel_on_signals()
    if story and (address := os.environ.get("TEMPORAL_ADDRESS")):
        if not stay:
            raise LocalStackError(
                f"the story moves clocks, which the Temporal at {address} (TEMPORAL_ADDRESS) does "
                "not let us do: unset TEMPORAL_ADDRESS, or start without the story, "
                "`starter.py run --no-story`"
            )
        say(f"without the story: it moves clocks, and the Temporal at {address} is not ours")
        story = False
    vision = ("vision",) if left_to_vision(os.environ) else ()
    if vision and (missing := missing_libraries()):
        say(f"cards and faces go to their simulator: install {' and '.join(missing)} to use vision")
        vision = ()
    say(
        "starting PostgreSQL, Temporal, the simulators, "
        f"{'vision, ' if vision else ''}the worker and the API ..."
    )
    processes = ("sandbox", *vision, "worker", "api")
    async with LocalStack(folder or default_folder(), processes=processes, report=say) as stack:
        waiting = asyncio.create_task(stack.run_until_signal())
        playing = asyncio.create_task(_play(stack, reporter, say, story=story))
        try:
            await asyncio.wait({waiting, playing}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                await waiting
                say("interrupted: stopping ...")
                return INTERRUPTED
            outcome = playing.result()
            code = _code(outcome, say)
            if stay:
                _say_where(stack, outcome, say)
                await waiting
                say("stopping ...")
            return code
        finally:
            for task in (playing, waiting):
                task.cancel()
            await asyncio.gather(playing, waiting, return_exceptions=True)


def cancel_on_signals() -> None:
    """Let SIGTERM and SIGHUP cancel what runs, as Ctrl-C does: the stack then stops in order."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 -- this runs inside a coroutine
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)


async def _play(stack: LocalStack, reporter: Reporter, say: Say, *, story: bool) -> Outcome | None:
    async with stage_of(stack.environment) as stage:
        await _say_earlier(stage, say)
        return await play(stage, reporter) if story else None


def _code(outcome: Outcome | None, say: Say) -> int:
    if outcome is None:
        return OK
    if outcome.failure is None:
        say(f"\nall {outcome.steps} steps came out as expected, in {outcome.seconds:.1f} s")
        return OK
    failed = outcome.failure
    say(f"\nstep {outcome.steps} failed: {failed.title}: {failed.otherwise}")
    return STORY_FAILED


async def _say_earlier(stage: Stage, say: Say) -> None:
    """List the loans that earlier runs left; the newest come first."""
    page: dict[str, Any] = await stage.api.get("ops", "/v1/loans", limit=_LOANS_LISTED)
    if not page["items"]:
        return
    say("loans of earlier runs, the newest first:")
    for loan in page["items"]:
        say(f"  {loan['id']}  {loan['state']}, disbursed on {loan['disbursed_on']}")
    if page["next"]:
        say("  ... and more: GET /v1/loans")


def _say_where(stack: LocalStack, outcome: Outcome | None, say: Say) -> None:
    ports = stack.ports
    say("\nThe stack stays up. Where to look:")
    say(f"  API             {stack.api_url}/docs")
    say(f"  Tokens by role  {stack.folder}/secrets.env, with the key of /credit_analysis")
    if stack.temporal_ui_url:
        say(f"  Temporal UI     {stack.temporal_ui_url}")
        if outcome is not None and outcome.loan_id:
            loan = quote(ids.loan_workflow(outcome.loan_id), safe="")
            say(f"  The loan there  {stack.temporal_ui_url}/namespaces/default/workflows/{loan}")
    say(f"  Temporal CLI    .venv/bin/temporal workflow list --address {stack.temporal_address}")
    say(f"  Simulators      {stack.sandbox_url}/sandbox/book")
    say(f"  Metrics         {stack.api_url}/metrics")
    if "worker" in ports:
        say(f"                  http://127.0.0.1:{ports['worker']}/metrics")
    say(f"  Logs            {stack.folder}/logs")
    say("  Command line    .venv/bin/python starter.py --help")
    say('  Shell           eval "$(.venv/bin/python starter.py env)": addresses and tokens')
    say("  One worker more .venv/bin/python starter.py worker")
    say("  Stop            Ctrl-C; the data stays, `make clean-data` deletes it")
