"""Data sources against their simulators over HTTP: what each says of each fictional person."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from domain.decisioning.bureau_merge import BureauFile, merge_bureaus
from providers import ProviderRejected, Verdict
from providers.http.client import ProviderClient
from providers.sources.credit_history import (
    BlacklistRequest,
    BureauReport,
    BureauRequest,
    MultiLenderRequest,
)
from providers.sources.registers import CompanyRequest, PersonRequest
from providers.verification.contacts import AddressBookEntry, Contact, ContactsRequest
from providers.verification.factors import BankCardRequest, CreditCardRequest
from sandbox import registers
from sandbox.personas import Person, person, stranger
from tests.integration.source_clients import ask, factors, fresh_id, signed_client
from tests.simulators import Simulators

TODAY = date(2026, 9, 1)


@pytest.fixture(scope="module")
async def client(served: Simulators) -> AsyncIterator[ProviderClient]:
    async with signed_client(served) as opened:
        yield opened


async def filed(client: ProviderClient, provider: str, who: Person) -> BureauReport:
    at = replace(client, source=provider, service=provider)
    return await ask(at, BureauRequest(**factors(who)))


def file_of(report: BureauReport) -> BureauFile | None:
    """Return a found file as the merge takes it."""
    if not report.passed:
        return None
    return BureauFile.model_validate(report.model_dump(exclude={"verdict", "reasons"}))


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        ("approved", 780, 780),
        ("low_score", 380, 380),
        ("bureau_disagrees", 780, 520),
        ("second_bureau_silent", 780, None),
        ("thin_file", None, None),
    ],
)
async def test_two_bureaus_know_what_the_table_says(
    client: ProviderClient, key: str, first: int | None, second: int | None
) -> None:
    who = person(key, 5)
    one, other = await filed(client, "bureau", who), await filed(client, "bureau_second", who)
    assert (one.score, other.score) == (first, second)
    for report in (one, other):
        if report.score is None:
            assert (report.verdict, report.reasons) == (Verdict.UNAVAILABLE, ("no_file",))


async def test_the_second_bureau_is_also_a_bureau_elsewhere(served: Simulators) -> None:
    async with signed_client(served, "/second") as elsewhere:
        report = await ask(elsewhere, BureauRequest(**factors(person("bureau_disagrees"))))
    assert (report.score, report.overdue_history) == (520, 3)


async def test_bureaus_that_disagree_are_merged_by_the_worse(client: ProviderClient) -> None:
    who = person("bureau_disagrees")
    answers = {
        name: file_of(await filed(client, name, who)) for name in ("bureau", "bureau_second")
    }
    merged = merge_bureaus(answers)
    assert (merged.score, merged.overdue_history, merged.blacklisted) == (520, 3, False)
    assert {source: file.score for source, file in merged.files.items()} == {
        "bureau": 780,
        "bureau_second": 520,
    }


async def test_a_silent_bureau_leaves_the_blacklist_unknown(client: ProviderClient) -> None:
    who = person("second_bureau_silent")
    answers = {
        name: file_of(await filed(client, name, who)) for name in ("bureau", "bureau_second")
    }
    merged = merge_bureaus(answers)
    assert merged.missing == ("bureau_second",)
    assert (merged.score, merged.blacklisted) == (780, None)


@pytest.mark.parametrize(
    ("who", "listed", "categories"),
    [
        (person("approved"), False, ()),
        (stranger(5), False, ()),
        (person("blacklisted", 9), True, ("court_enforcement", "fraud")),
    ],
)
async def test_the_blacklist_names_categories(
    client: ProviderClient, who: Person, listed: bool, categories: tuple[str, ...]
) -> None:
    report = await ask(client, BlacklistRequest(**factors(who)))
    assert (report.verdict, report.listed, report.categories) == (
        Verdict.MATCH,
        listed,
        categories,
    )


async def test_another_name_under_a_number_is_no_answer_about_the_person(
    client: ProviderClient,
) -> None:
    asked = factors(person("blacklisted")) | {"name": "晴方好"}
    listed = await ask(client, BlacklistRequest(**asked))
    lending = await ask(client, MultiLenderRequest(**asked))
    for report in (listed, lending):
        assert (report.verdict, report.reasons) == (Verdict.MISMATCH, ("identity_mismatch",))
    assert (listed.listed, lending.facts()) == (None, {})


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        # The rules' limits: more than 5 in 7 days, 10 in 30, 20 in 90, 5 unsettled, 3 new.
        (person("multi_lender_heavy"), (8, 16, 24, 7, 5)),
        (person("heavily_queried"), (7, 14, 21, 0, 0)),
        (person("approved"), (0, 1, 1, 0, 0)),
        (person("thin_file"), (0, 0, 0, 0, 0)),
        (stranger(1), (0, 1, 1, 0, 0)),
    ],
)
async def test_multi_lender_counts(
    client: ProviderClient, who: Person, counts: tuple[int, ...]
) -> None:
    report = await ask(client, MultiLenderRequest(**factors(who)))
    assert report.passed
    assert tuple(report.facts().values()) == counts


@pytest.mark.parametrize(
    ("who", "card", "reasons"),
    [
        (person("approved"), person("approved").credit_card_number, ()),
        (person("credit_card"), person("credit_card").card_number, ()),
        (person("approved"), person("approved").card_number, ("not_a_credit_card",)),
        (person("approved"), person("story").credit_card_number, ("card_not_owned",)),
        (person("approved"), "6298050000000000", ("card_invalid",)),
        (stranger(3), stranger(3).card_number, ()),
    ],
)
async def test_four_factors_of_a_credit_card(
    client: ProviderClient, who: Person, card: str, reasons: tuple[str, ...]
) -> None:
    answer = await ask(client, CreditCardRequest(**factors(who), card_number=card))
    assert answer.reasons == reasons
    assert (answer.bank_code is not None) == answer.passed


async def test_a_further_credit_card_is_told_from_a_debit_card(served: Simulators) -> None:
    who = person("approved")
    request = BankCardRequest(**factors(who), card_number=who.credit_card_number)
    answer = await served.providers.call(request, request_id=fresh_id())
    assert answer.card_type == "credit"


@pytest.mark.parametrize("index", [0, 42])
@pytest.mark.parametrize(
    ("key", "status", "adverse"),
    [
        ("company_ok", "active", {}),
        ("company_dissolved", "dissolved", {}),
        ("company_adverse", "active", {"court_enforcement": 2, "tax_debt": 1}),
        ("company_new", "active", {}),
    ],
)
@pytest.mark.parametrize("country", ["BR", "CN"])
async def test_the_register_of_companies(
    client: ProviderClient, country: str, key: str, status: str, adverse: object, index: int
) -> None:
    firm = next(firm for firm in registers.FIRMS if firm.key == key)
    number = registers.cnpj if country == "BR" else registers.social_credit_code
    record = await ask(
        client,
        CompanyRequest(
            country="BR" if country == "BR" else "CN",
            registration_number=number(key, index),
            legal_name=firm.name.upper(),
        ),
    )
    months = {date(2012, 3, 1): 174, date(2026, 6, 1): 3}[firm.constituted_on]
    assert record.facts(TODAY) == {
        "status": status,
        "months_since_constitution": months,
        "adverse": adverse,
    }
    assert record.legal_name == firm.name
    assert firm.name not in repr(record)


@pytest.mark.parametrize(
    ("number", "name", "verdict", "reason"),
    [
        (registers.cnpj("company_ok"), "Outra Ltda", "mismatch", "legal_name_mismatch"),
        (registers.cnpj("company_unknown"), "Ninguém Ltda", "mismatch", "not_registered"),
        (registers.cnpj("company_silent"), "X", "unavailable", "source_maintenance"),
    ],
)
async def test_a_company_that_cannot_be_confirmed(
    client: ProviderClient, number: str, name: str, verdict: str, reason: str
) -> None:
    record = await ask(
        client, CompanyRequest(country="BR", registration_number=number, legal_name=name)
    )
    assert (record.verdict, record.reasons) == (verdict, (reason,))
    assert record.facts(TODAY) == {}


async def test_a_company_outside_the_table_is_active(client: ProviderClient) -> None:
    for number in ("35472523000115", "12ABC34501DE35"):
        record = await ask(
            client, CompanyRequest(country="BR", registration_number=number, legal_name="QI")
        )
        assert record.facts(TODAY)["status"] == "active"


@pytest.mark.parametrize(
    ("key", "verdict", "facts"),
    [
        ("person_ok", "match", {"status": "regular", "adverse": {}}),
        ("person_deceased", "match", {"status": "deceased", "adverse": {}}),
        (
            "person_adverse",
            "match",
            {"status": "regular", "adverse": {"protest": 3, "insolvency": 1}},
        ),
        ("person_unknown", "mismatch", {}),
        ("person_silent", "unavailable", {}),
    ],
)
async def test_the_register_of_persons(
    client: ProviderClient, key: str, verdict: str, facts: object
) -> None:
    citizen = next(citizen for citizen in registers.CITIZENS if citizen.key == key)
    record = await ask(
        client,
        PersonRequest(
            country="BR",
            document_number=registers.cpf(key, 7),
            name=citizen.name,
            birth_date=date(1980, 6, 15),
        ),
    )
    assert (record.verdict, record.facts()) == (verdict, facts)


@pytest.mark.parametrize(
    ("key", "changes", "reasons"),
    [
        ("approved", {}, ()),
        ("approved", {"name": "晴方坏"}, ("name_mismatch",)),
        ("approved", {"birth_date": date(1985, 1, 2)}, ("birth_date_mismatch",)),
        ("name_mismatch", {}, ("name_mismatch",)),
        ("not_in_registry", {}, ("not_registered",)),
    ],
)
async def test_a_chinese_shareholder_is_one_of_the_people(
    client: ProviderClient, key: str, changes: dict[str, object], reasons: tuple[str, ...]
) -> None:
    who = person(key)
    asked = {"name": who.name, "birth_date": who.birth_date} | changes
    record = await ask(
        client,
        PersonRequest(
            country="CN",
            document_number=who.identity_number,
            **asked,  # type: ignore[arg-type] # a name and a date
        ),
    )
    assert record.reasons == reasons


@pytest.mark.parametrize("number", ["35.472.523/0001-15", "", "1234567890123a"])
async def test_a_masked_number_is_not_sent(client: ProviderClient, number: str) -> None:
    with pytest.raises(ValueError, match="registration_number") as caught:
        await ask(client, CompanyRequest(country="BR", registration_number=number, legal_name="QI"))
    assert not number or number not in str(caught.value)


async def test_the_address_book_goes_along_only_when_given(client: ProviderClient) -> None:
    who = person("story")
    contacts = [
        Contact(name="云生雨", relation="parent", mobile="13800000001"),
        Contact(name="云生水", relation="friend", mobile="13800000002"),
    ]
    request = ContactsRequest(
        identity_number=who.identity_number, mobile=who.mobile, contacts=contacts
    )
    plain = await ask(client, request)
    assert plain.passed
    assert plain.address_book is None
    book = [
        AddressBookEntry(name="colleague:老云", mobile="13800000001"),
        AddressBookEntry(name="逾期王", mobile="13800000009"),
    ]
    checked = await ask(client, request.model_copy(update={"address_book": book}))
    assert checked.address_book is not None
    assert checked.address_book.model_dump() == {
        "entries": 2,
        "missing_contacts": 1,
        "relation_conflicts": 1,
        "overdue_entries": 1,
    }


async def test_an_unknown_operation_is_refused(client: ProviderClient) -> None:
    with pytest.raises(ProviderRejected) as caught:
        await filed(client, "bureau_third", person("approved"))
    assert caught.value.code == "http_404"


async def test_the_record_of_calls_holds_nothing_personal(
    served: Simulators, client: ProviderClient
) -> None:
    who = person("blacklisted", 77)
    request_id = fresh_id()
    await client.call(BlacklistRequest(**factors(who)), request_id=request_id)
    number = registers.cnpj("company_ok", 33)
    request = CompanyRequest(
        country="BR", registration_number=number, legal_name="Padaria Fictícia Ltda"
    )
    await client.call(request, request_id=request_id)
    calls = await served.calls(request_id=request_id)
    assert [call["outcome"] for call in calls] == ["match", "match"]
    for fact in (who.name, who.identity_number, who.mobile, number, "Padaria"):
        assert fact not in str(calls)
