"""The staff directory over HTTP, the tokens of its people, and what they may decide."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.http.services import Services
from domain.people.authority import AUTHORITY_MATRIX, STANDARD, AuthorityMatrix
from local.staff import person_id_of
from messages.ids import application_workflow
from runtime.settings import Settings, Token
from storage.common.audit import AuditRepository
from storage.database import Database
from storage.definitions import DefinitionRepository
from tests.api import seeds
from tests.api.conftest import bearer, eventually, http_client, keyed, serving
from tests.definitions import release, shipped

OTTO = person_id_of("otto")
_UNLIMITED = "unlimited"


async def send(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    by: tuple[str, str] = ("ops", "otto"),
) -> httpx.Response:
    return await http.request(method, path, headers=keyed(*by), json=body)


async def add(http: httpx.AsyncClient, *roles: str) -> dict[str, Any]:
    handle = f"p-{secrets.token_hex(4)}"
    body = {"handle": handle, "name": "Lin Canary", "roles": list(roles)}
    answer = await send(http, "POST", "/v1/staff", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_person_is_added_read_and_listed(http: httpx.AsyncClient) -> None:
    made = await add(http, "reviewer")
    assert made["id"].startswith("stf_")
    assert (made["name"], made["roles"], made["state"]) == ("Lin Canary", ["reviewer"], "active")
    headers = bearer("ops", "otto")
    assert (await http.get(f"/v1/staff/{made['id']}", headers=headers)).json() == made
    listed = (await http.get("/v1/staff?limit=100", headers=headers)).json()["items"]
    assert made["handle"] in [person["handle"] for person in listed]
    taken = await send(http, "POST", "/v1/staff", {"handle": made["handle"], "name": "x"})
    assert (taken.status_code, taken.json()["code"]) == (409, "handle_taken")


async def test_a_repeat_of_adding_gets_the_same_person(http: httpx.AsyncClient) -> None:
    headers = keyed("ops", "otto")
    body = {"handle": f"p-{secrets.token_hex(4)}", "name": "Lin Canary"}
    first = await http.post("/v1/staff", headers=headers, json=body)
    assert (await http.post("/v1/staff", headers=headers, json=body)).content == first.content


async def test_roles_teams_skills_and_deputies(http: httpx.AsyncClient) -> None:
    one, two = await add(http, "reviewer"), await add(http, "collector")
    path = f"/v1/staff/{one['id']}"
    team = f"t-{secrets.token_hex(4)}"
    assert (await send(http, "PUT", f"{path}/roles/analyst")).json()["roles"] == [
        "analyst",
        "reviewer",
    ]
    assert (await send(http, "DELETE", f"{path}/roles/analyst")).json()["roles"] == ["reviewer"]
    unknown = await send(http, "PUT", f"{path}/teams/{team}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_team")
    made = await send(http, "POST", "/v1/teams", {"code": team, "name": "Desk"})
    assert made.status_code == 201
    teams = (await http.get("/v1/teams", headers=bearer("ops", "otto"))).json()["items"]
    assert {"code": team, "name": "Desk"} in teams
    assert (await send(http, "PUT", f"{path}/teams/{team}")).json()["teams"] == [team]
    assert (await send(http, "DELETE", f"{path}/teams/{team}")).json()["teams"] == []
    skilled = await send(http, "PUT", f"{path}/skills", {"skills": ["fraud"]})
    assert skilled.json()["skills"] == ["fraud"]
    body = {"deputy_id": two["id"], "first_day": "2099-07-01", "last_day": "2099-07-14"}
    [deputy] = (await send(http, "POST", f"{path}/deputies", body)).json()["deputies"]
    assert deputy == {"id": deputy["id"]} | body
    gone = await send(http, "DELETE", f"{path}/deputies/{deputy['id']}")
    assert gone.json()["deputies"] == []
    left = (await send(http, "POST", f"{path}/leave")).json()
    assert (left["state"], left["roles"]) == ("left", [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", f"/v1/staff/{OTTO}/roles/reviewer", None, 403, "own_roles"),
        ("DELETE", f"/v1/staff/{OTTO}/roles/ops", None, 403, "own_roles"),
        ("POST", f"/v1/staff/{OTTO}/leave", None, 409, "last_ops"),
        ("PUT", f"/v1/staff/{person_id_of('rita')}/roles/king", None, 422, "validation_failed"),
        ("PUT", f"/v1/staff/{person_id_of('nobody')}/roles/ops", None, 404, "unknown_person"),
        ("PUT", "/v1/staff/rita/roles/ops", None, 404, "not_found"),
        ("POST", "/v1/staff", {"handle": "Lin", "name": "x"}, 422, "invalid_value"),
        ("POST", "/v1/staff", {"handle": "lin", "name": ""}, 422, "invalid_value"),
        ("POST", "/v1/staff", {"handle": "lin", "name": "x", "roles": ["partner"]}, 422, None),
    ],
)
async def test_refusals(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
    code: str | None,
) -> None:
    answer = await send(http, method, path, body)
    assert answer.status_code == status, answer.text
    assert code in (None, "validation_failed", answer.json()["code"])


async def test_a_deputy_that_makes_no_sense_is_refused_by_field(http: httpx.AsyncClient) -> None:
    one = await add(http, "reviewer")
    body = {"deputy_id": one["id"], "first_day": "2099-07-01", "last_day": "2099-07-14"}
    answer = await send(http, "POST", f"/v1/staff/{one['id']}/deputies", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_deputy")
    assert answer.json()["errors"][0]["field"] == "deputy_id"


@pytest.fixture(scope="module")
def people_of_tokens() -> dict[str, str]:
    """Handles of this module's own tokens."""
    return {name: f"{name}-{secrets.token_hex(3)}" for name in ("lena", "stranger")}


@pytest.fixture(scope="module")
async def guarded(
    api_settings: Settings, absent_temporal: Any, people_of_tokens: dict[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    """The API with tokens of lena, as reviewer and as analyst, and of somebody unknown."""
    lena, stranger = people_of_tokens["lena"], people_of_tokens["stranger"]
    more = [
        Token.model_validate(
            {"token": f"token-of-{role}-{subject}", "role": role, "subject": subject}
        )
        for role, subject in (("reviewer", lena), ("analyst", lena), ("ops", stranger))
    ]
    own = api_settings.model_copy(update={"tokens": [*api_settings.tokens, *more]})
    async with serving(own, absent_temporal) as app, http_client(app) as client:
        yield client


async def test_a_token_acts_in_a_role_that_the_person_holds(
    guarded: httpx.AsyncClient, people_of_tokens: dict[str, str]
) -> None:
    lena = people_of_tokens["lena"]

    async def reviews(role: str, path: str = "/v1/cases") -> httpx.Response:
        return await guarded.get(path, headers=bearer(role, lena))

    assert (await reviews("reviewer")).status_code == 401  # not in the directory yet
    body = {"handle": lena, "name": "Lena Canary", "roles": ["reviewer"]}
    made = (await send(guarded, "POST", "/v1/staff", body)).json()
    assert (await reviews("reviewer")).status_code == 200
    refused = await reviews("analyst")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_not_held")

    await send(guarded, "PUT", f"/v1/staff/{made['id']}/roles/analyst")
    await eventually(lambda: reviews("analyst"), lambda answer: answer.status_code == 200)
    await send(guarded, "DELETE", f"/v1/staff/{made['id']}/roles/reviewer")
    await eventually(
        lambda: reviews("reviewer"),
        lambda answer: (answer.status_code, answer.json().get("code")) == (403, "role_not_held"),
    )
    await send(guarded, "POST", f"/v1/staff/{made['id']}/leave")
    gone = await eventually(lambda: reviews("analyst"), lambda answer: answer.status_code == 401)
    assert gone.json()["code"] == "unauthenticated"


async def test_a_token_of_nobody_is_no_token(
    guarded: httpx.AsyncClient, people_of_tokens: dict[str, str]
) -> None:
    headers = bearer("ops", people_of_tokens["stranger"])
    assert (await guarded.get("/v1/staff", headers=headers)).status_code == 401
    opened = await guarded.post(
        "/codec/decode", headers=headers | {"origin": "http://elsewhere.example"}, content=b"{}"
    )
    assert opened.status_code == 403


async def test_the_api_does_not_start_with_one_token_twice(api_settings: Settings) -> None:
    """The settings refuse it; nothing reaches the application."""
    twice = [
        {"token": "t", "role": "ops", "subject": "otto"},
        {"token": "t", "role": "ops", "subject": "olga"},
    ]
    with pytest.raises(ValueError, match="one token is given to ops:otto and ops:olga"):
        create_app(Settings.model_validate(api_settings.model_dump() | {"tokens": twice}))


@pytest.fixture
async def limited(services: Services) -> AsyncIterator[Database]:
    """Reviewers approve up to 5,000.00 CNY, operators waive up to 1.00 and write nothing off."""
    standard = shipped(AUTHORITY_MATRIX, STANDARD)
    rows = [
        {"action": "approve_application", "role": "reviewer", "up_to": {"CNY": 500_000}},
        {"action": "approve_application", "role": "analyst", "up_to": _UNLIMITED},
        {"action": "waive", "role": "ops", "up_to": {"CNY": 100}},
        {"action": "waive", "role": "ops", "up_to": {"CNY": 10_000}, "second_person": True},
        {"action": "release_definition", "role": "ops", "up_to": _UNLIMITED},
    ]
    narrow = AuthorityMatrix.model_validate({"rows": rows})
    await _put_in_force(services.database, narrow)
    yield services.database
    await _put_in_force(services.database, standard)


async def _put_in_force(database: Database, matrix: AuthorityMatrix) -> None:
    """Release a matrix and wait until the application knows."""
    await release(database, AUTHORITY_MATRIX, STANDARD, matrix)

    async def known() -> AuthorityMatrix:
        async with database.read() as tx:
            return (await DefinitionRepository(tx).in_force(AUTHORITY_MATRIX, STANDARD)).content

    await eventually(known, lambda found: found == matrix)


async def test_beyond_their_authority_nobody_decides(
    http: httpx.AsyncClient, limited: Database
) -> None:
    async with limited.transaction() as tx:
        start = await seeds.application(tx, "acme", f"c-{secrets.token_hex(4)}")
    path = f"/v1/reviews/{start.application_id}"
    rita = ("reviewer", "rita")
    refused = await send(http, "POST", f"{path}/approve", {"reason": "fine"}, rita)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_authorised")
    assert refused.json()["detail"] == (
        "approve_application (10,000.00 CNY): it takes the role analyst"
    )
    rejected = await send(http, "POST", f"{path}/reject", {"reason": "no"}, rita)
    assert rejected.json()["detail"] == (
        "reject_application (10,000.00 CNY): nobody may, by the matrix"
    )
    async with limited.read() as tx:
        entries = await AuditRepository(tx).of(application_workflow(start.application_id))
    assert [(row.actor, row.action, row.outcome) for row in entries] == [
        (person_id_of("rita"), "approve_application", "not_authorised"),
        (person_id_of("rita"), "reject_application", "not_authorised"),
    ]


async def test_definitions_are_released_by_whom_the_matrix_lets(
    http: httpx.AsyncClient, limited: Database
) -> None:
    path = f"/v1/definitions/{AUTHORITY_MATRIX.name}/{STANDARD}"
    released = f"{path}/versions/1/release"
    refused = await send(http, "POST", released, {"reason": "mine"}, ("analyst", "anna"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_authorised")
    assert refused.json()["detail"] == "release_definition: it takes the role ops"
    history = (await http.get(f"{path}/history", headers=bearer("ops", "otto"))).json()["items"]
    told = (history[-1]["actor"], history[-1]["action"], history[-1]["outcome"])
    assert told == ("anna", "release_definition", "not_authorised")
    # Otto may, and gets as far as being told that version 1 was released before.
    allowed = await send(http, "POST", released, {"reason": "mine"})
    assert allowed.json()["code"] == "wrong_definition_state"


async def test_records_of_a_loan_are_limited_by_their_amount(
    http: httpx.AsyncClient, limited: Database
) -> None:
    credit = await seeds.credit(limited, "acme", f"c-{secrets.token_hex(4)}")
    path = f"/v1/loans/{credit.loan_id}/records"

    async def waive(amount: int) -> dict[str, Any]:
        body = {"kind": "waived", "component": "penalty", "amount": amount}
        return dict((await send(http, "POST", path, body)).json())

    # Temporal is down here: that it is asked at all shows that the authority was enough.
    assert (await waive(100))["code"] == "engine_unavailable"
    second = await waive(101)
    assert second["code"] == "not_authorised"
    assert second["detail"] == "waive (1.01 CNY): ops may, with a second person"
    assert (await waive(10_001))["code"] == "not_authorised"
    off = await send(http, "POST", path, {"kind": "written_off"})
    assert (off.status_code, off.json()["code"]) == (403, "not_authorised")


async def test_the_shipped_matrix_is_in_nobodys_way(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "acme", f"c-{secrets.token_hex(4)}")
    answer = await send(
        http, "POST", f"/v1/loans/{credit.loan_id}/records", {"kind": "written_off"}
    )
    assert answer.json()["code"] == "engine_unavailable"
