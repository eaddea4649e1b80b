"""Customers read what they were told, staff what was not, and one is sent again on purpose."""

import httpx

from api.http.services import Services
from domain.messaging.templates import MESSAGE_TEMPLATE
from messages.ids import new_id
from services.messaging.sending import MessageSender
from storage.common.audit import AuditRepository
from storage.people.applicants import ApplicantRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed
from tests.api.seeds import Credit
from tests.definitions import ref
from tests.simulators import Simulators

MOBILE = "19900001234"


async def told(services: Services, simulators: Simulators, reference: str) -> Credit:
    """A borrower who was sent that the money is on its way."""
    credit = await seeds.credit(services.database, "app", reference)
    async with services.database.transaction() as tx:
        await ApplicantRepository(tx).remember(credit.applicant_id, mobile=MOBILE)
    sender = MessageSender(services.database, simulators.providers)
    while await sender.send_due():
        pass
    return credit


async def test_a_borrower_reads_what_was_sent_and_where(
    http: httpx.AsyncClient, services: Services, running_simulators: Simulators
) -> None:
    credit = await told(services, running_simulators, "alice")
    path = f"/v1/users/{credit.applicant_id}/messages"
    (message,) = [
        one
        for one in (await http.get(path, headers=bearer("applicant", "alice"))).json()["items"]
        if one["id"] == credit.message_id
    ]
    assert (message["state"], message["channel"]) == ("sent", "sms")
    assert message["address"] == "*******1234"
    assert message["template"] == str(ref(MESSAGE_TEMPLATE, "money_sent"))
    assert len(message["text_sha256"]) == 64
    assert "text" not in message
    others = await http.get(path, headers=bearer("applicant", "bob"))
    assert others.status_code == 404


async def test_staff_see_what_a_customer_has_not_got(
    http: httpx.AsyncClient, services: Services, running_simulators: Simulators
) -> None:
    async with services.database.transaction() as tx:
        await tx.connection.execute("delete from customer_messages")
    credit = await seeds.credit(services.database, "app", "alice")
    otto = bearer("ops", "otto")
    open_ones = (await http.get("/v1/messages?state=open", headers=otto)).json()["items"]
    assert [one["id"] for one in open_ones] == [credit.message_id]
    again = await http.post(
        f"/v1/messages/{credit.message_id}/resend",
        headers=keyed("ops", "otto"),
        json={"reason": "asked for it again"},
    )
    assert (again.status_code, again.json()["code"]) == (409, "message_not_sent")
    await MessageSender(services.database, running_simulators.providers).send_due()


async def test_a_message_is_sent_again_once_for_one_request_and_audited(
    http: httpx.AsyncClient, services: Services, running_simulators: Simulators
) -> None:
    credit = await told(services, running_simulators, "alice")
    path = f"/v1/messages/{credit.message_id}/resend"
    body = {"reason": "asked for it again"}
    headers = keyed("ops", "otto")
    first, second = [await http.post(path, headers=headers, json=body) for _ in range(2)]
    assert first.status_code == 200, first.text
    assert first.json()["id"] == second.json()["id"] != credit.message_id
    assert first.json()["sent_again"] == credit.message_id
    sender = MessageSender(services.database, running_simulators.providers)
    while await sender.send_due():
        pass
    taken = (await running_simulators.console.get("/sandbox/messages")).json()
    numbers = [one["message_id"] for one in taken]
    assert numbers.count(f"{first.json()['id']}-sms") == 1
    async with services.database.read() as tx:
        entries = await AuditRepository(tx).of(f"loan:{credit.loan_id}")
    assert [one.action for one in entries].count("send_message_again") == 1


async def test_an_unknown_message_is_not_sent_again(http: httpx.AsyncClient) -> None:
    response = await http.post(
        f"/v1/messages/{new_id('msg')}/resend",
        headers=keyed("ops", "otto"),
        json={"reason": "asked for it again"},
    )
    assert response.status_code == 404


async def test_a_customer_says_where_they_are_reached_and_sees_it_masked(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    path = f"/v1/users/{credit.applicant_id}/contact"
    given = {"language": "en", "email": " <mailto:lin@example.com> ", "push_token": "tok-1"}
    stored = await http.put(path, headers=keyed("applicant", "alice"), json=given)
    assert stored.json() == {"language": "en", "email": "l***@example.com", "push_token": "app"}
    wrong = await http.put(
        path, headers=keyed("applicant", "alice"), json={"email": "lin at example"}
    )
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "email"
