"""What a credit analysis asks goes through the gateway: audited, paid once, never a pass."""

import json
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.credit_analysis.analyses import CreditAnalyses
from activities.sources.enquiries import DataSourceGateway
from domain.credit_analysis.decision import AnalysisStatus
from messages import calls
from messages.credit_analysis import CheckParty, PartyVerdict, RequestAssessment
from messages.ids import new_id
from providers.registry import Providers
from sandbox import qitech
from storage.credit_analysis.analyses import CreditAnalysisRepository
from tests.definitions import Sources
from tests.integration.credit_analysis.test_analyses import POLICY, recorded
from tests.integration.story import Bench
from tests.proposals import PERSONAL, citizen, firm, legal_person
from tests.simulators import Simulators


async def audited(bench: Bench, request_id: str) -> list[dict[str, Any]]:
    """Return the attempts under a business key, the first one first."""
    async with bench.database.read() as tx:
        rows = await tx.connection.fetch(
            "select source, operation, outcome, code, cost, currency, applicant_id, asked, answered"
            " from enquiries where request_id = $1 order by id",
            request_id,
        )
    return [dict(row) for row in rows]


async def check(bench: Bench, given: dict[str, Any], party: str = "subject") -> tuple[str, Any]:
    analysis_id = await recorded(bench, given)
    request = CheckParty(analysis_id=analysis_id, party=party, policy=POLICY)
    return f"{analysis_id}:{party}", await bench.perform(calls.CHECK_PARTY, request)


async def test_a_register_is_paid_once_and_its_answer_stands_for_the_next_analysis(
    bench: Bench, simulators: Simulators
) -> None:
    first, _ = await check(bench, legal_person(legal_name="Primeira Ltda"))
    await simulators.fault("company", status=503)
    second, checked = await check(bench, legal_person(legal_name="Primeira Ltda"))
    assert checked.verdict is PartyVerdict.MATCH
    [asked], [reused] = await audited(bench, first), await audited(bench, second)
    assert (asked["source"], asked["outcome"], asked["cost"]) == ("company", "match", 100)
    assert (reused["source"], reused["outcome"], reused["cost"]) == ("company", "reused", 0)
    assert asked["applicant_id"] is None
    told = json.dumps([asked["asked"], asked["answered"]])
    assert not any(text in told for text in (*PERSONAL, "Primeira"))


async def test_a_person_is_asked_about_at_the_register_of_persons(bench: Bench) -> None:
    given = legal_person(shareholders=[citizen("person_deceased")])
    key, checked = await check(bench, given, "shareholder:0")
    assert (checked.verdict, checked.reason) == (PartyVerdict.MISMATCH, "person_deceased")
    [asked] = await audited(bench, key)
    assert (asked["source"], asked["operation"], asked["outcome"]) == ("person", "check", "match")


async def test_a_second_register_stands_in_and_silence_of_both_is_waited_for(
    bench: Bench, simulators: Simulators, sources: Sources
) -> None:
    config = simulators.config
    await sources.be(
        {
            "company": {"enabled": False},
            "dead_register": {"capability": "company", "order": 1},
            "spare_register": {"capability": "company", "order": 2},
        }
    )
    async with Providers.connect(
        lambda name: "http://127.0.0.1:9" if name.startswith("dead") else simulators.url,
        SecretStr(config.api_key),
        SecretStr(config.signing_secret),
        1.0,
    ) as providers:
        gateway = DataSourceGateway(bench.database, providers)
        analyses = CreditAnalyses(bench.database, gateway)
        known = await recorded(bench, firm("company_ok"))
        found = await analyses.check_party(
            CheckParty(analysis_id=known, party="subject", policy=POLICY)
        )
        silent = await recorded(bench, firm("company_silent"))
        waiting = await analyses.check_party(
            CheckParty(analysis_id=silent, party="subject", policy=POLICY)
        )
    assert found.verdict is PartyVerdict.MATCH
    assert (waiting.verdict, waiting.reason) == (PartyVerdict.WAITING, "source_maintenance")
    assert [row["source"] for row in await audited(bench, f"{known}:subject")] == [
        "dead_register",
        "spare_register",
    ]
    async with bench.database.read() as tx:
        assert await CreditAnalysisRepository(tx).check(silent, "subject") is None


async def test_an_assessment_is_paid_when_asked_and_free_to_read(
    bench: Bench, simulators: Simulators
) -> None:
    given = legal_person(document_number=qitech.cnpj("manual"), scr_parameters=None)
    analysis_id = await recorded(bench, given)
    request = RequestAssessment(analysis_id=analysis_id, assessment_id=new_id("opi"))
    await bench.perform(calls.REQUEST_ASSESSMENT, request)
    await bench.perform(calls.QUERY_ASSESSMENT, request)
    settle = f"/sandbox/qitech/{request.assessment_id}/settle"
    (await simulators.console.post(settle, json={"silent": True})).raise_for_status()
    ended = await bench.perform(calls.QUERY_ASSESSMENT, request)
    assert ended.status is AnalysisStatus.MANUALLY_APPROVED
    rows = await audited(bench, request.assessment_id)
    assert [(row["operation"], row["outcome"], row["code"], row["cost"]) for row in rows] == [
        ("create", "unavailable", "in_manual_analysis", 500),
        ("read", "unavailable", "in_manual_analysis", 0),
        ("read", "match", "manually_approved", 0),
    ]
    assert {row["currency"] for row in rows} == {"BRL"}
    told = json.dumps([(row["asked"], row["answered"]) for row in rows])
    assert not any(text in told for text in PERSONAL)


async def test_an_analyst_who_refuses_us_is_asked_again_later(
    bench: Bench, simulators: Simulators
) -> None:
    analysis_id = await recorded(bench)
    request = RequestAssessment(analysis_id=analysis_id, assessment_id=new_id("opi"))
    await simulators.fault("qitech", operation="create", status=401, times=1)
    with pytest.raises(ApplicationError) as failure:
        await bench.perform(calls.REQUEST_ASSESSMENT, request)
    assert (failure.value.type, failure.value.non_retryable) == ("ProviderUnavailable", False)
    # Nobody is asked until an operator has had a look, or the breaker tries again.
    with pytest.raises(ApplicationError) as open_breaker:
        await bench.perform(calls.REQUEST_ASSESSMENT, request)
    assert "breaker_open" in str(open_breaker.value)
