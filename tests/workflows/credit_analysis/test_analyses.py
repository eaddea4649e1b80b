"""A credit analysis from the recorded proposal to the client's knowledge of its end."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256

import pytest

from domain.common.definitions import DefinitionRef
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.errors import ReviewClosed
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY, AnalysisPolicy
from messages import ids
from messages import search_attributes as attributes
from messages.credit_analysis import AssessmentUpdated
from messages.ids import new_id
from providers.credit_analysis.qitech import webhook_signature
from providers.http import breaker
from runtime.settings import AnalysisClient, Settings
from sandbox import qitech
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.notices import NoticeState
from storage.definitions import DefinitionRepository
from tests.definitions import release, shipped
from tests.proposals import (
    PERSONAL,
    STANDARD,
    WITH_ASSESSMENT,
    YOUNG,
    citizen,
    firm,
    legal_person,
    natural_person,
    published,
)
from tests.simulators import Callbacks, receiving
from tests.workflows.analysing import CLIENT, Analysing, analyse
from tests.workflows.lender import Lender, also_uncached, ended, eventually, only_cached, refused
from tests.workflows.runtime.test_sealed_histories import opened
from workflows.credit_analysis.notices import HANDED_OVER, LADDER

SIGNATURE_KEY = "webhook-key"
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)
ROUND = sum(LADDER, timedelta(0))
"""From the first to the last try at a notice."""


@pytest.fixture
async def client_s_endpoint() -> AsyncIterator[Callbacks]:
    async with receiving() as callbacks:
        yield callbacks


@pytest.fixture
def own_settings(
    workflow_cache: int,
    lender_settings: Settings,
    task_queue_prefix: str,
    client_s_endpoint: Callbacks,
) -> Settings:
    """The lender's settings with queues of the test's own and a client that takes notices."""
    client = AnalysisClient.model_validate(
        {
            "client": CLIENT,
            "api_key_sha256": sha256(b"key").hexdigest(),
            "webhook_url": client_s_endpoint.url,
            "webhook_signature_key": SIGNATURE_KEY,
        }
    )
    return lender_settings.model_copy(
        update={
            "task_queue_prefix": task_queue_prefix,
            "max_cached_workflows": workflow_cache,
            "credit_analysis_clients": [client],
        }
    )


@pytest.fixture(autouse=True)
def soon_probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a breaker probe after a moment: processes skip days in which its own clock stands."""
    monkeypatch.setattr(breaker, "COOLING", timedelta(milliseconds=20))


async def in_manual_analysis(lender: Lender) -> Analysing:
    """An analysis that waits for an analyst, of which the client knows."""
    analysing = await analyse(lender, legal_person(**YOUNG))
    view = await analysing.answer()
    assert view.status is AnalysisStatus.IN_MANUAL_ANALYSIS
    await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    return analysing


async def test_the_published_example_is_approved_at_once(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    analysing = await analyse(lender, legal_person())

    view = await analysing.answer()

    assert (view.status, view.reason) == ("automatically_approved", "policy_passed")
    row = await analysing.row()
    # 60,000,000 of collateral and 18,600,000 of the guarantor's, over 100,000.
    assert (row.status, str(row.coverage), row.hits) == (
        "automatically_approved",
        "786.00",
        (),
    )
    shown = await lender.search_attribute(analysing.workflow_id, attributes.ANALYSIS_STATUS)
    assert shown == "automatically_approved"
    await lender.pass_time(analysing.workflow_id, 2 * HANDED_OVER)
    assert (await analysing.result()).status is AnalysisStatus.AUTOMATICALLY_APPROVED
    assert [notice.state for notice in await analysing.notices()] == [NoticeState.ANSWERED]
    assert client_s_endpoint.received.empty()


async def test_a_person_is_analysed_as_well(lender: Lender) -> None:
    analysing = await analyse(lender, natural_person(), PersonKind.NATURAL)
    view = await analysing.answer()
    assert view.status is AnalysisStatus.AUTOMATICALLY_APPROVED
    checked = {call["provider"] for call in await lender.simulators.calls(operation="check")}
    assert "person" in checked


async def test_whoever_was_not_answered_gets_a_notice(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    analysing = await analyse(lender, legal_person(id="unanswered"))

    headers, body = await client_s_endpoint.next()

    told = json.loads(body)
    assert told["id"] == told["legal_person_id"] == "unanswered"
    assert told["analysis_status"] == "automatically_approved"
    assert told["event_date"].endswith("Z")
    assert "." not in told["event_date"]
    expected = webhook_signature(SIGNATURE_KEY, client_s_endpoint.url, "POST", body)
    assert headers["signature"] == expected
    assert (await analysing.result()).status is AnalysisStatus.AUTOMATICALLY_APPROVED


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        (firm("company_dissolved"), "automatically_reproved", "company_dissolved"),
        (firm("company_adverse"), "automatically_reproved", "adverse_facts"),
        (firm("company_unknown"), "automatically_challenged", "not_registered"),
        (
            firm("company_ok", legal_name="Outra Ltda"),
            "automatically_challenged",
            "legal_name_mismatch",
        ),
        (firm("company_new"), "automatically_challenged", "constitution_date_mismatch"),
        (
            legal_person(shareholders=[citizen("person_deceased")]),
            "automatically_reproved",
            "person_deceased",
        ),
        (
            legal_person(shareholders=[citizen("person_adverse")]),
            "automatically_reproved",
            "adverse_facts",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_registers_say_decides(
    lender: Lender, given: dict[str, object], status: str, reason: str
) -> None:
    analysing = await analyse(lender, given)
    view = await analysing.answer()
    assert (view.status, view.reason) == (status, reason)


@also_uncached
async def test_an_analyst_approves_and_the_client_is_told(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    analysing = await in_manual_analysis(lender)
    assert await lender.search_attribute(analysing.workflow_id, attributes.NEEDS_HUMAN) is True
    await lender.pass_time(analysing.workflow_id, DAY)

    view = await analysing.review("approve", by="rita", reason="statements seen")

    assert view.status is AnalysisStatus.MANUALLY_APPROVED
    _, body = await client_s_endpoint.next()
    assert json.loads(body)["analysis_status"] == "manually_approved"
    assert (await analysing.result()).status is AnalysisStatus.MANUALLY_APPROVED
    assert await lender.search_attribute(analysing.workflow_id, attributes.NEEDS_HUMAN) is False
    async with lender.database.read() as tx:
        entries = await AuditRepository(tx).of(analysing.workflow_id)
    assert [(entry.actor, entry.action, entry.outcome) for entry in entries] == [
        ("rita", "approve", "accepted")
    ]


async def test_a_challenge_is_answered_by_a_new_request(lender: Lender) -> None:
    analysing = await in_manual_analysis(lender)
    assert (await analysing.review("challenge")).status is AnalysisStatus.MANUALLY_CHALLENGED
    await analysing.result()

    first = await analyse(lender, legal_person(registration_id="reg-7"))
    second = await analyse(lender, legal_person(registration_id="reg-7"))

    assert first.id != second.id
    assert (await second.answer()).status is AnalysisStatus.AUTOMATICALLY_APPROVED
    async with lender.database.read() as tx:
        related = await CreditAnalysisRepository(tx).related(second.id)
    assert related.registration == (first.id, second.id)


async def test_analysts_race_and_the_first_word_counts(lender: Lender) -> None:
    analysing = await in_manual_analysis(lender)

    words = await asyncio.gather(
        analysing.review("approve", by="rita"),
        analysing.review("reprove", by="rolf"),
        return_exceptions=True,
    )

    accepted = [word for word in words if not isinstance(word, BaseException)]
    assert len(accepted) == 1
    assert (await analysing.row()).status is accepted[0].status
    async with lender.database.read() as tx:
        entries = await AuditRepository(tx).of(analysing.workflow_id)
    assert sorted(entry.outcome for entry in entries) == ["accepted", "refused"]


async def test_signals_decide_without_an_input(lender: Lender) -> None:
    analysing = await in_manual_analysis(lender)
    await analysing.handle.signal("reprove")
    assert (await analysing.result()).status is AnalysisStatus.MANUALLY_REPROVED
    with ended():
        await analysing.review("approve")


async def test_there_is_nothing_to_review_in_what_is_not_in_review(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    client_s_endpoint.statuses += [500] * 100
    analysing = await analyse(lender, legal_person())
    await analysing.reaches(AnalysisStatus.AUTOMATICALLY_APPROVED)
    with refused(ReviewClosed):
        await analysing.review("reprove")
    assert (await analysing.row()).status is AnalysisStatus.AUTOMATICALLY_APPROVED
    await lender.pass_time(analysing.workflow_id, ROUND + DAY)


async def test_a_review_expires(lender: Lender) -> None:
    analysing = await in_manual_analysis(lender)
    await lender.pass_time(analysing.workflow_id, 5 * DAY - 10 * MOMENT)
    assert (await analysing.row()).status is AnalysisStatus.IN_MANUAL_ANALYSIS
    await lender.pass_time(analysing.workflow_id, 20 * MOMENT)
    view = await analysing.result()
    assert (view.status, view.reason) == ("automatically_reproved", "review_expired")


@pytest.mark.slow
async def test_a_register_that_is_down_for_a_day_only_delays_the_same_end(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    await lender.simulators.fault("company", status=503)
    # A company that the register has not been asked about: what it said would still stand.
    analysing = await analyse(lender, legal_person(legal_name=f"Fechada {new_id('ana')}"))

    assert (await analysing.answer()).status is AnalysisStatus.PENDING
    assert (await analysing.reaches(AnalysisStatus.PENDING)).reason in (
        "received",
        "source_unavailable",
    )
    await lender.pass_time(analysing.workflow_id, DAY)
    assert (await analysing.row()).status is AnalysisStatus.PENDING
    await lender.simulators.repair()
    await lender.pass_time(analysing.workflow_id, timedelta(minutes=6))

    assert (await analysing.result()).status is AnalysisStatus.AUTOMATICALLY_APPROVED
    # `pending` was told in the answer, unless the answer came before it was on record.
    _, body = await client_s_endpoint.next()
    if json.loads(body)["analysis_status"] == "pending":
        _, body = await client_s_endpoint.next()
    assert json.loads(body)["analysis_status"] == "automatically_approved"


async def test_a_register_without_data_is_asked_until_an_analyst_has_to_decide(
    lender: Lender,
) -> None:
    analysing = await analyse(lender, firm("company_silent"))
    assert (await analysing.answer()).status is AnalysisStatus.WAITING_FOR_DATA
    await lender.pass_time(analysing.workflow_id, 30 * DAY + MOMENT)
    row = await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    assert row.reason == "data_missing"
    await analysing.review("reprove")
    await analysing.result()


async def test_notices_climb_the_ladder_in_their_order(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    client_s_endpoint.statuses += [500, 503, 404]
    analysing = await in_manual_analysis(lender)
    await lender.pass_time(analysing.workflow_id, 2 * HANDED_OVER)
    await analysing.review("approve")
    await lender.pass_time(analysing.workflow_id, timedelta(minutes=20))
    await analysing.result()
    bodies = {(await client_s_endpoint.next())[1] for _ in range(4)}
    assert len(bodies) == 1
    assert [(notice.state, notice.attempts) for notice in await analysing.notices()] == [
        (NoticeState.ANSWERED, 0),
        (NoticeState.DELIVERED, 4),
    ]


async def test_a_notice_that_nobody_takes_is_given_up_on_record(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    client_s_endpoint.statuses += [500] * 100
    analysing = await analyse(lender, legal_person())
    await analysing.reaches(AnalysisStatus.AUTOMATICALLY_APPROVED)

    await lender.pass_time(analysing.workflow_id, ROUND + DAY)

    await analysing.result()
    notices = await analysing.notices()
    assert [(notice.state, notice.attempts, notice.last_outcome) for notice in notices] == [
        (NoticeState.DEAD, len(LADDER), "http_500")
    ]
    async with lender.database.read() as tx:
        entries = await AuditRepository(tx).of(analysing.workflow_id)
    assert [entry.outcome for entry in entries] == ["dead"]


@pytest.mark.parametrize(
    ("course", "status", "reason"),
    [
        ("approved", "automatically_approved", "policy_passed"),
        ("reproved", "automatically_reproved", "external_assessment"),
        ("challenged", "automatically_challenged", "external_assessment"),
    ],
)
async def test_another_analyst_s_assessment_counts(
    lender: Lender, course: str, status: str, reason: str
) -> None:
    given = legal_person(document_number=qitech.cnpj(course), scr_parameters=None)
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    view = await analysing.answer()
    assert (view.status, view.reason) == (status, reason)


async def test_an_assessment_is_waited_for_and_its_callback_wakes_the_process(
    lender: Lender,
) -> None:
    given = legal_person(document_number=qitech.cnpj("manual"), scr_parameters=None)
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    assert (await analysing.answer()).status is AnalysisStatus.PENDING
    assessment_id = ids.derived_id("opi", analysing.id)

    settled = await lender.simulators.console.post(
        f"/sandbox/qitech/{assessment_id}/settle", json={"silent": True}
    )
    settled.raise_for_status()
    for _ in range(2):
        await analysing.handle.signal("assessment_updated", AssessmentUpdated(event_key="e-1"))

    await analysing.reaches(AnalysisStatus.AUTOMATICALLY_APPROVED)
    await analysing.result()


@pytest.mark.slow
@only_cached
async def test_an_assessment_that_does_not_come_leaves_it_to_our_analyst(lender: Lender) -> None:
    given = legal_person(document_number=qitech.cnpj("unknown"), scr_parameters=None)
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    await analysing.reaches(AnalysisStatus.PENDING)
    await lender.pass_time(analysing.workflow_id, 4 * DAY)
    row = await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    assert row.reason == "external_assessment"
    await analysing.review("reprove")
    await analysing.result()


@also_uncached
async def test_a_release_leaves_what_runs_on_its_own_policy_and_new_ones_use_the_new(
    lender: Lender, client_s_endpoint: Callbacks
) -> None:
    """A hundred are too many here: some that wait for a register, some for an analyst."""
    code = f"changing-{new_id('ana')[-8:].lower()}"
    shipped_policy = shipped(CREDIT_ANALYSIS_POLICY, STANDARD)
    first = await in_force(lender, code, shipped_policy)
    reviewed = await analyse(lender, legal_person(**YOUNG), policy=code)
    await reviewed.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    await lender.simulators.fault("company", status=503)
    waiting = [
        # Companies that the register has not been asked about: what it said would still stand.
        await analyse(lender, legal_person(legal_name=f"Fechada {new_id('ana')}"), policy=code)
        for _ in range(3)
    ]
    for analysing in waiting:
        await eventually(analysing.row, lambda row: row.reason == "source_unavailable")
        # From here on the register is asked every five minutes, not by itself in a moment.
        await lender.pass_time(analysing.workflow_id, timedelta(minutes=30))

    longer = shipped_policy.waiting.model_copy(update={"review_days": 20})
    stricter = shipped_policy.model_copy(update={"refer_amount_above": 1, "waiting": longer})
    second = await in_force(lender, code, stricter)
    await lender.simulators.repair()
    new = await analyse(lender, legal_person(), policy=code)

    assert (await new.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)).reason == "amount"
    for analysing in waiting:
        await lender.pass_time(analysing.workflow_id, timedelta(minutes=6))
        row = await analysing.reaches(AnalysisStatus.AUTOMATICALLY_APPROVED)
        assert (row.agreed_policy, row.decided_policy) == (str(first), str(first))
        await analysing.result()
    assert (await new.row()).decided_policy == str(second)
    # Five days under the first version, twenty under the second.
    for analysing in (reviewed, new):
        await lender.pass_time(analysing.workflow_id, 6 * DAY)
    assert (await reviewed.result()).reason == "review_expired"
    assert (await new.row()).status is AnalysisStatus.IN_MANUAL_ANALYSIS
    await new.review("approve", by="rita")
    await new.result()
    async with lender.database.read() as tx:
        review = await CreditAnalysisRepository(tx).review(new.id)
    assert review is not None
    assert (review.word, review.policy) == ("approve", str(second))


async def in_force(lender: Lender, code: str, policy: AnalysisPolicy) -> DefinitionRef:
    """Bring a policy into force and wait until proposals are taken in under it."""
    ref = await release(lender.database, CREDIT_ANALYSIS_POLICY, code, policy)

    async def known() -> list[DefinitionRef]:
        async with lender.database.read() as tx:
            found = await DefinitionRepository(tx).all_in_force(CREDIT_ANALYSIS_POLICY)
        return [one.ref for one in found]

    await eventually(known, lambda refs: ref in refs)
    return ref


async def test_the_pauses_before_a_register_without_data_is_asked_again_are_policy(
    lender: Lender,
) -> None:
    shipped_policy = shipped(CREDIT_ANALYSIS_POLICY, STANDARD)
    rarely = shipped_policy.waiting.model_copy(
        update={"register_pauses": (720,), "data_days": 3, "assessment_hours": 72}
    )
    await in_force(lender, "rarely", shipped_policy.model_copy(update={"waiting": rarely}))
    analysing = await analyse(lender, firm("company_silent"), policy="rarely")
    await analysing.reaches(AnalysisStatus.WAITING_FOR_DATA)
    await lender.pass_time(analysing.workflow_id, 3 * DAY + MOMENT)
    row = await analysing.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    assert row.reason == "data_missing"
    parties = 3
    asked = await lender.scheduled(analysing.workflow_id, "check_party")
    # Every twelve hours of three days; what fails is tried up to thrice.
    assert parties + 5 <= len(asked) <= parties + 6
    await analysing.review("reprove")
    await analysing.result()


async def test_nothing_personal_is_in_history_logs_facts_or_calls(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    analysing = await analyse(lender, published() | {"id": "canary"}, policy=WITH_ASSESSMENT)
    await analysing.answer()
    history = await analysing.handle.fetch_history()
    readable = await opened(lender, history.to_json())
    for text in (*PERSONAL, "canary"):
        assert text not in readable, text
    description = await analysing.handle.describe()
    shown = f"{description.typed_search_attributes} {await description.static_summary()}"
    async with lender.database.read() as tx:
        told = [row.payload for row in await OutboxRepository(tx).since(analysing.workflow_id, 0)]
        row = await tx.connection.fetchrow(
            "select * from credit_analyses where id = $1", analysing.id
        )
    calls = await lender.simulators.calls()
    logged = capsys.readouterr()
    assert "provider_call" in logged.out
    seen = f"{shown} {told} {row} {calls} {logged.out} {logged.err}"
    for text in PERSONAL:
        assert text not in seen, text
