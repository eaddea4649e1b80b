"""Definitions over HTTP: the whole life, what is wrong told at once, each command once."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from runtime.clock import utc_now
from tests.api.conftest import bearer, eventually, keyed
from tests.integration.definitions.kinds import table

ANNA = ("analyst", "anna")
OTTO = ("ops", "otto")
ROOT = "/v1/definitions"


async def post(
    api: httpx.AsyncClient,
    path: str,
    body: dict[str, Any],
    by: tuple[str, str] = ANNA,
    key: str | None = None,
) -> httpx.Response:
    return await api.post(path, headers=keyed(*by, key), json=body)


async def get(api: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    answer = await api.get(path, headers=bearer("reviewer", "rita"), params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def checked(api: httpx.AsyncClient, path: str, content: dict[str, Any]) -> int:
    """Draft and check a version."""
    drafted = await post(api, f"{path}/drafts", {"content": content, "note": "test"})
    assert drafted.status_code == 201, drafted.text
    version: int = drafted.json()["version"]
    answer = await post(api, f"{path}/versions/{version}/check", {})
    assert answer.status_code == 200, answer.text
    return version


async def release(api: httpx.AsyncClient, path: str, version: int, **body: Any) -> httpx.Response:
    return await post(
        api, f"{path}/versions/{version}/release", {"reason": "approved", **body}, OTTO
    )


async def test_a_definition_lives(api: httpx.AsyncClient, code: str) -> None:
    path = f"{ROOT}/fee_table/{code}"
    drafted = await post(
        api, f"{path}/drafts", {"content": table(500), "note": "the first", "base": 0}
    )
    assert drafted.status_code == 201
    assert drafted.headers["location"] == f"{path}/versions/1"
    body = drafted.json()
    assert (body["state"], body["findings"], body["drafted_by"]) == ("draft", [], "anna")
    assert body["content"]["rate"] == "1.5"
    assert (await post(api, f"{path}/versions/1/check", {})).json()["checked_by"] == "anna"
    own = await post(api, f"{path}/versions/1/release", {"reason": "mine"}, ANNA)
    assert (own.status_code, own.json()["code"]) == (409, "second_person_needed")
    assert (await release(api, path, 1)).status_code == 201
    await release(api, path, await checked(api, path, table(700)))
    coming = (utc_now() + timedelta(hours=1)).isoformat()
    later = await release(api, path, await checked(api, path, table(900)), effective_from=coming)
    assert later.status_code == 201

    shown = await get(api, path)
    assert (shown["in_force"]["version"], shown["content"]["fees"][0]["amount"]) == (2, 700)
    assert [one["version"] for one in shown["scheduled"]] == [3]
    assert [one["version"] for one in shown["versions"]] == [3, 2, 1]
    [listed] = [one for one in (await get(api, ROOT))["items"] if one["code"] == code]
    assert (listed["in_force"], listed["next_version"], listed["newest"]) == (2, 3, 3)
    found = (await get(api, f"{path}/diff", before=1, after=2))["items"]
    assert found == [{"path": "fees.0.amount", "before": 500, "after": 700}]
    assert (await get(api, f"{path}/versions/1"))["content"]["fees"][0]["amount"] == 500
    assert len((await get(api, f"{path}/versions"))["items"]) == 3

    taken = await post(api, f"{path}/versions/3/withdraw", {"reason": "too early"}, OTTO)
    assert taken.json()["action"] == "withdraw"
    back = await post(api, f"{path}/rollback", {"leaving": 2, "reason": "too dear"}, OTTO)
    assert (back.status_code, back.json()["version"]) == (201, 1)
    again = await post(api, f"{path}/rollback", {"leaving": 2, "reason": "too dear"}, OTTO)
    assert (again.status_code, again.json()["code"]) == (409, "definition_changed")
    retired = await post(api, f"{path}/versions/3/retire", {"reason": "never"}, OTTO)
    assert [one["state"] for one in retired.json()["items"]] == ["retired"]
    whole = await post(api, f"{path}/retire", {"reason": "never"}, OTTO)
    assert (whole.status_code, whole.json()["code"]) == (409, "wrong_definition_state")
    history = (await get(api, f"{path}/history"))["items"]
    assert history[-1]["action"] == "definition_retired"
    assert history[-2]["detail"]["reason"] == "too dear"


async def test_everything_that_is_wrong_is_told_at_once_with_an_example(
    api: httpx.AsyncClient, code: str
) -> None:
    path = f"{ROOT}/fee_table/{code}"
    await release(api, path, await checked(api, path, table(500)))
    wrong = {"title": 5, "fees": [{"name": "issue", "amount": -1}, {"amount": 1}], "x": 1}
    drafted = await post(api, f"{path}/drafts", {"content": wrong, "note": ""})
    fields = {"title", "fees.0.amount", "fees.1.name", "x"}
    assert drafted.status_code == 201
    assert {one["field"] for one in drafted.json()["findings"]} == fields
    answer = await post(api, f"{path}/versions/2/check", {})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "definition_invalid")
    errors = {one["field"]: one for one in problem["errors"]}
    assert set(errors) == fields
    assert errors["fees.0.amount"]["example"] == "500"
    assert errors["fees.0.amount"]["code"] == "definition_invalid"
    assert "example" not in errors["fees.1.name"]


async def test_the_form_of_a_kind_comes_with_an_example_that_is_in_force(
    api: httpx.AsyncClient, code: str
) -> None:
    path = f"{ROOT}/fee_table/{code}"
    await release(api, path, await checked(api, path, table(500)))
    listed = (await get(api, f"{ROOT}/kinds"))["items"]
    assert [one["name"] for one in listed] == ["card", "fee_table"]
    assert listed[1]["description"] == "What is charged beside interest."

    async def look() -> Any:
        return await get(api, f"{ROOT}/kinds/fee_table")

    form = await eventually(look, lambda found: found["example"] is not None)
    assert set(form["json_schema"]["properties"]) == {"title", "rate", "fees"}
    assert form["example"]["title"] == "Fees"
    assert (await get(api, f"{ROOT}/kinds/card"))["example"] is None


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("ladder/good", "there is no kind of definition 'ladder'; the kinds are: card, fee_table"),
        ("card/unheard-of", "there is no card 'unheard-of'"),
        ("fee_table/unheard-of/versions/3", "there is no fee_table/unheard-of@3"),
        ("kinds/ladder", "there is no kind of definition 'ladder'"),
    ],
)
async def test_what_there_is_not_is_told(api: httpx.AsyncClient, path: str, told: str) -> None:
    answer = await api.get(f"{ROOT}/{path}", headers=bearer(*OTTO))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_definition")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("drafts", {"content": [], "note": ""}, "content"),
        ("drafts", {"content": {}, "note": "", "base": "1"}, "base"),
        ("versions/1/release", {}, "reason"),
        ("versions/1/release", {"reason": "  "}, "reason"),
        ("versions/1/release", {"reason": "x", "effective_from": "2026-04-01"}, "effective_from"),
        ("versions/1/release", {"reason": "x", "effective_from": 1_700_000}, "effective_from"),
        (
            "versions/1/release",
            {"reason": "x", "effective_from": "2099-04-01T00:00:00"},
            "effective_from",
        ),
        (
            "versions/1/release",
            {"reason": "x", "effective_from": "9999-12-31T23:59:59-14:00"},
            "effective_from",
        ),
        ("rollback", {"reason": "x"}, "leaving"),
    ],
)
async def test_a_wrong_field_is_named(
    api: httpx.AsyncClient, code: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await post(api, f"{ROOT}/fee_table/{code}/{path}", body)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_the_past_is_refused_by_its_field(api: httpx.AsyncClient, code: str) -> None:
    path = f"{ROOT}/fee_table/{code}"
    version = await checked(api, path, table())
    answer = await release(api, path, version, effective_from="2020-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_effective_from")
    assert answer.json()["errors"][0]["field"] == "effective_from"


async def test_a_click_that_is_repeated_counts_once(api: httpx.AsyncClient, code: str) -> None:
    path = f"{ROOT}/fee_table/{code}"
    body = {"content": table(1), "note": "", "base": 0}
    first = await post(api, f"{path}/drafts", body, key=f"{code}-draft")
    again = await post(api, f"{path}/drafts", body, key=f"{code}-draft")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    # Without the same key, too: the same content is the same version.
    assert (await post(api, f"{path}/drafts", body)).json()["version"] == 1
    await post(api, f"{path}/versions/1/check", {})
    released = f"{path}/versions/1/release"
    answers = await asyncio.gather(
        *(post(api, released, {"reason": "once"}, OTTO, f"{code}-{n % 2}") for n in range(6))
    )
    told = [(answer.status_code, answer.json().get("code")) for answer in answers]
    assert (201, None) in told
    assert set(told) <= {
        (201, None),
        (409, "request_in_progress"),
        (409, "wrong_definition_state"),
    }
    assert len((await get(api, path))["releases"]) == 1
    kept = [(await post(api, released, {"reason": "once"}, OTTO, f"{code}-{n}")) for n in (0, 1)]
    assert sorted(answer.status_code for answer in kept) == [201, 409]


@pytest.mark.parametrize("role", ["applicant", "partner", "reviewer", "collector", "ops"])
async def test_analysts_draft(api: httpx.AsyncClient, code: str, role: str) -> None:
    subjects = {"applicant": "alice", "partner": "app", "reviewer": "rita", "collector": "carl"}
    by = (role, subjects.get(role, "otto"))
    answer = await post(
        api, f"{ROOT}/fee_table/{code}/drafts", {"content": table(), "note": ""}, by
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("act", ["rollback", "versions/1/withdraw", "versions/1/retire", "retire"])
async def test_who_may_not_release_undoes_nothing(
    api: httpx.AsyncClient, code: str, act: str, without_authority: None
) -> None:
    """The matrix is asked before anything that is in force is changed, by whatever way."""
    body = {"reason": "because"} | ({"leaving": 1} if act == "rollback" else {})
    answer = await api.post(
        f"{ROOT}/fee_table/{code}/{act}", headers=keyed("analyst", "anna"), json=body
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "not_authorised")


async def test_an_instant_that_nobody_means_is_refused(api: httpx.AsyncClient, code: str) -> None:
    path = f"{ROOT}/fee_table/{code}"
    version = await checked(api, path, table(700))
    for year in (9000, 9999):
        answer = await api.post(
            f"{path}/versions/{version}/release",
            headers=keyed("ops", "otto"),
            json={"reason": "later", "effective_from": f"{year}-12-31T23:59:59Z"},
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_effective_from")
