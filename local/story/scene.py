"""What the steps of the story share: who acts, where, and what has come of it so far."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date

from temporalio.client import Client

from local.story.cameras import Camera
from local.story.client import Answer, Api, until
from local.story.handing_in import apply_for_credit
from local.story.people import someone
from messages import ids
from runtime.time_travel import TimeTravel
from sandbox.personas import Person


@dataclass
class Applicant:
    """One person of the story and the application that this person made."""

    who: Person
    reference: str
    application_id: str = ""


@dataclass
class Scene:
    """Where the story plays and what was learned on the way. Amounts are minor units."""

    api: Api
    sandbox: Api
    client: Client
    travel: TimeTravel
    borrower: Applicant
    second: Applicant
    third: Applicant
    camera: Camera
    offer_id: str = ""
    line_id: str = ""
    quote: Answer = field(default_factory=dict)
    drawdown_id: str = ""
    loan_id: str = ""
    due_dates: tuple[date, ...] = ()
    payoff: Answer = field(default_factory=dict)
    repayment_ids: list[str] = field(default_factory=list)
    month_events: int = 0
    overdue_loan_id: str = ""

    async def apply(self, of: Applicant) -> Answer:
        """Begin a person's application and return it."""
        of.application_id = await apply_for_credit(self.api, of.reference)
        return await self.application(of)

    async def application(self, of: Applicant) -> Answer:
        """Return an application as staff see it."""
        return await self.api.get("ops", f"/v1/applications/{of.application_id}")

    async def decided(self, of: Applicant) -> Answer:
        """Return an application once it is neither collecting nor being decided."""
        return await until(
            lambda: self.application(of),
            lambda found: found["state"] not in ("collecting", "deciding"),
            "the decision",
        )

    async def loan(self) -> Answer:
        """Return the loan with its position on its business date."""
        return await self.api.get("ops", f"/v1/loans/{self.loan_id}")

    async def instalment(self, number: int) -> Answer:
        """Return the position of one instalment."""
        instalments: list[Answer] = (await self.loan())["position"]["instalments"]
        return instalments[number - 1]

    async def live_until(self, day: date) -> None:
        """Let time pass for the loan until noon of a day."""
        await self.travel.advance(self.loan_id, await self.travel.noon_of(self.loan_id, day))

    async def auto_debit(self, number: int) -> Answer:
        """Return the repayment that the due date of an instalment set going."""
        due_on = self.due_dates[number - 1].isoformat()
        repayment_id = ids.derived_id("rep", self.loan_id, "instalment", str(number), due_on)
        return await self.api.get("ops", f"/v1/repayments/{repayment_id}")

    def process_ids(self) -> dict[str, str]:
        """Return the ids of the borrower's processes in Temporal, by what they carry."""
        return {
            "application": ids.application_workflow(self.borrower.application_id),
            "line": ids.line_workflow(self.line_id),
            "drawdown": ids.drawdown_workflow(self.drawdown_id),
            "loan": ids.loan_workflow(self.loan_id),
            "collections": ids.collections_workflow(self.loan_id, 1),
            **{
                f"repayment {number}": ids.repayment_workflow(repayment_id)
                for number, repayment_id in enumerate(self.repayment_ids, start=1)
            },
        }


Act = Callable[[Scene], Awaitable[str]]
"""Does and checks a step: returns the outcome in words, raises `Unexpected` for another one."""


@dataclass(frozen=True)
class Step:
    """One step: what happens, what is expected of it, and how it is done and checked."""

    title: str
    expected: str
    act: Act


@dataclass(frozen=True)
class Chapter:
    """Steps under one heading, in the order in which they are written down."""

    title: str
    steps: list[Step] = field(default_factory=list)

    def step(self, title: str, expected: str) -> Callable[[Act], Act]:
        """Add the function that plays the next step."""

        def add(act: Act) -> Act:
            self.steps.append(Step(title, expected, act))
            return act

        return add


def applicant(persona: str, run: str) -> Applicant:
    """Return a new customer of a persona's family for the run of the story that `run` names.

    `run` is hexadecimal: it numbers the family's member, so that every run has people of its own.
    """
    return Applicant(someone(persona, int(run, 16)), f"{persona.replace('_', '-')}-{run}")
