"""The desk over HTTP: who may take, note, call, pass on and give away a case.

Source: issue 12 (queues, claims with a lease, supervisors, at most three calls two hours apart).
"""

import secrets
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.cases.cases import CaseKind
from runtime.clock import utc_now
from services.applications.reviews import open_review_of
from storage.cases import CaseRepository
from tests.api import seeds
from tests.api.cases.opened import Opened, a_pdf, encoded
from tests.api.conftest import bearer, keyed


@pytest.fixture
async def case_id(services: Services) -> str:
    """The open case of an application."""
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", f"c-{secrets.token_hex(4)}")
        await open_review_of(tx, start.application_id, utc_now(), utc_now())
        row = await CaseRepository(tx).of_subject(CaseKind.REVIEW, start.application_id)
    assert row is not None
    return row.id


async def send(
    http: httpx.AsyncClient,
    path: str,
    body: Any = None,
    *,
    by: str = "rita",
    role: str = "reviewer",
) -> httpx.Response:
    return await http.post(f"/v1/cases{path}", headers=keyed(role, by), json=body)


async def test_a_case_is_taken_worked_on_and_put_back(
    http: httpx.AsyncClient, case_id: str
) -> None:
    taken = (await send(http, f"/{case_id}/claim")).json()
    assert (taken["claimed_by"], taken["stage"], taken["queue"]) == ("rita", "initial", "initial")
    other = await send(http, f"/{case_id}/claim", by="rolf")
    assert (other.status_code, other.json()["code"]) == (409, "case_claimed")
    assert (await send(http, f"/{case_id}/heartbeat")).status_code == 200

    call = {"who": "applicant", "script": "identity", "result": "verified"}
    noted = await send(http, f"/{case_id}/calls", call)
    assert noted.json()["claimed_by"] == "rita"
    again = await send(http, f"/{case_id}/calls", call)
    assert (again.status_code, again.json()["code"]) == (429, "call_too_soon")
    assert int(again.headers["Retry-After"]) > 7_000
    wrong = await send(http, f"/{case_id}/calls", call | {"script": "gossip"})
    assert wrong.json()["errors"][0]["field"] == "script"
    assert (await send(http, f"/{case_id}/notes", {"text": "moved in March"})).status_code == 200
    log = (await http.get(f"/v1/cases/{case_id}", headers=bearer("reviewer", "rita"))).json()["log"]
    assert [entry["detail"] for entry in log if entry["entry"] == "call"] == [call]
    assert [entry["text"] for entry in log if entry["entry"] == "note"] == ["moved in March"]

    assert (await send(http, f"/{case_id}/release")).json()["claimed_by"] is None
    lapsed = await send(http, f"/{case_id}/heartbeat")
    assert (lapsed.status_code, lapsed.json()["code"]) == (409, "claim_needed")
    shown = await http.get(f"/v1/cases/{case_id}", headers=bearer("reviewer", "rolf"))
    assert [entry["entry"] for entry in shown.json()["log"]] == [
        *("opened", "claimed", "call", "note", "released")
    ]


async def test_a_case_that_is_passed_on_is_somebody_elses(
    http: httpx.AsyncClient, case_id: str
) -> None:
    early = await send(http, f"/{case_id}/escalate", {"reason": "income abroad"})
    assert (early.status_code, early.json()["code"]) == (409, "claim_needed")
    await send(http, f"/{case_id}/claim")
    passed = (await send(http, f"/{case_id}/escalate", {"reason": "income abroad"})).json()
    assert (passed["stage"], passed["initial_by"]) == ("final", "rita")
    refused = await send(http, f"/{case_id}/claim")
    assert (refused.status_code, refused.json()["code"]) == (409, "second_reviewer_needed")
    assert (await send(http, f"/{case_id}/claim", by="rolf")).status_code == 200


async def test_only_a_supervisor_gives_a_case_away(http: httpx.AsyncClient, case_id: str) -> None:
    body = {"to": "rolf", "reason": "on leave"}
    refused = await send(http, f"/{case_id}/reassign", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_authorised")
    given = await send(http, f"/{case_id}/reassign", body, by="otto", role="ops")
    assert given.json()["assigned_to"] == "rolf"
    nobody = await send(
        http, f"/{case_id}/reassign", body | {"to": "nobody"}, by="otto", role="ops"
    )
    assert nobody.status_code == 404


async def test_the_next_case_is_one_that_nobody_has(http: httpx.AsyncClient, case_id: str) -> None:
    taken = [(await send(http, "/next", {}, by=by)).json()["case"]["id"] for by in ("rita", "rolf")]
    assert len(set(taken)) == 2 or taken[1] is None
    none = await send(http, "/next", {"queue": "nothing"})
    assert none.json() == {"case": None}


async def test_no_stored_answer_holds_what_somebody_typed(
    services: Services, http: httpx.AsyncClient, held: Opened
) -> None:
    """Notes are stored encrypted: answers, which are kept for repeats as they are, lack them."""
    call = {"who": "applicant", "script": "identity", "result": "verified"}
    commands: list[tuple[str, dict[str, Any]]] = [
        ("/notes", {"text": "typed-note"}),
        ("/calls", call | {"note": "typed-call"}),
        (
            "/documents",
            {
                "judgements": [{"document": "identity_card.front", "verdict": "accepted"}],
                "extras": [{"name": "typed-name", "reason": "typed-reason"}],
            },
        ),
    ]
    commands.append(("/files", {"name": "typed-file", "content": encoded(a_pdf())}))
    for path, body in commands:
        answer = await held.post(path, body)
        assert answer.is_success, answer.text
    path = f"/v1/applications/{held.application_id}/documents"
    asked = await http.get(path, headers=bearer("partner", "app"))
    (wanted, one) = (asked.json()["items"], asked.json()["items"][0]["id"])
    assert wanted[0]["name"] == "typed-name"
    assert (await held.post("/documents", {"extras": commands[2][1]["extras"]})).status_code == 200
    given = {"documents": [{"id": one, "content": encoded(a_pdf())}]}
    answer = await http.post(path, headers=keyed("partner", "app"), json=given)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == 1
    assert (await held.post("/escalate", {"reason": "typed-escalation"})).status_code == 200
    async with services.database.read() as tx:
        kept = await tx.connection.fetchval(
            "select count(*) from api_requests where response::text like '%typed-%'"
        )
        stored = await tx.connection.fetchval(
            "select count(*) from api_requests where response::text like '%' || $1 || '%'",
            held.case_id,
        )
    assert (kept, stored > 0) == (0, True)
