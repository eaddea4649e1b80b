"""Card binding over HTTP: four factors, codes within limits, one agreement."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TypedDict

import pytest

from providers import ProviderRejected, ProviderUnavailable, Verdict
from providers.http.client import ProviderClient
from providers.verification.card_binding import (
    BanksRequest,
    Binding,
    BindingCode,
    BindingCodeEntry,
    BindingCodeRequest,
)
from providers.verification.data_import import CodeStatus
from sandbox.personas import Person, person, stranger
from tests.integration.source_clients import factors, fresh_id, signed_client
from tests.simulators import Simulators

RIGHT, WRONG = "123456", "000000"


class Numbers(TypedDict):
    binding_no: str
    reference: str


@pytest.fixture(scope="module")
async def client(served: Simulators) -> AsyncIterator[ProviderClient]:
    async with signed_client(served) as opened:
        yield opened


@pytest.fixture
async def binding(served: Simulators, client: ProviderClient) -> ProviderClient:
    """The channel without the faults of other tests."""
    await served.repair()
    return client


async def send(
    binding: ProviderClient, who: Person, binding_no: str, **changes: str
) -> BindingCode:
    asked = {**factors(who), "card_number": who.card_number, "request_id": fresh_id()} | changes
    request_id = asked.pop("request_id")
    request = BindingCodeRequest(binding_no=binding_no, **asked)
    return await binding.call(request, request_id=request_id)


async def confirm(binding: ProviderClient, **entry: str) -> Binding:
    return await binding.call(BindingCodeEntry(**entry), request_id=fresh_id())


async def sent(binding: ProviderClient, who: Person) -> Numbers:
    answer = await send(binding, who, fresh_id())
    assert (answer.verdict, answer.delivery) == (Verdict.MATCH, "sent")
    assert answer.reference is not None
    return {"binding_no": answer.binding_no, "reference": answer.reference}


def an_earlier_time(simulators: Simulators, who_binds: str, seconds: int) -> None:
    """Make the codes of a binding older than they are."""
    with sqlite3.connect(simulators.config.database) as book:
        rows = book.execute(
            "SELECT code, sent_at FROM codes WHERE binding_no = ?", (who_binds,)
        ).fetchall()
        for code, sent_at in rows:
            older = (datetime.fromisoformat(sent_at) - timedelta(seconds=seconds)).isoformat()
            book.execute("UPDATE codes SET sent_at = ? WHERE code = ?", (older, code))
            book.execute(
                "UPDATE bindings SET code_sent_at = ? WHERE binding_no = ?", (older, who_binds)
            )


async def test_the_right_code_binds_a_debit_card(binding: ProviderClient) -> None:
    answer = await send(binding, person("approved"), "bnd_first")
    assert (answer.card_type, answer.bank_code) == ("debit", "DEMO")
    assert answer.reference is not None
    numbers: Numbers = {"binding_no": "bnd_first", "reference": answer.reference}
    wrong = await confirm(binding, **numbers, code=WRONG)
    assert (wrong.status, wrong.tries_left, wrong.agreement_no) == ("wrong_code", 4, None)
    right = await confirm(binding, **numbers, code=RIGHT)
    assert right.status is CodeStatus.ACCEPTED
    again = await confirm(binding, **numbers, code=RIGHT)
    assert again.agreement_no == right.agreement_no is not None


@pytest.mark.parametrize(
    ("key", "changes", "reason"),
    [
        ("credit_card", {}, "not_a_debit_card"),
        ("bank_unsupported", {}, "bank_not_supported"),
        ("approved", {"mobile": "19999999999"}, "mobile_mismatch"),
        ("approved", {"name": "晴方坏"}, "name_mismatch"),
        ("approved", {"card_number": person("story").card_number}, "card_not_owned"),
        (
            "approved",
            {"card_number": person("approved").credit_card_number},
            "not_a_debit_card",
        ),
        ("approved", {"card_number": "6222022005001212723"}, "card_invalid"),
    ],
)
async def test_what_cannot_be_bound(
    binding: ProviderClient, key: str, changes: dict[str, str], reason: str
) -> None:
    answer = await send(binding, person(key), fresh_id(), **changes)
    assert (answer.verdict, answer.reasons) == (Verdict.MISMATCH, (reason,))
    assert (answer.delivery, answer.reference) == (None, None)


async def test_another_code_waits_a_minute(served: Simulators, binding: ProviderClient) -> None:
    who, numbers = stranger(30), await sent(binding, stranger(30))
    early = await send(binding, who, numbers["binding_no"])
    assert early.delivery == "too_soon"
    assert early.retry_after_seconds is not None
    assert 50 <= early.retry_after_seconds <= 60
    elsewhere = await send(binding, who, fresh_id())
    assert elsewhere.delivery == "too_soon", "the limit is the mobile's, not the binding's"
    an_earlier_time(served, numbers["binding_no"], 61)
    assert (await send(binding, who, numbers["binding_no"])).delivery == "sent"


async def test_five_codes_a_day(served: Simulators, binding: ProviderClient) -> None:
    who = stranger(31)
    numbers = await sent(binding, who)
    answers = []
    for _ in range(5):
        an_earlier_time(served, numbers["binding_no"], 61)
        answers.append(await send(binding, who, numbers["binding_no"]))
    assert [answer.delivery for answer in answers] == ["sent"] * 4 + ["daily_limit"]
    wait = answers[-1].retry_after_seconds
    assert wait is not None
    assert 0 < wait <= 86_400


async def test_a_repeat_sends_no_second_code(served: Simulators, binding: ProviderClient) -> None:
    same, who, binding_no = fresh_id(), stranger(32), fresh_id()
    await served.fault("card_binding", operation="send_code", times=1, lose_response=True)
    with pytest.raises(ProviderUnavailable):
        await send(binding, who, binding_no, request_id=same)
    answers = await asyncio.gather(
        *(send(binding, who, binding_no, request_id=same) for _ in range(10))
    )
    assert {answer.delivery for answer in answers} == {"sent"}
    params = {"binding_no": binding_no}
    (row,) = (await served.console.get("/sandbox/bindings", params=params)).json()
    assert len(row["codes"]) == 1
    with pytest.raises(ProviderRejected) as caught:
        await send(binding, stranger(33), binding_no, request_id=same)
    assert caught.value.code == "request_conflict"


async def test_a_number_binds_one_card(binding: ProviderClient) -> None:
    numbers = await sent(binding, stranger(34))
    with pytest.raises(ProviderRejected) as caught:
        await send(binding, stranger(35), numbers["binding_no"])
    assert caught.value.code == "binding_conflict"
    with pytest.raises(ProviderRejected) as caught:
        await confirm(
            binding,
            binding_no=numbers["binding_no"],
            reference="ref_other",
            code=RIGHT,
        )
    assert caught.value.code == "binding_not_found"


async def test_five_wrong_codes_need_a_new_one(served: Simulators, binding: ProviderClient) -> None:
    who = stranger(36)
    numbers = await sent(binding, who)
    statuses = [(await confirm(binding, **numbers, code=WRONG)).status for _ in range(5)]
    assert statuses == ["wrong_code"] * 4 + ["expired"]
    late = await confirm(binding, **numbers, code=RIGHT)
    assert late.status is CodeStatus.EXPIRED
    an_earlier_time(served, numbers["binding_no"], 61)
    assert (await send(binding, who, numbers["binding_no"])).delivery == "sent"
    bound = await confirm(binding, **numbers, code=RIGHT)
    assert bound.status is CodeStatus.ACCEPTED


async def test_a_code_lives_five_minutes(served: Simulators, binding: ProviderClient) -> None:
    numbers = await sent(binding, stranger(37))
    an_earlier_time(served, numbers["binding_no"], 301)
    answer = await confirm(binding, **numbers, code=RIGHT)
    assert answer.status is CodeStatus.EXPIRED


async def test_a_code_can_be_made_to_expire(served: Simulators, binding: ProviderClient) -> None:
    numbers = await sent(binding, stranger(38))
    await served.fault("card_binding", operation="confirm", times=1, expire_code=True)
    answer = await confirm(binding, **numbers, code=RIGHT)
    assert answer.status is CodeStatus.EXPIRED


async def test_parallel_right_codes_make_one_agreement(binding: ProviderClient) -> None:
    numbers = await sent(binding, stranger(39))
    answers = await asyncio.gather(*(confirm(binding, **numbers, code=RIGHT) for _ in range(10)))
    assert len({answer.agreement_no for answer in answers}) == 1


async def test_the_banks_are_listed_with_their_limits(binding: ProviderClient) -> None:
    banks = (await binding.call(BanksRequest(), request_id=fresh_id())).banks
    assert {bank.bank_code for bank in banks} == {"DEMO", "SAMPLE"}
    assert all(0 < bank.single_limit <= bank.daily_limit for bank in banks)


@pytest.mark.parametrize("code", ["", "abcdef", "123", "123456789", "１２３４５６"])
async def test_what_cannot_be_a_code_is_not_sent(binding: ProviderClient, code: str) -> None:
    with pytest.raises(ValueError, match="code"):
        await confirm(binding, binding_no="b", reference="r", code=code)


async def test_the_record_of_bindings_holds_nothing_personal(
    served: Simulators, binding: ProviderClient
) -> None:
    who = person("approved", 777)
    numbers = await sent(binding, who)
    await confirm(binding, **numbers, code=RIGHT)
    params = {"binding_no": numbers["binding_no"]}
    recorded = (await served.console.get("/sandbox/bindings", params=params)).text
    calls = str(await served.calls(provider="card_binding"))
    for fact in (who.name, who.identity_number, who.mobile, who.card_number, f"'{RIGHT}'"):
        assert fact not in recorded + calls
