"""Beginning an application: once a command, one a product and person at a time."""

import asyncio
from dataclasses import replace

import pytest

from domain.applications.application import ApplicationPending, ApplicationState
from domain.people.consents import CONSENT_TEXT, Purpose, UnknownConsentText
from domain.people.principals import Principal
from domain.products.products import OutsideProduct, UnknownProduct
from messages.ids import new_id
from services.applications.applying import (
    BegunApplication,
    CreditRequest,
    Device,
    begin_application,
)
from services.applications.reading import list_applications, read_application
from services.common.commands import Command
from services.people.consenting import ShownText
from services.people.ownership import applicant_id_of
from storage.common.errors import IdempotencyMismatch
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from storage.people.devices import DeviceRepository, Platform
from tests.definitions import shipped
from tests.integration.commands import ACME, OTTO, command

OPERATOR = Purpose.OPERATOR_QUERY
SHOWN = ShownText(
    OPERATOR, shipped(CONSENT_TEXT, OPERATOR).version, shipped(CONSENT_TEXT, OPERATOR).sha256
)


def someone() -> Principal:
    return Principal("applicant", new_id("per"))


def asking(caller: Principal, **changes: object) -> CreditRequest:
    request = CreditRequest(
        product="cash",
        channel=None,
        customer_reference=caller.subject,
        amount=1_000_000,
        instalments=12,
    )
    return replace(request, **changes)  # type: ignore[arg-type]  # fields of the request


async def begin(
    database: Database, caller: Principal, by: Command, request: CreditRequest
) -> BegunApplication:
    async with database.transaction() as tx:
        return await begin_application(tx, caller, by, request, lender="own")


async def test_a_command_sent_many_times_at_once_begins_one_application(
    database: Database,
) -> None:
    caller = someone()
    once = command(caller)
    request = asking(caller, device=Device("device-0001", Platform.WEB), consents=(SHOWN,))
    begun = await asyncio.gather(*(begin(database, caller, once, request) for _ in range(5)))
    assert len({one.start.model_dump_json() for one in begun}) == 1
    applicant_id = applicant_id_of("app", caller.subject)
    async with database.read() as tx:
        assert len(await list_applications(tx, caller, None, 10)) == 1
        assert len(await ConsentRepository(tx).of(applicant_id)) == 1
        [device] = await DeviceRepository(tx).of(applicant_id)
    assert device.applications == 1


async def test_of_two_commands_at_once_one_begins(database: Database) -> None:
    caller = someone()
    request = asking(caller)
    ends = await asyncio.gather(
        *(begin(database, caller, command(caller), request) for _ in range(4)),
        return_exceptions=True,
    )
    begun = [end for end in ends if isinstance(end, BegunApplication)]
    assert len(begun) == 1
    refused = [end for end in ends if isinstance(end, ApplicationPending)]
    assert len(refused) == 3
    # Their own application is named to them.
    assert all(begun[0].application.id in error.message for error in refused)


async def test_one_in_another_channel_is_in_the_way_and_is_not_named(database: Database) -> None:
    direct, reference = someone(), new_id("per")
    begun = await begin(database, direct, command(direct), asking(direct))
    applicants = (
        (begun.start.applicant_id, "app", direct.subject),
        (applicant_id_of("acme", reference), "acme", reference),
    )
    async with database.transaction() as tx:
        for applicant_id, channel, known_as in applicants:
            await ApplicantRepository(tx).get_or_create(applicant_id, channel, known_as)
            await ApplicantRepository(tx).remember(
                applicant_id, identity_number="11010519491231002X"
            )
    request = asking(ACME, customer_reference=reference)
    with pytest.raises(ApplicationPending) as refused:
        await begin(database, ACME, command(ACME), request)
    assert begun.application.id not in refused.value.message


async def test_nothing_is_kept_of_what_is_refused(database: Database) -> None:
    caller = someone()
    wrong_text = replace(SHOWN, sha256="0" * 64)
    for request, refusal in (
        (asking(caller, product="gold"), UnknownProduct),
        (asking(caller, amount=1), OutsideProduct),
        (asking(caller, instalments=5), OutsideProduct),
        (asking(caller, consents=(SHOWN, wrong_text)), UnknownConsentText),
    ):
        with pytest.raises(refusal):
            await begin(database, caller, command(caller), request)
    async with database.read() as tx:
        assert await ApplicantRepository(tx).get(applicant_id_of("app", caller.subject)) is None
        assert await list_applications(tx, caller, None, 10) == []


async def test_a_command_cannot_ask_for_something_else_later(database: Database) -> None:
    caller = someone()
    once = command(caller)
    await begin(database, caller, once, asking(caller))
    with pytest.raises(IdempotencyMismatch):
        await begin(database, caller, once, asking(caller, amount=2_000_000))


async def test_what_staff_see_besides(database: Database) -> None:
    caller = someone()
    begun = await begin(database, caller, command(caller), asking(caller))
    async with database.read() as tx:
        own = await read_application(tx, caller, begun.application.id)
        of_staff = await read_application(tx, OTTO, begun.application.id)
    assert own.application.state is ApplicationState.COLLECTING
    assert (own.pictures, own.decisions) == (None, None)
    assert (of_staff.pictures, of_staff.decisions) == ([], [])
    assert own.missing == of_staff.missing != ()
