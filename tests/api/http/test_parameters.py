"""Query parameters: those that a route takes, and no other on any route.

A misspelt filter that is passed over answers the whole list: people then decide on the wrong rows.
"""

import httpx
import pytest
from fastapi import FastAPI

from api.http.access import RULES
from api.http.services import Services
from runtime.clock import utc_now
from services.applications.reviews import open_review_of
from tests.api import seeds
from tests.api.conftest import TOKENS, bearer, keyed

_SUBJECT = dict(reversed(TOKENS))


def _headers(method: str, path: str) -> dict[str, str]:
    roles = RULES[method, path].roles
    if roles is None:
        return {}
    role = sorted(roles)[0]
    return keyed(role, _SUBJECT[role])


def _takes(app: FastAPI, method: str, path: str) -> list[str]:
    """The query parameters that the API's reference tells of a route."""
    told = app.openapi()["paths"][path][method.lower()].get("parameters", [])
    return [one["name"] for one in told if one["in"] == "query"]


@pytest.mark.parametrize(("method", "path"), sorted(RULES))
async def test_every_route_refuses_what_it_does_not_take(
    http: httpx.AsyncClient, app: FastAPI, method: str, path: str
) -> None:
    answer = await http.request(
        method, path, headers=_headers(method, path), params={"wating": "provider"}
    )
    problem = answer.json()
    if problem["code"] == "api_key_invalid":
        return  # who calls comes first
    assert (answer.status_code, problem["code"]) == (422, "unknown_parameter")
    (told,) = problem["errors"]
    assert told["field"] == "wating"
    for name in _takes(app, method, path):
        assert name in told["message"]
    assert "provider" not in answer.text, "a value may be personal data"


async def test_several_are_named_and_none_is_shown_whole(http: httpx.AsyncClient) -> None:
    surplus = {f"x{number}": "1" for number in range(30)} | {"y" * 500: "1"}
    answer = await http.get("/v1/loans", headers=bearer("ops", "otto"), params=surplus)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert len(answer.content) < 8_000


async def test_people_find_applications_by_whose_move_it_is(
    http: httpx.AsyncClient, services: Services
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")

    async def ids_of(**filters: str) -> set[str]:
        answer = await http.get(
            "/v1/applications", headers=bearer("ops", "otto"), params={"limit": "100", **filters}
        )
        assert answer.status_code == 200, answer.text
        for item in answer.json()["items"]:
            for name, value in filters.items():
                assert item[name] == value
        return {item["id"] for item in answer.json()["items"]}

    assert start.application_id in await ids_of(waiting="applicant")
    assert start.application_id in await ids_of(
        state="collecting", waiting="applicant", product=start.product.code, channel="app"
    )
    assert start.application_id not in await ids_of(waiting="reviewer")
    assert start.application_id not in await ids_of(product="no-such")
    refused = await http.get(
        "/v1/applications", headers=bearer("ops", "otto"), params={"waiting": "nobody"}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "waiting"


async def test_reviewers_find_their_own_reviews(
    http: httpx.AsyncClient, services: Services
) -> None:
    mine: list[str] = []
    others: list[str] = []
    async with services.database.transaction() as tx:
        rita = await tx.connection.fetchval("select id from staff where handle = 'rita'")
        for channel, ones in (("app", mine), ("acme", others)):
            start = await seeds.application(tx, channel, "carol")
            await open_review_of(tx, start.application_id, utc_now(), utc_now())
            ones.append(start.application_id)
        await tx.connection.execute(
            "update cases set assigned_to = $2 where subject = any($1::text[])",
            mine,
            rita,
        )

    async def found(**filters: str) -> set[str]:
        answer = await http.get(
            "/v1/cases", headers=bearer("reviewer", "rita"), params={"limit": "100", **filters}
        )
        assert answer.status_code == 200, answer.text
        return {item["subject"] for item in answer.json()["items"]}

    assert set(mine + others) <= await found()
    assert await found(assigned_to="rita") >= set(mine)
    assert not await found(assigned_to="rita") & set(others)
    assert not await found(channel="acme") & set(mine)
    assert await found(assigned_to="nobody") == set()


async def test_repayments_are_listed_for_whom_they_belong_to(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "alice")

    async def found(role: str, subject: str, **filters: str) -> list[dict[str, str]]:
        answer = await http.get(
            "/v1/repayments", headers=bearer(role, subject), params={"limit": "100", **filters}
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, str]] = answer.json()["items"]
        return items

    all_of = await found("ops", "otto", loan_id=credit.loan_id)
    assert [item["id"] for item in all_of] == [credit.repayment_id]
    assert await found("applicant", "alice", loan_id=credit.loan_id) == all_of
    assert await found("applicant", "bob", loan_id=credit.loan_id) == []
    assert await found("partner", "acme", loan_id=credit.loan_id) == []
    states = {item["state"] for item in await found("ops", "otto", state=all_of[0]["state"])}
    assert states == {all_of[0]["state"]}
    assert await found("ops", "otto", loan_id=credit.loan_id, channel="acme") == []
