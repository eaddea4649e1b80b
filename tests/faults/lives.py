"""One customer's life of credit, played over HTTP as patiently as a real front end would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from time import monotonic
from typing import Any, Final, Self

from temporalio.service import RPCError

from local.story.people import KINDS, element
from runtime.time_travel import TimeTravelError
from sandbox.personas import Person
from tests.definitions import CONSENTS
from tests.faults.place import Place, until

AMOUNT: Final = 1_000_000
MONTHS: Final = 12
LEVEL: Final = 94_560
OWED_AFTER: Final = (1_000_000, 925_440, 849_389, 771_817)
"""10,000.00 at 2 % a month: the level instalment, and what is owed after 0, 1, 2, 3 of them."""

FRONT: Final = "partner"
EMPLOYER: Final = "金丝雀实业有限公司"
TRAVEL_SECONDS: Final = 120.0

Body = dict[str, Any]


@dataclass
class Life:
    """A customer and what has come of them so far."""

    place: Place
    who: Person
    application_id: str = ""
    line_id: str = ""
    quote: Body = field(default_factory=dict)
    drawdown_id: str = ""
    loan_id: str = ""
    due_dates: tuple[date, ...] = ()
    repayment_ids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, place: Place, persona: str) -> Self:
        """Begin a life with a person of a family whom nobody has seen before."""
        return cls(place, place.someone(persona))

    @property
    def workflow_id(self) -> str:
        """The id of the application's process."""
        return f"application:{self.application_id}"

    def to_apply(self) -> Body:
        """Return the body of this customer's application."""
        return {
            "product": "cash",
            "customer_reference": f"{self.who.persona.key}-{self.who.index}".replace("_", "-"),
            "amount": AMOUNT,
            "instalments": MONTHS,
            "consents": list(CONSENTS),
        }

    async def apply(self) -> None:
        """Begin an application."""
        taken = await self.place.insist(FRONT, "/v1/applications", self.to_apply())
        self.application_id = taken["id"]

    async def provide(self, *kinds: str, submit: bool = False) -> Body:
        """Hand elements in, by default all."""
        path = f"/v1/applications/{self.application_id}"
        given = [await self._element(kind) for kind in kinds or KINDS]
        body = {"elements": given, "submit": submit}
        answer: Body = await self.place.insist(FRONT, f"{path}/elements", body)
        return answer

    async def _element(self, kind: str) -> Body:
        """Return an element of this customer; the face does what is asked of it."""
        if kind == "liveness":
            path = f"/v1/applications/{self.application_id}/liveness-challenge"
            asked = await self.place.read(path, role=FRONT)
            return element(self.who, kind, actions=asked["actions"])
        body = element(self.who, kind)
        return {**body, "employer": EMPLOYER} if kind == "personal_information" else body

    async def application(self) -> Body:
        """Return the application as staff see it."""
        found: Body = await self.place.read(f"/v1/applications/{self.application_id}")
        return found

    async def in_state(self, *states: str) -> Body:
        """Return the application once it is in one of `states`."""
        return await until(
            self.application,
            lambda one: one["state"] in states,
            " or ".join(states),
            TRAVEL_SECONDS,
        )

    async def decided(self) -> Body:
        """Hand everything in, ask for the decision until it is made, and return the application."""
        if not self.application_id:
            await self.apply()
        # Alone and together: each way passes points of its own.
        await self.provide(KINDS[0])
        await self.provide(*KINDS[1:])
        await until(self.application, lambda one: not one["missing"], "verdicts", TRAVEL_SECONDS)
        await self.place.insist(FRONT, f"/v1/applications/{self.application_id}/submit")
        return await self.in_state("in_review", "offered", "rejected")

    async def offered(self) -> None:
        """Come so far that an offer stands; a reviewer approves who was referred."""
        found = await self.decided()
        if found["state"] == "in_review":
            path = f"/v1/reviews/{self.application_id}/approve"
            await self.place.insist("reviewer", path, {"reason": "confirmed"})
            await self.in_state("offered")

    async def with_line(self) -> None:
        """Come so far that a line is open."""
        await self.offered()
        offer_id = (await self.application())["offer"]["id"]
        await self.place.insist(FRONT, f"/v1/offers/{offer_id}/accept")
        found = await until(
            self.application, lambda one: bool(one["line_id"]), "the line", TRAVEL_SECONDS
        )
        self.line_id = found["line_id"]

    async def quoted(self) -> None:
        """Come so far that a drawdown of everything is quoted."""
        await self.with_line()
        path = f"/v1/lines/{self.line_id}/quotes"
        self.quote = await self.place.insist(FRONT, path, {"amount": AMOUNT, "instalments": MONTHS})

    def to_draw(self) -> Body:
        """Return the body that confirms the quote."""
        return {"quote_id": self.quote["id"], "plan_hash": self.quote["plan_hash"]}

    async def drawing(self) -> None:
        """Come so far that the drawdown is taken on."""
        await self.quoted()
        path = f"/v1/lines/{self.line_id}/drawdowns"
        self.drew(await self.place.insist(FRONT, path, self.to_draw()))

    def drew(self, taken: Mapping[str, Any]) -> None:
        """Remember the answer to a drawdown."""
        self.drawdown_id, self.loan_id = taken["id"], taken["loan_id"]

    async def drawdown(self) -> Body:
        """Return the drawdown."""
        found: Body = await self.place.read(f"/v1/drawdowns/{self.drawdown_id}")
        return found

    async def borrowed(self) -> None:
        """Come so far that the loan is disbursed and serviced."""
        await self.drawing()
        await self.disbursed()

    async def disbursed(self) -> None:
        """Wait until the drawdown that is under way has become a loan with a process."""
        found = await until(
            self.drawdown,
            lambda one: one["state"] in ("disbursed", "failed"),
            "the disbursement",
            TRAVEL_SECONDS,
        )
        assert found["state"] == "disbursed", found
        handle = self.place.client.get_workflow_handle(f"drawdown:{self.drawdown_id}")
        await until(
            handle.describe,
            lambda one: one.close_time is not None,
            "the end of the drawdown's process",
            TRAVEL_SECONDS,
        )
        plan = await self.place.read(f"/v1/loans/{self.loan_id}/plan")
        self.due_dates = tuple(date.fromisoformat(row["due_on"]) for row in plan["rows"])

    async def loan(self) -> Body:
        """Return the loan on its business date."""
        found: Body = await self.place.read(f"/v1/loans/{self.loan_id}")
        return found

    async def live_until(self, day: date) -> None:
        """Let time pass for the loan until noon of a day, however long the way takes."""
        travel = self.place.travel
        target = await travel.noon_of(self.loan_id, day)
        deadline = monotonic() + TRAVEL_SECONDS
        while await travel.now(self.loan_id) < target:
            try:
                await travel.advance(self.loan_id, target)
            except (TimeTravelError, RPCError):
                if monotonic() > deadline:
                    raise

    async def repay(self, body: Body, key: str = "") -> Body:
        """Pay, and return the repayment once it has ended."""
        path = f"/v1/loans/{self.loan_id}/repayments"
        taken = await self.place.insist(FRONT, path, body, key=key)
        self.repayment_ids.append(taken["id"])
        return await self.repaid(taken["id"])

    async def repaid(self, repayment_id: str) -> Body:
        """Return a repayment once it has ended."""

        async def read() -> Body:
            found: Body = await self.place.read(f"/v1/repayments/{repayment_id}")
            return found

        return await until(
            read, lambda one: one["state"] != "processing", "the repayment", TRAVEL_SECONDS
        )

    async def payoff_total(self) -> int:
        """Return what settles the loan today."""
        path = f"/v1/loans/{self.loan_id}/payoff-quotes"
        return int((await self.place.insist(FRONT, path))["total"])

    async def pay_off(self) -> None:
        """Settle the loan and wait until its process has ended."""
        await self.repay({"payoff_total": await self.payoff_total()})
        handle = self.place.client.get_workflow_handle(f"loan:{self.loan_id}")
        await until(
            handle.describe,
            lambda one: one.close_time is not None,
            "the end of the loan's process",
            TRAVEL_SECONDS,
        )


async def early_settlement(life: Life) -> None:
    """Borrow, have the first instalment debited, and pay the rest off on the same day."""
    await life.borrowed()
    await life.live_until(life.due_dates[0])
    await life.pay_off()


async def late_payment(life: Life) -> None:
    """Borrow, miss the third instalment, be reminded, pay two days late, and pay the rest off.

    For a person whose third debit declines.
    """
    await life.borrowed()
    await life.live_until(life.due_dates[2] + timedelta(days=2))
    await life.repay({})
    await life.pay_off()
