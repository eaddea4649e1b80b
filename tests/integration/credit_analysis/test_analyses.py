"""The activities of a credit analysis: repeats, races and late attempts leave one effect."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.credit_analysis.analyses import CreditAnalyses
from activities.credit_analysis.notices import AnalysisNotices
from activities.sources.enquiries import DataSourceGateway
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from messages import calls
from messages.credit_analysis import (
    AnalysisReviewCommand,
    AnalystDecision,
    AssessAnalysis,
    CheckParty,
    DeliverNotice,
    PartyVerdict,
    RecordAnalysis,
    RecordAnalysisReview,
    RequestAssessment,
)
from messages.ids import credit_analysis_workflow, new_id
from providers.credit_analysis.notices import AnalysisAccess, Endpoint
from providers.http.errors import ProviderRejected
from providers.registry import Providers
from sandbox import qitech
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.external_assessments import ExternalAssessmentRepository
from storage.credit_analysis.notices import AnalysisNoticeRepository, NoticeState
from tests.definitions import ref
from tests.integration.story import Bench
from tests.proposals import PERSONAL, STANDARD, citizen, firm, legal_person, read
from tests.simulators import Simulators, receiving

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CLIENT = "shop"
POLICY = ref(CREDIT_ANALYSIS_POLICY, STANDARD)


async def recorded(bench: Bench, given: dict[str, Any] | None = None) -> str:
    """Record a proposal and return its analysis's id."""
    given = given or legal_person()
    analysis_id = new_id("ana")
    async with bench.database.transaction() as tx:
        row = await CreditAnalysisRepository(tx).insert(
            analysis_id, CLIENT, PersonKind.LEGAL, POLICY, read(given), json.dumps(given)
        )
    assert row is not None
    return analysis_id


async def row_of(bench: Bench, analysis_id: str) -> AnalysisRow:
    async with bench.database.read() as tx:
        row = await CreditAnalysisRepository(tx).get(analysis_id)
    assert row is not None
    return row


def status(analysis_id: str, found: AnalysisStatus, seq: int) -> RecordAnalysis:
    at = NOW + timedelta(minutes=seq)
    return RecordAnalysis(
        analysis_id=analysis_id, status=found, reason="because", state_seq=seq, at=at
    )


async def test_a_party_is_looked_up_once(bench: Bench, simulators: Simulators) -> None:
    analysis_id = await recorded(bench)
    request = CheckParty(analysis_id=analysis_id, party="subject", policy=POLICY)
    first = await bench.perform(calls.CHECK_PARTY, request)
    second = await bench.perform(calls.CHECK_PARTY, request)
    assert first == second
    assert first.verdict is PartyVerdict.MATCH
    asked = await simulators.calls(provider="company", request_id=f"{analysis_id}:subject")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("given", "party", "verdict", "reason"),
    [
        (firm("company_ok"), "subject", PartyVerdict.MATCH, None),
        (firm("company_silent"), "subject", PartyVerdict.WAITING, "source_maintenance"),
        (firm("company_dissolved"), "subject", PartyVerdict.MISMATCH, "company_dissolved"),
        (firm("company_unknown"), "subject", PartyVerdict.MISMATCH, "not_registered"),
        (
            legal_person(guarantors=[citizen("person_deceased")]),
            "guarantor:0",
            PartyVerdict.MISMATCH,
            "person_deceased",
        ),
        (
            legal_person(shareholders=[citizen("person_ok") | {"birthdate": "1981-06-15"}]),
            "shareholder:0",
            PartyVerdict.MISMATCH,
            "birth_date_mismatch",
        ),
    ],
)
async def test_what_a_register_says(
    bench: Bench,
    given: dict[str, Any],
    party: str,
    verdict: PartyVerdict,
    reason: str | None,
) -> None:
    analysis_id = await recorded(bench, given | {"id": new_id("ana")})
    checked = await bench.perform(
        calls.CHECK_PARTY, CheckParty(analysis_id=analysis_id, party=party, policy=POLICY)
    )
    assert (checked.verdict, checked.reason) == (verdict, reason)


class Refusing(Providers):
    """Registers that will not look anybody up."""

    async def call(self, *_: object, **__: object) -> Any:
        raise ProviderRejected("company", "invalid_request")


async def test_a_register_that_is_down_is_an_error_and_one_that_refuses_is_no_pass(
    bench: Bench, simulators: Simulators
) -> None:
    # A company that the register has not been asked about: what it said would still stand.
    analysis_id = await recorded(bench, legal_person(legal_name="Fechada Ltda"))
    request = CheckParty(analysis_id=analysis_id, party="subject", policy=POLICY)
    for status in (503, 401):
        await simulators.fault("company", status=status)
        with pytest.raises(ApplicationError) as failure:
            await bench.perform(calls.CHECK_PARTY, request)
        assert failure.value.type == "ProviderUnavailable"
        assert not failure.value.non_retryable
        assert not any(text in str(failure.value) for text in PERSONAL)
    providers = Refusing(**vars(simulators.providers))
    gateway = DataSourceGateway(bench.database, providers)
    refusing = CreditAnalyses(bench.database, gateway)
    assert (await refusing.check_party(request)).verdict is PartyVerdict.UNKNOWN
    decision = await bench.perform(calls.ASSESS_ANALYSIS, assess(analysis_id))
    assert decision.status is AnalysisStatus.IN_MANUAL_ANALYSIS


def assess(analysis_id: str) -> AssessAnalysis:
    return AssessAnalysis(
        analysis_id=analysis_id,
        policy=POLICY,
        business_date=date(2026, 11, 21),
        decided_at=NOW,
    )


async def test_a_party_that_is_not_there(bench: Bench) -> None:
    analysis_id = await recorded(bench)
    for request in (
        CheckParty(analysis_id=analysis_id, party="shareholder:7", policy=POLICY),
        CheckParty(analysis_id=new_id("ana"), party="subject", policy=POLICY),
    ):
        with pytest.raises(ApplicationError) as failure:
            await bench.perform(calls.CHECK_PARTY, request)
        assert failure.value.type == "RecordMissing"


async def test_a_status_is_recorded_once_and_never_by_an_older_one(bench: Bench) -> None:
    analysis_id = await recorded(bench)
    manual = status(analysis_id, AnalysisStatus.IN_MANUAL_ANALYSIS, 2)
    await asyncio.gather(*(bench.perform(calls.RECORD_ANALYSIS, manual) for _ in range(4)))
    await bench.perform(calls.RECORD_ANALYSIS, status(analysis_id, AnalysisStatus.PENDING, 1))
    row = await row_of(bench, analysis_id)
    assert (row.status, row.state_seq) == (AnalysisStatus.IN_MANUAL_ANALYSIS, 2)
    async with bench.database.read() as tx:
        notices = await AnalysisNoticeRepository(tx).of(analysis_id)
        told = await OutboxRepository(tx).since(credit_analysis_workflow(analysis_id), 0)
    assert [notice.state_seq for notice in notices] == [2]
    assert [fact.payload["status"] for fact in told] == ["in_manual_analysis"]


async def test_a_word_is_audited_whether_it_counted_or_not(bench: Bench) -> None:
    analysis_id = await recorded(bench)
    await bench.perform(
        calls.RECORD_ANALYSIS, status(analysis_id, AnalysisStatus.IN_MANUAL_ANALYSIS, 1)
    )
    approve = RecordAnalysisReview(
        analysis_id=analysis_id,
        policy=POLICY,
        decision=AnalystDecision.APPROVE,
        accepted=True,
        command=AnalysisReviewCommand(reviewer="rita", reason="seen"),
        status=AnalysisStatus.MANUALLY_APPROVED,
        state_seq=2,
        at=NOW,
    )
    late = approve.model_copy(
        update={
            "decision": AnalystDecision.CHALLENGE,
            "accepted": False,
            "command": AnalysisReviewCommand(reviewer="rolf", reason="late"),
        }
    )
    for request in (approve, approve, late, late):
        await bench.perform(calls.RECORD_ANALYSIS_REVIEW, request)
    assert (await row_of(bench, analysis_id)).status is AnalysisStatus.MANUALLY_APPROVED
    async with bench.database.read() as tx:
        entries = await AuditRepository(tx).of(credit_analysis_workflow(analysis_id))
    assert [(entry.actor, entry.action, entry.outcome) for entry in entries] == [
        ("rita", "approve", "accepted"),
        ("rolf", "challenge", "refused"),
    ]


async def test_a_notice_is_delivered_given_up_or_needless(
    bench: Bench, simulators: Simulators
) -> None:
    analysis_id = await recorded(bench)
    for seq, found in enumerate(
        (
            AnalysisStatus.PENDING,
            AnalysisStatus.WAITING_FOR_DATA,
            AnalysisStatus.IN_MANUAL_ANALYSIS,
            AnalysisStatus.MANUALLY_APPROVED,
        ),
        start=1,
    ):
        await bench.perform(calls.RECORD_ANALYSIS, status(analysis_id, found, seq))
    async with bench.database.transaction() as tx:
        await AnalysisNoticeRepository(tx).answered(analysis_id, 1)
    async with receiving() as endpoint:
        access = AnalysisAccess(
            SecretStr("key"), {CLIENT: Endpoint(endpoint.url, SecretStr("webhook-key"))}
        )
        connection = Providers.connect(
            lambda _: simulators.url, SecretStr("key"), SecretStr("secret"), 1.0, analysis=access
        )
        async with connection as providers:
            deliver = AnalysisNotices(bench.database, providers.analysis_webhooks).deliver_notice
            endpoint.statuses += [302, 500]
            settled = []
            for seq, last in ((1, False), (2, False), (2, True), (3, False), (3, False)):
                request = DeliverNotice(analysis_id=analysis_id, state_seq=seq, last=last)
                settled.append((await deliver(request)).outcome)
            assert settled == ["answered", "http_302", "http_500", "ok", "delivered"]
    here = DeliverNotice(analysis_id=analysis_id, state_seq=4, last=False)
    # A worker that is older than the client does not know it: that is no word on its URL.
    missed = await bench.perform(calls.DELIVER_NOTICE, here)
    assert (missed.settled, missed.outcome) == (False, "unknown_client")
    connection = Providers.connect(
        lambda _: simulators.url,
        SecretStr("key"),
        SecretStr("secret"),
        1.0,
        analysis=AnalysisAccess(SecretStr("key"), {CLIENT: None}),
    )
    async with connection as providers:
        deliver = AnalysisNotices(bench.database, providers.analysis_webhooks).deliver_notice
        assert (await deliver(here)).settled, "it is known to read for itself"
    async with bench.database.read() as tx:
        notices = await AnalysisNoticeRepository(tx).of(analysis_id)
        dead = await AnalysisNoticeRepository(tx).dead(100)
    assert [notice.state for notice in notices] == [
        NoticeState.ANSWERED,
        NoticeState.DEAD,
        NoticeState.DELIVERED,
        NoticeState.UNADDRESSED,
    ]
    assert (analysis_id, 2) in [(notice.analysis_id, notice.state_seq) for notice in dead]


async def test_an_assessment_is_asked_for_once_and_its_final_word_stays(
    bench: Bench, simulators: Simulators
) -> None:
    given = legal_person(document_number=qitech.cnpj("manual"), scr_parameters=None)
    analysis_id = await recorded(bench, given)
    request = RequestAssessment(analysis_id=analysis_id, assessment_id=new_id("opi"))
    first = await bench.perform(calls.REQUEST_ASSESSMENT, request)
    assert first.status is AnalysisStatus.IN_MANUAL_ANALYSIS
    await bench.perform(calls.REQUEST_ASSESSMENT, request)
    settle = f"/sandbox/qitech/{request.assessment_id}/settle"
    (await simulators.console.post(settle, json={"silent": True})).raise_for_status()
    ended = await bench.perform(calls.QUERY_ASSESSMENT, request)
    assert ended.status is AnalysisStatus.MANUALLY_APPROVED
    async with bench.database.transaction() as tx:
        assessments = ExternalAssessmentRepository(tx)
        assert not await assessments.learn(
            request.assessment_id, AnalysisStatus.MANUALLY_REPROVED, "manually_reproved", NOW
        )
    await simulators.fault("qitech", status=503)
    assert await bench.perform(calls.REQUEST_ASSESSMENT, request) == ended
    assert await bench.perform(calls.QUERY_ASSESSMENT, request) == ended


async def test_an_assessment_that_they_lost_is_asked_for_again(bench: Bench) -> None:
    analysis_id = await recorded(bench, legal_person(scr_parameters=None))
    request = RequestAssessment(analysis_id=analysis_id, assessment_id=new_id("opi"))
    async with bench.database.transaction() as tx:
        await ExternalAssessmentRepository(tx).request(
            request.assessment_id, analysis_id, "qitech", PersonKind.LEGAL
        )
    found = await bench.perform(calls.QUERY_ASSESSMENT, request)
    assert found.status is AnalysisStatus.AUTOMATICALLY_APPROVED


async def test_an_assessment_that_they_will_not_give_is_none(
    bench: Bench, simulators: Simulators
) -> None:
    analysis_id = await recorded(bench)
    await simulators.fault("qitech", operation="create", status=422)
    request = RequestAssessment(analysis_id=analysis_id, assessment_id=new_id("opi"))
    assert (await bench.perform(calls.REQUEST_ASSESSMENT, request)).status is None


async def test_ids_are_unique_a_client_and_registrations_are_found(bench: Bench) -> None:
    given = legal_person(registration_id=new_id("ana"))
    first = await recorded(bench, given)
    async with bench.database.transaction() as tx:
        analyses = CreditAnalysisRepository(tx)
        again = await analyses.insert(
            new_id("ana"), CLIENT, PersonKind.LEGAL, POLICY, read(given), json.dumps(given)
        )
        other = await analyses.insert(
            new_id("ana"), "bank", PersonKind.LEGAL, POLICY, read(given), json.dumps(given)
        )
        found = await analyses.find(CLIENT, given["id"])
        related = await analyses.related(first)
    assert again is None
    assert other is not None
    assert found is not None
    assert found.id == first
    assert related.registration == (first,)
    assert related.same_number >= 2


async def test_a_document_copied_to_another_row_does_not_open(bench: Bench) -> None:
    one, other = await recorded(bench), await recorded(bench)
    async with bench.database.transaction() as tx:
        await tx.connection.execute(
            "update credit_analyses set document_enc ="
            " (select document_enc from credit_analyses where id = $1) where id = $2",
            one,
            other,
        )
    with pytest.raises(ApplicationError) as failure:
        await bench.perform(
            calls.CHECK_PARTY, CheckParty(analysis_id=other, party="subject", policy=POLICY)
        )
    assert failure.value.type == "Tampered"
