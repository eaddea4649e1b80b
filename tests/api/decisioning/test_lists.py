"""Lists and exemptions over HTTP: two people, files with faults by row, nothing shown in clear."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.decisioning.lists import PersonKeys
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox.personas import person
from services.decisioning.lists import standing_of
from storage.people.applicants import ApplicantRepository
from tests.api.conftest import bearer, keyed

ANNA, OTTO = ("analyst", "anna"), ("ops", "otto")
TODAY = utc_now().date()
HEADER = "kind,key,reason,source,expires_on\n"


async def send(
    http: httpx.AsyncClient, path: str, body: dict[str, Any] | None = None, by: Any = ANNA
) -> httpx.Response:
    return await http.post(f"/v1{path}", headers=keyed(*by), json=body)


def entry(key: str, kind: str = "device", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": key, "reason": "fraud", "source": "case 4711"} | more


def device() -> str:
    return f"device-{secrets.token_hex(6)}"


async def proposed(http: httpx.AsyncClient, name: str, *entries: dict[str, Any]) -> str:
    body = {"entries": list(entries), "reason": "seen by the desk"}
    answer = await send(http, f"/lists/{name}/entries", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def confirm(http: httpx.AsyncClient, change_id: str, by: Any = OTTO) -> httpx.Response:
    return await send(http, f"/list-changes/{change_id}/approve", by=by)


async def found(http: httpx.AsyncClient, key: str, kind: str = "device") -> list[dict[str, Any]]:
    answer = await http.post(
        "/v1/list-entries/search", headers=bearer(*ANNA), json={"kind": kind, "key": key}
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def facts(
    services: Services, keys: PersonKeys, applicant_id: str | None = None, days: int = 0
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    async with services.database.read() as tx:
        on = TODAY + timedelta(days=days)
        return await standing_of(tx, applicant_id or new_id("per"), keys, on)


async def test_an_entry_counts_when_a_second_person_confirmed_it(
    http: httpx.AsyncClient, services: Services
) -> None:
    key = device()
    keys = PersonKeys(devices=frozenset({key}))
    change_id = await proposed(http, "black", entry(key))
    assert (await facts(services, keys))[0]["list_black"] == frozenset()
    own = await confirm(http, change_id, ANNA)
    assert (own.status_code, own.json()["code"]) == (409, "second_person_needed")
    assert (await confirm(http, change_id)).json()["state"] == "confirmed"
    assert (await facts(services, keys))[0]["list_black"] == {"device"}
    again = await confirm(http, change_id)
    assert (again.status_code, again.json()["code"]) == (409, "change_decided")
    (shown,) = await found(http, key)
    assert (shown["stands"], key in str(shown)) == (True, False)
    twice = await send(
        http, "/lists/black/entries", {"entries": [entry(key)], "reason": "once more"}
    )
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (422, "entries.0.key")


async def test_a_removal_takes_two_people_and_leaves_the_history(
    http: httpx.AsyncClient, services: Services
) -> None:
    key = device()
    await confirm(http, await proposed(http, "grey", entry(key)))
    (shown,) = await found(http, key)
    body = {"entry_ids": [shown["id"]], "reason": "cleared"}
    other = await send(http, "/lists/black/removals", body)
    assert (other.status_code, other.json()["code"]) == (422, "invalid_entry")
    removal = await send(http, "/lists/grey/removals", body)
    keys = PersonKeys(devices=frozenset({key}))
    assert (await facts(services, keys))[0]["list_grey"] == {"device"}
    await confirm(http, removal.json()["id"])
    assert (await facts(services, keys))[0]["list_grey"] == frozenset()
    (kept,) = await found(http, key)
    assert (kept["id"], kept["stands"]) == (shown["id"], False)
    for statement in ("delete from list_entries", "update list_entries set reason = 'x'"):
        with pytest.raises(Exception, match="append-only"):
            async with services.database.transaction() as tx:
                await tx.connection.execute(statement)


async def test_an_entry_ends_with_its_day(http: httpx.AsyncClient, services: Services) -> None:
    key = device()
    last = TODAY + timedelta(days=5)
    await confirm(http, await proposed(http, "white", entry(key, expires_on=last.isoformat())))
    keys = PersonKeys(devices=frozenset({key}))
    assert (await facts(services, keys, days=5))[0]["list_white"] == {"device"}
    assert (await facts(services, keys, days=6))[0]["list_white"] == frozenset()


async def test_all_keys_of_a_person_are_looked_up_at_once(
    http: httpx.AsyncClient, services: Services
) -> None:
    who = person("approved", 8)
    await confirm(
        http,
        await proposed(
            http,
            "black",
            entry(who.identity_number, "identity_number"),
            entry(who.card_number, "bank_card"),
            entry("198.51.100.0/24", "ip"),
        ),
    )
    await confirm(http, await proposed(http, "grey", entry(who.mobile, "mobile")))
    keys = PersonKeys(
        identity_numbers=frozenset({who.identity_number}),
        mobiles=frozenset({who.mobile}),
        bank_cards=frozenset({who.card_number}),
        devices=frozenset({device()}),
        addresses=frozenset({"198.51.100.77"}),
    )
    assert (await facts(services, keys))[0] == {
        "list_black": {"identity_number", "bank_card", "ip"},
        "list_grey": {"mobile"},
        "list_white": frozenset(),
    }
    beside = PersonKeys(addresses=frozenset({"198.51.101.77"}))
    assert (await facts(services, beside))[0]["list_black"] == frozenset()


async def test_a_file_is_proposed_whole_or_not_at_all(
    http: httpx.AsyncClient, services: Services
) -> None:
    keys = [device() for _ in range(1200)]
    text = HEADER + "".join(f"device,{key},watch,branch 7,\n" for key in keys)
    wrong = await send(
        http, "/lists/grey/imports", {"csv": f"{text}device,x,watch,branch 7,\n", "reason": "March"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_list_file")
    assert [one["field"] for one in wrong.json()["errors"]] == ["rows.1202.key"]
    answer = await send(http, "/lists/grey/imports", {"csv": text, "reason": "March"})
    assert (answer.status_code, answer.json()["entries"]) == (201, 1200)
    await confirm(http, answer.json()["id"])
    last = PersonKeys(devices=frozenset({keys[-1]}))
    assert (await facts(services, last))[0]["list_grey"] == {"device"}
    again = await send(http, "/lists/grey/imports", {"csv": text, "reason": "March"})
    assert again.json()["errors"][0]["field"] == "rows.2.key"


async def test_two_who_confirm_at_once_confirm_once(http: httpx.AsyncClient) -> None:
    change_id = await proposed(http, "black", entry(device()))
    answers = await asyncio.gather(*(confirm(http, change_id) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_who_may_not(http: httpx.AsyncClient) -> None:
    body = {"entries": [entry(device())], "reason": "seen by the desk"}
    for role, name in (("reviewer", "rita"), ("partner", "app"), ("applicant", "alice")):
        assert (await send(http, "/lists/black/entries", body, (role, name))).status_code == 403
    for wrong in (
        {"entries": [], "reason": "none"},
        {"entries": [entry("short")], "reason": "no device"},
        {"entries": [entry(device(), reason="because")], "reason": "no reason"},
        {"entries": [entry(device(), expires_on="2020-01-01")], "reason": "passed"},
    ):
        assert (await send(http, "/lists/black/entries", wrong)).status_code == 422, wrong
    assert (await send(http, "/lists/red/entries", body)).status_code == 422
    assert (await confirm(http, new_id("lch"))).status_code == 404


async def test_a_customer_is_exempt_from_a_rule_for_a_time(
    http: httpx.AsyncClient, services: Services
) -> None:
    one, same = new_id("per"), new_id("per")
    async with services.database.transaction() as tx:
        for applicant_id, channel in ((one, "app"), (same, "acme")):
            await ApplicantRepository(tx).get_or_create(applicant_id, channel, applicant_id)
            await ApplicantRepository(tx).remember(
                applicant_id, identity_number=person("approved", 9).identity_number
            )
    body = {
        "rule": "multi_head",
        "first_day": TODAY.isoformat(),
        "last_day": (TODAY + timedelta(days=10)).isoformat(),
        "reason": "moved houses",
    }
    long = body | {"last_day": (TODAY + timedelta(days=200)).isoformat()}
    refused = await send(http, f"/users/{one}/exemptions", long)
    assert (refused.status_code, refused.json()["code"]) == (422, "exemption_too_long")
    made = await send(http, f"/users/{one}/exemptions", body)
    nobody = PersonKeys()
    assert (await facts(services, nobody, one))[1] == frozenset()
    await confirm(http, made.json()["id"])
    assert (await facts(services, nobody, one))[1] == {"multi_head"}
    # The same person in another channel, by the identity number.
    assert (await facts(services, nobody, same))[1] == {"multi_head"}
    assert (await facts(services, nobody, one, days=11))[1] == frozenset()
    ended = await send(
        http, f"/users/{one}/exemptions/{made.json()['id']}/end", {"reason": "no longer"}
    )
    await confirm(http, ended.json()["id"])
    assert (await facts(services, nobody, one))[1] == frozenset()
    answer = await http.get(f"/v1/users/{one}/exemptions", headers=bearer(*ANNA))
    (shown,) = answer.json()["items"]
    assert (shown["rule"], shown["state"], shown["lasts"]) == ("multi_head", "confirmed", False)
    assert (shown["proposed_by"], shown["decided_by"]) == ("anna", "otto")
