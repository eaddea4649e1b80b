"""One life of credit, played over the public HTTP API and checked step by step."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from temporalio.service import RPCError

from local.story import borrower, others, overdue, servicing
from local.story.client import Refusal, api_at
from local.story.people import APPROVED, BORROWER, REJECTED
from local.story.processes import events_of, events_of_all, temporal_client, time_travel
from local.story.scene import Applicant, Chapter, Scene, applicant
from local.story.stage import Stage
from local.story.terms import money
from local.story.timeline import PlayedStep, Reporter, Timeline
from messages import ids
from runtime.time_travel import TimeTravelError

CHAPTERS: Final[tuple[Chapter, ...]] = (
    *borrower.CHAPTERS,
    *servicing.CHAPTERS,
    others.OTHERS,
    overdue.OVERDUE,
)

_FAILS_THE_STEP: Final = (Refusal, TimeTravelError, RPCError, KeyError, IndexError)
"""What a step may run into when the product does not answer as expected."""


@dataclass(frozen=True)
class Outcome:
    """How the story ended; `failure` is the step that came out otherwise."""

    seconds: float
    steps: int
    failure: PlayedStep | None
    loan_id: str


async def play(stage: Stage, reporter: Reporter) -> Outcome:
    """Play the story with new customers and return how it ended. Stops at the first failure."""
    async with _scene(stage) as scene:
        timeline = Timeline(reporter, unexpected=_FAILS_THE_STEP)
        if await _play_steps(scene, timeline):
            await _tell_costs(scene, reporter)
    return Outcome(timeline.seconds, len(timeline.steps), timeline.failure, scene.loan_id)


async def _play_steps(scene: Scene, timeline: Timeline) -> bool:
    for chapter in CHAPTERS:
        timeline.reporter.chapter(chapter.title)
        for step in chapter.steps:
            if not await timeline.step(step.title, step.expected, partial(step.act, scene)):
                return False
    return True


@asynccontextmanager
async def _scene(stage: Stage) -> AsyncIterator[Scene]:
    client = await temporal_client(stage.environment)
    run = secrets.token_hex(4)
    async with api_at(stage.sandbox_url, {}) as sandbox:
        yield Scene(
            api=stage.api,
            sandbox=sandbox,
            client=client,
            travel=await time_travel(stage.environment, client),
            borrower=applicant(BORROWER, run),
            second=applicant(REJECTED, run),
            third=applicant(APPROVED, run),
            camera=stage.camera,
        )


async def _tell_costs(scene: Scene, reporter: Reporter) -> None:
    everything = await events_of_all(scene.client, scene.process_ids().values())
    rows = [
        ("first: loan settled early", await _application_events(scene, scene.borrower), everything),
        ("second: rejected by a rule", *2 * (await _application_events(scene, scene.second),)),
        ("third: approved automatically", *2 * (await _application_events(scene, scene.third),)),
    ]
    reporter.table(
        "Outcomes, and the Temporal events that each cost",
        ("applicant", "application", "everything"),
        [tuple(str(cell) for cell in row) for row in rows],
    )
    reporter.table(
        "The loan",
        ("what it cost", "events"),
        [
            ("a month with an automatic debit", str(scene.month_events)),
            *[
                (name, str(await events_of(scene.client, workflow_id)))
                for name, workflow_id in scene.process_ids().items()
            ],
        ],
    )
    sheet = await servicing.trial_balance(scene)
    reporter.table(
        "Trial balance of everything (debit positive)",
        ("account", "balance"),
        [
            *[(account, money(balance)) for account, balance in sheet.items()],
            ("sum", money(sum(sheet.values()))),
        ],
    )


async def _application_events(scene: Scene, of: Applicant) -> int:
    return await events_of(scene.client, ids.application_workflow(of.application_id))
