"""A proposal whose signers have to consent first, here and at the other analyst."""

from datetime import timedelta
from typing import Any

import pytest

from domain.credit_analysis.decision import AnalysisStatus
from messages import ids
from messages import search_attributes as attributes
from messages.credit_analysis import AssessmentUpdated
from messages.ids import new_id
from providers.http import breaker
from sandbox import qitech
from storage.common.audit import AuditRepository
from storage.credit_analysis.scr_consents import ScrConsentRepository
from tests.proposals import PERSONAL, STANDARD, WITH_ASSESSMENT, legal_person, published, signing
from tests.workflows.analysing import Analysing, analyse
from tests.workflows.lender import Lender, eventually, only_cached
from tests.workflows.runtime.test_sealed_histories import opened

DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def soon_probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a breaker probe after a moment: processes skip days in which its own clock stands."""
    monkeypatch.setattr(breaker, "COOLING", timedelta(milliseconds=20))


async def waiting(lender: Lender, signers: int = 2, **changes: Any) -> Analysing:
    """An analysis that waits for signatures; the external assessor wants none of its own."""
    given = legal_person(scr_parameters=signing(signers), **changes)
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    view = await analysing.answer()
    assert (view.status, view.reason) == ("waiting_for_data", "scr_signatures_missing")
    return analysing


async def sign_there(analysing: Analysing, signer: int) -> None:
    """Have a signer sign at the other analyst, and pass the webhook on as the API does."""
    assessment_id = ids.derived_id("opi", analysing.id)
    signed = await analysing.lender.simulators.console.post(
        f"/sandbox/qitech/{assessment_id}/sign", json={"signer": signer}
    )
    signed.raise_for_status()
    await analysing.handle.signal("assessment_updated", AssessmentUpdated(event_key=f"s-{signer}"))


async def test_the_other_analyst_is_asked_when_the_last_signer_has_consented(
    lender: Lender,
) -> None:
    analysing = await waiting(lender)
    assert await lender.search_attribute(analysing.workflow_id, attributes.WAITING) == "client"
    messages = await lender.simulators.calls(provider="messaging")
    sent = {call["request_id"] for call in messages}
    assert {ids.derived_id("con", analysing.id, str(signer)) for signer in (0, 1)} <= sent

    await analysing.sign(0)
    await analysing.sign(0)
    await lender.pass_time(analysing.workflow_id, 2 * DAY)
    assert (await analysing.row()).status is AnalysisStatus.WAITING_FOR_DATA
    assert await analysing.assessment() is None
    await analysing.sign(1)

    await eventually(
        analysing.assessment, lambda assessment: assessment and assessment.is_known_there
    )
    # They ask the same people again, for their own query.
    assert (await analysing.reaches(AnalysisStatus.PENDING)).reason == "external_assessment"
    for signer in (0, 1):
        await sign_there(analysing, signer)
    assert (await analysing.result()).status is AnalysisStatus.AUTOMATICALLY_APPROVED


async def test_a_signature_of_which_nobody_told_is_found_in_the_record(lender: Lender) -> None:
    analysing = await waiting(lender, signers=1)
    async with lender.database.transaction() as tx:
        [consent] = await ScrConsentRepository(tx).of(analysing.id)
        await ScrConsentRepository(tx).sign(
            consent.id, text_version="1", text_sha256="0" * 64, at=consent.expires_at
        )
    await lender.pass_time(analysing.workflow_id, timedelta(hours=1) + MOMENT)
    await eventually(
        analysing.assessment, lambda assessment: assessment and assessment.is_known_there
    )
    await sign_there(analysing, 0)
    await analysing.result()


async def test_signatures_that_do_not_come_leave_it_to_our_analyst(lender: Lender) -> None:
    analysing = await waiting(lender)
    await analysing.sign(1)
    await lender.pass_time(analysing.workflow_id, 30 * DAY - timedelta(minutes=1))
    assert (await analysing.row()).status is AnalysisStatus.WAITING_FOR_DATA
    await lender.pass_time(analysing.workflow_id, timedelta(minutes=2))
    row = await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    assert row.reason == "data_missing"
    assert await analysing.assessment() is None
    await analysing.sign(0)
    assert (await analysing.row()).status is AnalysisStatus.IN_MANUAL_ANALYSIS
    await analysing.review("reprove")
    await analysing.result()
    assert await analysing.assessment() is None


async def test_a_signer_who_cannot_be_reached_leaves_it_to_our_analyst(lender: Lender) -> None:
    await lender.simulators.fault("messaging", status=422)
    given = legal_person(scr_parameters=signing(2))
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    row = await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    assert row.reason == "external_assessment"
    assert await analysing.assessment() is None
    await analysing.review("reprove")
    await analysing.result()


@pytest.mark.slow
async def test_messages_that_cannot_be_sent_for_a_day_are_sent_then(lender: Lender) -> None:
    await lender.simulators.fault("messaging", status=503)
    given = legal_person(scr_parameters=signing(1), document_number=qitech.cnpj("reproved"))
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    await eventually(analysing.row, lambda row: row.reason == "source_unavailable")
    await lender.pass_time(analysing.workflow_id, DAY)
    await lender.simulators.repair()
    await lender.pass_time(analysing.workflow_id, timedelta(minutes=6))
    await analysing.reaches(AnalysisStatus.WAITING_FOR_DATA)
    await analysing.sign(0)
    await eventually(
        analysing.assessment, lambda assessment: assessment and assessment.is_known_there
    )
    await sign_there(analysing, 0)
    assert (await analysing.result()).status is AnalysisStatus.AUTOMATICALLY_REPROVED


@pytest.mark.parametrize(
    ("policy", "parameters"),
    [(STANDARD, signing(2)), (WITH_ASSESSMENT, {"protocol": "x-1"}), (WITH_ASSESSMENT, None)],
    ids=["nobody else is asked", "proof", "none"],
)
async def test_nobody_is_waited_for_where_no_consent_is_needed_or_it_is_there(
    lender: Lender, policy: str, parameters: dict[str, Any] | None
) -> None:
    given = legal_person(scr_parameters=parameters)
    analysing = await analyse(lender, given, policy=policy)
    assert (await analysing.answer()).status is AnalysisStatus.AUTOMATICALLY_APPROVED
    async with lender.database.read() as tx:
        assert await ScrConsentRepository(tx).of(analysing.id) == []


@pytest.mark.slow
@only_cached
async def test_an_analyst_who_lacks_signatures_is_waited_for_longer_than_other_assessments(
    lender: Lender,
) -> None:
    analysing = await waiting(lender)
    for signer in (0, 1):
        await analysing.sign(signer)
    await eventually(
        analysing.assessment, lambda assessment: assessment and assessment.is_known_there
    )
    await lender.pass_time(analysing.workflow_id, 5 * DAY)
    assessment = await analysing.assessment()
    assert assessment is not None
    assert assessment.status is AnalysisStatus.WAITING_FOR_DATA
    assert (await analysing.row()).status is AnalysisStatus.PENDING
    # Often for three days, then every six hours.
    asked = await lender.scheduled(analysing.workflow_id, "query_assessment")
    assert 72 + 6 <= len(asked) <= 76 + 10

    assessment_id = ids.derived_id("opi", analysing.id)
    for signer in (0, 1):
        signed = await lender.simulators.console.post(
            f"/sandbox/qitech/{assessment_id}/sign", json={"signer": signer}
        )
        signed.raise_for_status()
    # Without a webhook, by asking.
    await lender.pass_time(analysing.workflow_id, timedelta(hours=7))
    assert (await analysing.result()).status is AnalysisStatus.AUTOMATICALLY_APPROVED


@pytest.mark.slow
@only_cached
async def test_an_analyst_who_lacks_data_for_ever_leaves_it_to_ours(lender: Lender) -> None:
    given = legal_person(document_number=qitech.cnpj("waiting"), scr_parameters=None)
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    await analysing.reaches(AnalysisStatus.PENDING)
    await lender.pass_time(analysing.workflow_id, 30 * DAY + MOMENT)
    row = await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    assert row.reason == "data_missing"
    await analysing.review("reprove")
    await analysing.result()


async def test_nothing_personal_and_no_link_is_in_history_logs_or_calls(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    given = published() | {"id": new_id("ana")}
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    await analysing.reaches(AnalysisStatus.WAITING_FOR_DATA)
    consent_id = ids.derived_id("con", analysing.id, "0")
    link = (await lender.simulators.console.get(f"/sandbox/messages/{consent_id}/link")).json()
    token = str(link["link"]).rpartition("/")[2]
    assert len(token) == 43
    await analysing.sign(0)
    await eventually(
        analysing.assessment, lambda assessment: assessment and assessment.is_known_there
    )
    await sign_there(analysing, 0)
    await analysing.result()
    history = await analysing.handle.fetch_history()
    readable = await opened(lender, history.to_json())
    async with lender.database.read() as tx:
        rows = await tx.connection.fetch("select * from scr_consents")
        audited = await AuditRepository(tx).of(analysing.workflow_id)
        asked = await tx.connection.fetch("select asked, answered from enquiries")
    calls = await lender.simulators.calls()
    logged = capsys.readouterr()
    seen = f"{readable} {rows} {audited} {asked} {calls} {logged.out} {logged.err}"
    for text in (*PERSONAL, token, "55988644"):
        assert text not in seen, text
