"""The user centre: consents one by one, a person masked, devices, standing, kept elements."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.people.consents import CONSENT_TEXT, Purpose
from domain.verification.elements import AddressBookEntry, ElementKind, Verdict
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox import personas
from services.people.ownership import applicant_id_of
from storage.common.audit import AuditRepository
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from storage.verification.elements import ElementCreate, ElementRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed
from tests.definitions import shipped
from tests.integration import story
from tests.products import changed, release_products
from tests.workflows.asking import EASY

pytestmark = pytest.mark.usefixtures("more_products")

ALICE = applicant_id_of("app", "alice")
FACE = Purpose.FACE_RECOGNITION


def agreeing(purpose: Purpose = FACE, **changes: str) -> dict[str, str]:
    text = shipped(CONSENT_TEXT, purpose)
    return {
        "purpose": purpose,
        "text_version": text.version,
        "text_sha256": text.sha256,
    } | changes


@pytest.fixture
async def alice(services: Services) -> str:
    """Alice, who has applied and has agreed to nothing but what the test makes Alice agree to."""
    return await applied(services, EASY.code)


async def applied(services: Services, product: str) -> str:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice", product=product)
        for purpose in Purpose:
            await ConsentRepository(tx).revoke(
                start.applicant_id, purpose, revoked_by="test", at=utc_now()
            )
    assert start.applicant_id == ALICE
    return start.application_id


async def read(http: httpx.AsyncClient, role: str = "applicant", subject: str = "alice") -> Any:
    answer = await http.get(f"/v1/users/{ALICE}", headers=bearer(role, subject))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def in_force(http: httpx.AsyncClient) -> list[str]:
    return [one["purpose"] for one in (await read(http))["consents"] if one["revoked_at"] is None]


async def give(http: httpx.AsyncClient, body: dict[str, str]) -> httpx.Response:
    return await http.post(
        f"/v1/users/{ALICE}/consents", headers=keyed("applicant", "alice"), json=body
    )


async def revoke(http: httpx.AsyncClient, purpose: str) -> httpx.Response:
    url = f"/v1/users/{ALICE}/consents/{purpose}"
    return await http.delete(url, headers=keyed("applicant", "alice"))


async def test_the_texts_are_served_with_the_digest_to_send_back(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/consent-texts", headers=bearer("applicant", "alice"))
    texts = {one["purpose"]: one for one in answer.json()["items"]}
    assert set(texts) == set(Purpose)
    assert texts[FACE]["sha256"] == shipped(CONSENT_TEXT, FACE).sha256
    assert len(texts[FACE]["text"]) > 100


@pytest.mark.usefixtures("alice")
async def test_a_consent_is_given_shown_and_revoked(http: httpx.AsyncClient) -> None:
    given = await give(http, agreeing())
    assert (given.status_code, given.json()["channel"]) == (201, "app")
    again = await give(http, agreeing())
    assert again.json()["id"] == given.json()["id"]
    await give(http, agreeing(Purpose.BUREAU_QUERY))
    assert sorted(await in_force(http)) == ["bureau_query", "face_recognition"]

    revoked = await revoke(http, FACE)
    assert (revoked.status_code, len(revoked.json()["items"])) == (200, 1)
    assert revoked.json()["items"][0]["revoked_at"] is not None
    assert (await revoke(http, FACE)).json()["items"] == []
    assert await in_force(http) == ["bureau_query"]


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (agreeing(text_version="0"), "unknown_consent_text"),
        (agreeing(text_sha256="0" * 64), "unknown_consent_text"),
        (agreeing(text_sha256="x"), "invalid_value"),
        (agreeing() | {"purpose": "everything"}, "invalid_value"),
        ({"purpose": "face_recognition"}, "missing_field"),
    ],
)
async def test_a_consent_to_another_text_is_refused(
    http: httpx.AsyncClient, body: dict[str, str], code: str
) -> None:
    answer = await give(http, body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await in_force(http) == []
    assert (await revoke(http, "everything")).status_code == 422


async def test_an_element_waits_for_its_consent(http: httpx.AsyncClient, alice: str) -> None:
    url = f"/v1/applications/{alice}/elements"
    body = {"elements": [{"kind": "operator", "mobile": "13800138000"}]}
    answer = await http.post(url, headers=keyed("applicant", "alice"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "consent_missing")
    assert "operator_query" in answer.json()["detail"]
    await give(http, agreeing(Purpose.OPERATOR_QUERY))
    # Temporal is down here: that it is asked at all shows that the consent was enough.
    after = await http.post(url, headers=keyed("applicant", "alice"), json=body)
    assert after.json()["code"] == "engine_unavailable"


def with_contacts(**more: object) -> dict[str, Any]:
    """Personal information with two contacts, as a body."""
    told = story.personal_information(personas.person("approved", 4)).model_dump(mode="json")
    return {"elements": [told | more]}


async def test_contacts_need_no_consent_to_an_address_book_that_is_not_given(
    http: httpx.AsyncClient, services: Services
) -> None:
    """Rules on necessary personal information, 2021: refusing more must not block."""
    await release_products(services.database, changed(EASY, "bookish", check_address_book=True))
    url = f"/v1/applications/{await applied(services, 'bookish')}/elements"
    await give(http, agreeing(Purpose.PERSONAL_INFORMATION))
    book = [{"name": "Aunt Canary", "mobile": "13700137000"}]
    refused = await http.post(
        url, headers=keyed("applicant", "alice"), json=with_contacts(address_book=book)
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "consent_missing")
    assert refused.json()["detail"] == "address_book needs the consent to contacts_check"
    # Temporal is down here: that it is asked at all shows that the consents were enough.
    plain = await http.post(url, headers=keyed("applicant", "alice"), json=with_contacts())
    assert plain.json()["code"] == "engine_unavailable"


async def test_taking_the_consent_back_erases_an_address_book_that_waits(
    http: httpx.AsyncClient, services: Services, alice: str
) -> None:
    await give(http, agreeing(Purpose.CONTACTS_CHECK))
    told = story.personal_information(personas.person("approved", 4))
    given = told.model_copy(
        update={"address_book": (AddressBookEntry(name="Aunt Canary", mobile="13700137000"),)}
    )
    element_id = new_id("elt")
    async with services.database.transaction() as tx:
        await ElementRepository(tx).add(
            alice, [ElementCreate(element_id, ElementKind.PERSONAL_INFORMATION, given)]
        )
    assert (await revoke(http, Purpose.CONTACTS_CHECK)).status_code == 200
    async with services.database.read() as tx:
        kept = await ElementRepository(tx).get(element_id)
    assert kept is not None
    assert kept.data == told


async def test_a_person_is_shown_masked_with_what_is_kept(
    http: httpx.AsyncClient, services: Services, alice: str
) -> None:
    who = personas.person("approved", 3)
    async with services.database.transaction() as tx:
        await ApplicantRepository(tx).remember(
            ALICE,
            name=who.name,
            identity_number=who.identity_number,
            mobile=who.mobile,
            bank_card=who.card_number,
        )
        element_id = new_id("elt")
        await ElementRepository(tx).add(
            alice, [ElementCreate(element_id, ElementKind.OPERATOR, story.operator(who))]
        )
        await ElementRepository(tx).record_verification(
            element_id, Verdict.MATCH, None, {}, "operator", utc_now()
        )
    shown = await read(http)
    text = str(shown)
    for secret in (who.name, who.identity_number, who.mobile, who.card_number):
        assert secret not in text
    assert shown["person"]["identity_number"].endswith(who.identity_number[-4:])
    assert shown["person"]["bank_card"] == "*" * (len(who.card_number) - 4) + who.card_number[-4:]
    (element,) = [one for one in shown["elements"] if one["element_id"] == element_id]
    assert (element["kind"], element["application_id"]) == ("operator", alice)
    assert element["verified_at"] < element["counts_until"]
    assert alice in [one["id"] for one in shown["applications"]]
    assert shown == await read(http, "partner", "app")


@pytest.mark.usefixtures("alice")
async def test_operations_set_level_and_labels(http: httpx.AsyncClient, services: Services) -> None:
    url = f"/v1/users/{ALICE}/tags"
    until = (utc_now() + timedelta(days=30)).date()
    body = {
        "level": 3,
        "labels": ["vip", "staff", "vip"],
        "until": until.isoformat(),
        "reason": "known for years",
    }
    answer = await http.put(url, headers=keyed("ops", "otto"), json=body)
    told = {"id": ALICE, "level": 3, "labels": ["vip", "staff"], "until": until.isoformat()}
    assert answer.json() == told
    shown = await read(http, "ops", "otto")
    assert (shown["level"], shown["labels"]) == (3, ["vip", "staff"])
    assert shown["level_until"] == until.isoformat()
    for wrong in (
        {"level": 10},
        {"labels": ["Has Spaces"]},
        {"level": "2"},
        {"reason": ""},
        {"until": "2020-01-01"},
        {"until": "2999-01-01"},
    ):
        refused = await http.put(url, headers=keyed("ops", "otto"), json=body | wrong)
        assert refused.status_code == 422, wrong
    history = await http.get(f"{url.removesuffix('tags')}levels", headers=bearer("ops", "otto"))
    (change,) = history.json()["items"]
    assert (change["source"], change["level"], change["reason"], change["changed_by"]) == (
        "person",
        3,
        "known for years",
        "otto",
    )
    unseen = await http.get(
        f"{url.removesuffix('tags')}levels", headers=bearer("applicant", "alice")
    )
    assert unseen.status_code == 403
    async with services.database.read() as tx:
        actions = [row.action for row in await AuditRepository(tx).of(f"user:{ALICE}")]
    assert "set_level" in actions


async def test_a_partner_reads_when_a_rejected_person_may_apply_again(
    http: httpx.AsyncClient, services: Services
) -> None:
    """Also of a rejection in another channel, which is not named."""
    number = personas.person("approved", 17).identity_number
    ends = utc_now().date() + timedelta(days=30)
    async with services.database.transaction() as tx:
        here = await seeds.application(tx, "acme", "locked")
        elsewhere = await seeds.application(tx, "app", "locked")
        for start in (here, elsewhere):
            await ApplicantRepository(tx).remember(start.applicant_id, identity_number=number)

    async def can_loan_time() -> Any:
        url = f"/v1/users/{here.applicant_id}"
        answer = await http.get(url, headers=bearer("partner", "acme"))
        assert elsewhere.application_id not in answer.text
        return answer.json()["can_loan_time"]

    async def rejected_until(day: date) -> None:
        async with services.database.transaction() as tx:
            await tx.connection.execute(
                "update applications set state = 'rejected', reject_code = 'R08', reapply_on = $2"
                " where id = $1",
                elsewhere.application_id,
                day,
            )

    assert await can_loan_time() is None
    await rejected_until(ends)
    assert await can_loan_time() == ends.isoformat()
    await rejected_until(utc_now().date() - timedelta(days=1))
    assert await can_loan_time() is None


async def test_an_application_brings_device_and_consents(
    http: httpx.AsyncClient, services: Services
) -> None:
    await seeds.end_applications(services.database, "app", "alice")
    body = {
        "product": "cash",
        "customer_reference": "alice",
        "amount": 1_000_000,
        "instalments": 12,
        "device": {"device_id": "opaque-device-1", "platform": "harmony"},
        "consents": [agreeing(), agreeing(Purpose.DATA_IMPORT)],
    }
    headers = keyed("applicant", "alice")
    for _ in range(2):
        answer = await http.post("/v1/applications", headers=headers, json=body)
        assert answer.json()["code"] == "engine_unavailable"
    shown = await read(http)
    assert {"face_recognition", "data_import"} <= set(await in_force(http))
    (device,) = [one for one in shown["devices"] if one["device_id"] == "opaque-device-1"]
    assert (device["platform"], device["applications"]) == ("harmony", 1)
    wrong = body | {"device": {"device_id": "short", "platform": "toaster"}}
    refused = await http.post("/v1/applications", headers=keyed("applicant", "alice"), json=wrong)
    assert refused.status_code == 422


async def test_a_product_says_what_it_asks_for(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/products/cash/elements", headers=bearer("partner", "acme"))
    items = answer.json()["items"]
    assert [one["kind"] for one in items] == [
        "real_name",
        "operator",
        "personal_information",
        "identity_card",
        "liveness",
        "bank_card",
    ]
    assert {one["asked"] for one in items} == {"application"}
    assert "address_book" not in items[2]["fields"]
    assert {"occupation", "industry", "contacts"} <= set(items[2]["fields"])
    assert items[0]["fields"] == ["name", "identity_number"]
    assert (items[5]["consent"], items[5]["valid_for_days"]) == ("bank_card_verification", 30)
    unknown = await http.get("/v1/products/pawn/elements", headers=bearer("partner", "acme"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_product")
