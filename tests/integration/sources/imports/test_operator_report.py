"""The authorised data imports over HTTP: code, wait, report; by asking and by signed notice."""

import asyncio
import json
import sqlite3
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from providers import ProviderRejected, ProviderUnavailable, Verdict
from providers.http.client import ProviderClient
from providers.http.transport import REPORT_LIMIT, RESPONSE_LIMIT
from providers.verification.data_import import Begun, CodeStatus, Report, ReportStatus
from providers.verification.ecommerce import EcommerceReportQuery
from providers.verification.operator_document import OperatorDocument, OperatorFacts
from providers.verification.operator_document import facts_of as operator_facts
from providers.verification.operator_report import OperatorReportQuery, OperatorReportRequest
from sandbox.personas import Person, person, stranger
from tests.integration.source_answers import RIGHT as RIGHT_ANSWERS
from tests.integration.source_answers import answered
from tests.integration.source_clients import (
    CONSENT,
    RIGHT,
    WRONG,
    ask,
    begun,
    confirmed,
    ended,
    entered,
    factors,
    fresh_id,
    notice_of,
    report_query,
    reported,
)
from tests.simulators import Callbacks, Simulators


@pytest.fixture
def reports(client: ProviderClient, simulators: Simulators) -> ProviderClient:
    assert simulators.url
    return client


async def facts_of(
    reports: ProviderClient, who: Person, mobiles: frozenset[str] | None = None
) -> OperatorFacts:
    data_import = await confirmed(reports, who)
    query = OperatorReportQuery(**data_import, emergency_mobiles=mobiles)
    facts = (await ended(reports, query)).facts
    assert isinstance(facts, OperatorFacts)
    return facts


async def begin(client: ProviderClient, capture_no: str, factors: dict[str, str]) -> Begun:
    request = OperatorReportRequest(capture_no=capture_no, consent_id=CONSENT, **factors)
    return await ask(client, request)


async def finish(simulators: Simulators, capture_no: str) -> None:
    response = await simulators.console.post(f"/sandbox/data-imports/{capture_no}/finish")
    response.raise_for_status()


async def test_a_report_in_two_steps_and_a_while(
    reports: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    data_import = await begun(reports, person("approved"))
    with pytest.raises(ProviderRejected) as caught:
        await reported(reports, data_import)
    assert caught.value.code == "not_confirmed"

    wrong = await entered(reports, data_import, WRONG)
    assert (wrong.status, wrong.tries_left) == (CodeStatus.WRONG_CODE, 4)
    right = await entered(reports, data_import, RIGHT)
    assert (right.status, right.tries_left) == (CodeStatus.ACCEPTED, None)

    state = await ended(reports, report_query(data_import))
    assert state.status is ReportStatus.DONE
    notice, request_id = await notice_of(callbacks, simulators, data_import["capture_no"])
    assert (notice.source, notice.status, notice.reason) == ("operator_report", "done", None)
    assert request_id == notice.event_id
    again = await reported(reports, data_import)
    assert again == state, "a report does not change once it is there"


async def test_the_facts_of_a_usual_account(reports: ProviderClient) -> None:
    who = person("approved")
    facts = await facts_of(reports, who, frozenset({"+8613800000001", "13912345678"}))
    assert (facts.months_on_network >= 39, facts.months_billed) == (True, 6)
    assert (facts.real_name, facts.name_matches, facts.identity_matches) == (True, True, True)
    assert facts.average_bill == 5_900 + 350
    # Two calls a day on the sixty days before the import; the day of import itself is silent.
    assert (facts.calls, facts.distinct_numbers, facts.silent_days_30d) == (120, 20, 1)
    assert (facts.police_calls, facts.macau_calls, facts.lender_calls) == (0, 0, 0)
    assert facts.emergency_contacts_called == 1
    assert (facts.messages, facts.top_ups, facts.top_up_amount) == (30, 6, 60_000)
    assert (facts.packages, facts.monthly_fees, facts.short_numbers) == (1, 5_900, 1)
    # The newest month's points, and the same traffic in each of six months.
    assert (facts.points_balance, facts.average_megabytes) == (1_200 - 59, 8_000)
    assert all(isinstance(fact, int | str) for fact in facts.model_dump().values())
    # Nobody to compare with is not the same as nobody called.
    assert (await facts_of(reports, who)).emergency_contacts_called is None
    assert (await facts_of(reports, who, frozenset())).emergency_contacts_called == 0


async def test_a_report_of_a_talkative_account_is_read_and_the_size_still_has_a_limit() -> None:
    """A year of calls, written by a source that escapes and indents, is more than 1 MiB."""
    body = deepcopy(RIGHT_ANSWERS["operator_report", "report"])
    call = body["document"]["calls"][0]
    body["document"]["calls"] = [call] * 10_000
    content = json.dumps(body, indent=2).encode()
    assert RESPONSE_LIMIT < len(content) < REPORT_LIMIT
    report = await answered(("operator_report", "report"), content)
    assert isinstance(report, Report)
    assert isinstance(report.facts, OperatorFacts)
    assert report.facts.calls == 10_000

    assert await answered(("operator_report", "report"), content + b" " * REPORT_LIMIT) is None
    short = json.dumps(RIGHT_ANSWERS["operator_report", "begin"]).encode()
    assert await answered(("operator_report", "begin"), short) is not None
    assert await answered(("operator_report", "begin"), short + b" " * RESPONSE_LIMIT) is None


@pytest.mark.parametrize(
    ("key", "fact", "value"),
    [
        ("thin_file", "months_on_network", 2),
        ("multi_lender_heavy", "lender_calls", 12),
        ("blacklisted", "macau_calls", 3),
        ("blacklisted", "police_calls", 1),
        ("blacklisted", "collector_calls", 8),
        ("low_score", "silent_days_30d", 15),
    ],
)
async def test_an_account_shows_what_its_owner_is(
    reports: ProviderClient, key: str, fact: str, value: int
) -> None:
    facts = await facts_of(reports, person(key))
    assert getattr(facts, fact) == value


def test_a_report_shows_nothing_of_itself_in_a_log() -> None:
    written = RIGHT_ANSWERS["operator_report", "report"]["document"]
    document = OperatorDocument.model_validate_json(json.dumps(written))
    assert document.calls
    number = document.calls[0].number
    assert number in document.model_dump_json()
    for shown in (repr(document), str(document), repr(document.calls[0])):
        assert number not in shown
    assert number not in operator_facts(document).model_dump_json()


async def test_a_slow_report_takes_six_hours_or_twelve_questions(
    reports: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    data_import = await confirmed(reports, person("report_slow"))
    for _ in range(11):
        state = await reported(reports, data_import)
        assert (state.status, state.facts) == (ReportStatus.PENDING, None)
        assert state.retry_after_seconds == 1800
    assert (await reported(reports, data_import)).status is ReportStatus.DONE
    notice, _ = await notice_of(callbacks, simulators, data_import["capture_no"])
    assert notice.status == "done"


async def test_a_slow_report_can_be_ended_by_hand(
    reports: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    data_import = await confirmed(reports, person("report_slow", 3))
    await finish(simulators, data_import["capture_no"])
    assert (await reported(reports, data_import)).status is ReportStatus.DONE
    first, _ = await notice_of(callbacks, simulators, data_import["capture_no"])
    await finish(simulators, data_import["capture_no"])
    assert (await notice_of(callbacks, simulators, data_import["capture_no"]))[0] == first


async def test_a_failed_report_says_why(
    reports: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    data_import = await confirmed(reports, person("report_fails"))
    state = await ended(reports, report_query(data_import))
    assert (state.status, state.reason) == (ReportStatus.FAILED, "source_failed")
    notice, _ = await notice_of(callbacks, simulators, data_import["capture_no"])
    assert (notice.status, notice.reason) == ("failed", "source_failed")


@pytest.mark.parametrize(
    ("key", "changes", "reason"),
    [
        ("mobile_mismatch", {}, "mobile_mismatch"),
        ("approved", {"name": "晴方坏"}, "name_mismatch"),
        ("approved", {"mobile": "19999999999"}, "mobile_mismatch"),
    ],
)
async def test_no_code_goes_to_a_mobile_of_somebody_else(
    reports: ProviderClient, key: str, changes: dict[str, str], reason: str
) -> None:
    answer = await begin(reports, fresh_id(), (factors(person(key)) | changes))
    assert (answer.verdict, answer.reasons, answer.reference) == (
        Verdict.MISMATCH,
        (reason,),
        None,
    )


async def test_five_wrong_codes_end_the_code(reports: ProviderClient) -> None:
    data_import = await begun(reports, person("approved", 2))
    tries = [await entered(reports, data_import, WRONG) for _ in range(5)]
    assert [answer.tries_left for answer in tries] == [4, 3, 2, 1, None]
    assert tries[-1].status is CodeStatus.EXPIRED
    late = await entered(reports, data_import, RIGHT)
    assert late.status is CodeStatus.EXPIRED


async def test_a_repeated_try_is_one_try(reports: ProviderClient) -> None:
    data_import = await begun(reports, person("approved", 3))
    same = fresh_id()
    answers = await asyncio.gather(*(entered(reports, data_import, WRONG, same) for _ in range(20)))
    assert {answer.tries_left for answer in answers} == {4}
    with pytest.raises(ProviderRejected) as caught:
        await entered(reports, data_import, RIGHT, same)
    assert caught.value.code == "request_conflict"


async def test_a_code_lives_five_minutes(reports: ProviderClient, simulators: Simulators) -> None:
    data_import = await begun(reports, person("approved", 4))
    earlier = (datetime.now(UTC) - timedelta(seconds=301)).isoformat()  # noqa: TID251 -- theirs
    with sqlite3.connect(simulators.config.database) as book:
        book.execute(
            "UPDATE data_imports SET begun_at = ? WHERE capture_no = ?",
            (earlier, data_import["capture_no"]),
        )
    answer = await entered(reports, data_import, RIGHT)
    assert answer.status is CodeStatus.EXPIRED


async def test_a_code_can_be_made_to_expire(
    reports: ProviderClient, simulators: Simulators
) -> None:
    data_import = await begun(reports, person("approved", 5))
    await simulators.fault("operator_report", operation="confirm", times=1, expire_code=True)
    answer = await entered(reports, data_import, RIGHT)
    assert answer.status is CodeStatus.EXPIRED


async def test_twenty_at_once_begin_one_data_import(
    reports: ProviderClient, simulators: Simulators
) -> None:
    capture_no = fresh_id()
    asked = factors(person("approved", 6))
    answers = await asyncio.gather(*(begin(reports, capture_no, asked) for _ in range(20)))
    assert len({answer.reference for answer in answers}) == 1
    rows = (
        await simulators.console.get("/sandbox/data-imports", params={"capture_no": capture_no})
    ).json()
    assert len(rows) == 1
    with pytest.raises(ProviderRejected) as caught:
        await begin(reports, capture_no, factors(person("approved", 7)))
    assert caught.value.code == "capture_conflict"


async def test_a_lost_answer_leaves_one_data_import(
    reports: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    capture_no, asked = fresh_id(), factors(person("approved", 8))
    await simulators.fault("operator_report", operation="begin", times=1, lose_response=True)
    with pytest.raises(ProviderUnavailable):
        await begin(reports, capture_no, asked)
    answer = await begin(reports, capture_no, asked)
    assert answer.reference is not None
    data_import = {"capture_no": capture_no, "reference": answer.reference}
    await simulators.fault("operator_report", operation="confirm", times=1, lose_response=True)
    same = fresh_id()
    with pytest.raises(ProviderUnavailable):
        await entered(reports, data_import, RIGHT, same)
    # The notice can be here before the repeat: the code was accepted the first time.
    await notice_of(callbacks, simulators, capture_no)
    again = await entered(reports, data_import, RIGHT, same)
    assert again.status is CodeStatus.ACCEPTED
    assert (await reported(reports, data_import)).status is ReportStatus.DONE


@pytest.mark.parametrize("wrong", ["capture_no", "reference"])
async def test_both_numbers_name_a_data_import(reports: ProviderClient, wrong: str) -> None:
    data_import = await confirmed(reports, person("approved", 9)) | {wrong: "elsewhere"}
    with pytest.raises(ProviderRejected) as caught:
        await reported(reports, data_import)
    assert caught.value.code == "capture_not_found"


async def test_how_a_data_import_goes_can_be_programmed(
    reports: ProviderClient, simulators: Simulators, callbacks: Callbacks
) -> None:
    await simulators.fault(
        "operator_report",
        operation="confirm",
        times=1,
        report_polls=3,
        report_delay_seconds=3600,
        report_failure="account_suspended",
    )
    data_import = await confirmed(reports, stranger(11))
    states = [await reported(reports, data_import) for _ in range(3)]
    assert [state.status for state in states] == ["pending", "pending", "failed"]
    assert states[-1].reason == "account_suspended"
    notice, _ = await notice_of(callbacks, simulators, data_import["capture_no"])
    assert notice.reason == "account_suspended"


async def test_a_held_data_import_waits_for_the_console(
    reports: ProviderClient, simulators: Simulators
) -> None:
    await simulators.fault(
        "operator_report", operation="confirm", times=1, hold=True, report_polls=1
    )
    data_import = await confirmed(reports, stranger(12))
    assert (await reported(reports, data_import)).status is ReportStatus.PENDING
    await finish(simulators, data_import["capture_no"])
    assert (await reported(reports, data_import)).status is ReportStatus.DONE


async def test_the_console_refuses_what_has_no_end(
    reports: ProviderClient, simulators: Simulators
) -> None:
    data_import = await begun(reports, stranger(14))
    unconfirmed = await simulators.console.post(
        f"/sandbox/data-imports/{data_import['capture_no']}/finish"
    )
    assert unconfirmed.status_code == 409
    assert (await simulators.console.post("/sandbox/data-imports/none/finish")).status_code == 404


async def test_sources_do_not_answer_for_one_another(
    client: ProviderClient, reports: ProviderClient
) -> None:
    data_import = await confirmed(reports, stranger(22))
    with pytest.raises(ProviderRejected) as caught:
        await ask(client, EcommerceReportQuery(**data_import))
    assert caught.value.code == "capture_not_found"


async def test_the_record_of_data_imports_holds_nothing_personal(
    reports: ProviderClient, simulators: Simulators
) -> None:
    who = person("approved", 4_321)
    data_import = await confirmed(reports, who)
    await ended(reports, report_query(data_import))
    params = {"capture_no": data_import["capture_no"]}
    recorded = (await simulators.console.get("/sandbox/data-imports", params=params)).text
    calls = str(await simulators.calls(provider="operator_report"))
    for fact in (who.name, who.identity_number, who.mobile, RIGHT):
        assert fact not in recorded + calls
    assert data_import["reference"] in calls
