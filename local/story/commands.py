"""What the command line does, each command over the public HTTP API. Results are plain objects."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from local.story.client import Api, Refusal, until
from local.story.handing_in import consents_to_everything, elements_for
from local.story.people import someone
from local.story.stage import Stage
from local.story.terms import CHANNEL, FRONT
from sandbox.captures import RIGHT_CODE

Result = dict[str, Any]

_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "app": "applications",
        "off": "offers",
        "lin": "lines",
        "quo": "quotes",
        "dra": "drawdowns",
        "loa": "loans",
        "rep": "repayments",
    }
)


async def apply(
    stage: Stage,
    *,
    persona: str,
    index: int,
    reference: str,
    product: str,
    amount: int,
    months: int,
) -> Result:
    """Apply as a persona, provide all elements at once, and return the decided application.

    A code that a source texts to the persona is entered.
    """
    api, who = stage.api, someone(persona, index)
    body = {
        "product": product,
        "channel": CHANNEL,
        "customer_reference": reference,
        "amount": amount,
        "instalments": months,
        "consents": await consents_to_everything(api),
    }
    application_id = (await api.post(FRONT, "/v1/applications", body))["id"]
    path = f"/v1/applications/{application_id}"
    given = await elements_for(api, stage.camera, application_id, who)
    answer = await api.post(FRONT, f"{path}/elements", {"elements": given, "submit": True})
    for one in answer["elements"]:
        if one["verdict"] == "awaiting_code":
            code = {"code": RIGHT_CODE}
            await api.post(FRONT, f"{path}/elements/{one['element_id']}/code", code)

    async def read() -> Result:
        return _object(await api.get("ops", path))

    return await until(read, _is_told, "the decision")


def _is_told(application: Result) -> bool:
    """Say whether nothing more will come of the elements without somebody's move."""
    if application["state"] != "collecting":
        return bool(application["state"] != "deciding")
    return bool(application["waiting"] == "applicant") and all(
        one["verdict"] != "pending" for one in application["elements"]
    )


async def review(api: Api, application_id: str, *, approve: bool, reason: str) -> Result:
    """Approve or reject an application in review; return it as it then stands."""
    word = "approve" if approve else "reject"
    await api.post("reviewer", f"/v1/reviews/{application_id}/{word}", {"reason": reason})
    return _object(await api.get("ops", f"/v1/applications/{application_id}"))


async def accept(api: Api, application_id: str) -> Result:
    """Accept the offer of an application; return it with its line."""
    path = f"/v1/applications/{application_id}"
    offer = (await api.get("ops", path))["offer"]
    if offer is not None:
        await api.post(FRONT, f"/v1/offers/{offer['id']}/accept")
    return await until(
        lambda: api.get("ops", path), lambda found: bool(found["line_id"]), "the line"
    )


async def draw(api: Api, line_id: str, *, amount: int, months: int) -> Result:
    """Quote a plan on a line, confirm it, and return the drawdown when the money is sent or not."""
    wanted = {"amount": amount, "instalments": months}
    quote = await api.post(FRONT, f"/v1/lines/{line_id}/quotes", wanted)
    body = {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]}
    taken = await api.post(FRONT, f"/v1/lines/{line_id}/drawdowns", body)
    drawdown = await until(
        lambda: api.get("ops", f"/v1/drawdowns/{taken['id']}"),
        lambda found: found["state"] in ("disbursed", "failed"),
        "the disbursement",
    )
    return {**drawdown, "plan": quote["plan"]}


async def repay(api: Api, loan_id: str, *, amount: int | None, payoff: bool) -> Result:
    """Pay an amount, everything due without one, or the payoff; return the ended repayment."""
    body: Result = {} if amount is None else {"amount": amount}
    if payoff:
        quote = await api.post(FRONT, f"/v1/loans/{loan_id}/payoff-quotes")
        body = {"payoff_total": quote["total"]}
    taken = await api.post(FRONT, f"/v1/loans/{loan_id}/repayments", body)
    return await until(
        lambda: api.get("ops", f"/v1/repayments/{taken['id']}"),
        lambda found: found["state"] != "processing",
        "the bank's word on the repayment",
    )


async def show(api: Api, any_id: str) -> Result:
    """Return the resource that an id names; raises Refusal."""
    path = _PATHS.get(any_id[:3]) if any_id[3:4] == "_" else None
    if path is None:
        known = ", ".join(f"{kind}_" for kind in _PATHS)
        raise Refusal("unknown_id", f"{any_id!r} is no id: ids begin with {known}")
    return _object(await api.get("ops", f"/v1/{path}/{any_id}"))


async def advance(
    stage: Stage,
    loan_id: str,
    *,
    days: int = 0,
    months: int = 0,
    to: date | None = None,
    to_next: bool = False,
) -> Result:
    """Let time pass for a loan; return the stops on the way and the loan where it arrived.

    Exactly one of days and months, `to`, and `to_next` says how far. Raises Refusal.
    """
    # The Temporal SDK takes a while to load, which other commands do without.
    from local.story.processes import time_travel
    from runtime.time_travel import Hop, TimeTravelError

    hops: list[Hop] = []
    try:
        travel = await time_travel(stage.environment)
        if to_next:
            target = await travel.next_step_at(loan_id)
        elif to is not None:
            target = await travel.noon_of(loan_id, to)
        else:
            target = await travel.target(loan_id, days=days, months=months)
        arrival = await travel.advance(loan_id, target, hops.append)
    except TimeTravelError as error:
        raise Refusal("time_travel", str(error)) from error
    stops = [{"at": hop.at.isoformat(timespec="minutes"), "reason": hop.reason} for hop in hops]
    return {
        "loan_id": loan_id,
        "at": arrival.at.isoformat(timespec="seconds"),
        "stops": stops,
        "loan": await stage.api.get("ops", f"/v1/loans/{loan_id}"),
    }


def _object(body: Any) -> Result:
    if not isinstance(body, dict):
        raise TypeError("the API answered no object")
    return body
