"""An analysis goes by the policy in force when its proposal came in, and the record says which."""

import json
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from domain.common.definitions import DefinitionRef
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.errors import UnknownPolicy
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from messages import calls
from messages.credit_analysis import (
    AnalysisReviewCommand,
    AnalystDecision,
    AssessAnalysis,
    CheckParty,
    PartyVerdict,
    RecordAnalysis,
    RecordAnalysisReview,
    StartCreditAnalysis,
)
from runtime.settings import AnalysisClient
from services.credit_analysis.intake import clients_without_policy, record_proposal, start_of
from storage.credit_analysis.analyses import (
    AnalysisReviewRow,
    AnalysisRow,
    CreditAnalysisRepository,
)
from storage.definitions import DefinitionRepository
from tests.definitions import release, shipped
from tests.integration.story import Bench
from tests.proposals import STANDARD, firm, legal_person, read
from tests.workflows.lender import eventually

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)
RECENT = {"credit_request_date": "2026-11-20T10:30:00-03:00", "client_since": None}


def client(policy: str = STANDARD) -> AnalysisClient:
    return AnalysisClient(client="shop", api_key_sha256="0" * 64, policy=policy)


async def released(bench: Bench, code: str, **changes: Any) -> DefinitionRef:
    """Bring the shipped standard policy, changed, into force under a code."""
    changed = shipped(CREDIT_ANALYSIS_POLICY, STANDARD).model_copy(update=changes)
    ref = await release(bench.database, CREDIT_ANALYSIS_POLICY, code, changed)

    async def known() -> DefinitionRef | None:
        async with bench.database.read() as tx:
            found = await DefinitionRepository(tx).all_in_force(CREDIT_ANALYSIS_POLICY)
        return next((one.ref for one in found if one.ref == ref), None)

    await eventually(known)
    return ref


async def taken_in(
    bench: Bench, policy: str = STANDARD, given: dict[str, Any] | None = None
) -> StartCreditAnalysis:
    given = given or legal_person()
    async with bench.database.transaction() as tx:
        recorded = await record_proposal(
            tx, client(policy), PersonKind.LEGAL, read(given), json.dumps(given), lender="own"
        )
    assert not recorded.is_repeat
    assert recorded.start is not None
    return recorded.start


async def row_of(bench: Bench, analysis_id: str) -> AnalysisRow:
    async with bench.database.read() as tx:
        row = await CreditAnalysisRepository(tx).get(analysis_id)
    assert row is not None
    return row


async def review_of(bench: Bench, analysis_id: str) -> AnalysisReviewRow | None:
    async with bench.database.read() as tx:
        return await CreditAnalysisRepository(tx).review(analysis_id)


async def decided(bench: Bench, start: StartCreditAnalysis) -> AnalysisStatus:
    """Check all parties and decide, by the reference that the analysis was given."""
    for party in start.parties:
        request = CheckParty(analysis_id=start.analysis_id, party=party, policy=start.policy.ref)
        await bench.perform(calls.CHECK_PARTY, request)
    return (await bench.perform(calls.ASSESS_ANALYSIS, assessing(start))).status


def assessing(start: StartCreditAnalysis) -> AssessAnalysis:
    return AssessAnalysis(
        analysis_id=start.analysis_id,
        policy=start.policy.ref,
        business_date=TODAY,
        decided_at=NOW,
    )


async def test_what_is_in_force_when_a_proposal_comes_in_is_agreed(bench: Bench) -> None:
    await released(bench, "agreed")
    before = await taken_in(bench, "agreed")
    ref = await released(bench, "agreed", refer_amount_above=1)
    after = await taken_in(bench, "agreed")

    assert [start.policy.ref.version for start in (before, after)] == [1, 2]
    assert [start.policy.content.refer_amount_above for start in (before, after)] == [
        500_000_000,
        1,
    ]
    assert after.policy.ref == ref
    row = await row_of(bench, before.analysis_id)
    assert (row.policy, row.agreed_policy) == ("agreed", str(before.policy.ref))
    assert row.decided_policy is None


async def test_each_is_decided_by_its_own_version_and_the_record_says_by_which(
    bench: Bench,
) -> None:
    await released(bench, "decided")
    before = await taken_in(bench, "decided")
    await released(bench, "decided", refer_amount_above=1)
    after = await taken_in(bench, "decided")

    assert await decided(bench, before) is AnalysisStatus.AUTOMATICALLY_APPROVED
    assert await decided(bench, after) is AnalysisStatus.IN_MANUAL_ANALYSIS

    for start, version in ((before, 1), (after, 2)):
        row = await row_of(bench, start.analysis_id)
        assert row.decided_policy == f"credit_analysis_policy/decided@{version}"


async def test_the_first_decision_and_its_policy_stay(bench: Bench) -> None:
    await released(bench, "stays")
    start = await taken_in(bench, "stays")
    assert await decided(bench, start) is AnalysisStatus.AUTOMATICALLY_APPROVED
    other = await released(bench, "stays", refer_amount_above=1)
    again = assessing(start).model_copy(update={"policy": other})
    await bench.perform(calls.ASSESS_ANALYSIS, again)
    row = await row_of(bench, start.analysis_id)
    assert (row.decided_policy, row.hits) == (str(start.policy.ref), ())


async def test_a_review_is_recorded_under_the_analysis_s_own_policy(bench: Bench) -> None:
    await released(bench, "reviewed", refer_amount_above=1)
    start = await taken_in(bench, "reviewed")
    await released(bench, "reviewed", refer_amount_above=2)
    await bench.perform(
        calls.RECORD_ANALYSIS,
        RecordAnalysis(
            analysis_id=start.analysis_id,
            status=AnalysisStatus.IN_MANUAL_ANALYSIS,
            reason="amount",
            state_seq=1,
            at=NOW,
        ),
    )
    approved = RecordAnalysisReview(
        analysis_id=start.analysis_id,
        policy=start.policy.ref,
        decision=AnalystDecision.APPROVE,
        accepted=True,
        command=AnalysisReviewCommand(reviewer="rita", reason="seen"),
        status=AnalysisStatus.MANUALLY_APPROVED,
        state_seq=2,
        at=NOW,
    )
    late = approved.model_copy(update={"decision": AnalystDecision.REPROVE, "accepted": False})
    for request in (late, approved, approved):
        await bench.perform(calls.RECORD_ANALYSIS_REVIEW, request)

    review = await review_of(bench, start.analysis_id)
    assert review is not None
    assert (review.word, review.reviewer, review.reason) == ("approve", "rita", "seen")
    assert review.policy == str(start.policy.ref) == "credit_analysis_policy/reviewed@1"
    async with bench.database.transaction() as tx:
        with pytest.raises(asyncpg.RestrictViolationError):
            await tx.connection.execute("delete from analysis_reviews")


async def test_who_was_not_decided_on_by_a_person_has_no_review(bench: Bench) -> None:
    start = await taken_in(bench)
    assert await decided(bench, start) is AnalysisStatus.AUTOMATICALLY_APPROVED
    assert await review_of(bench, start.analysis_id) is None


async def test_a_start_that_was_lost_is_made_again_by_the_agreed_version(bench: Bench) -> None:
    await released(bench, "again")
    start = await taken_in(bench, "again")
    await released(bench, "again", refer_amount_above=1)
    async with bench.database.read() as tx:
        row = await CreditAnalysisRepository(tx).get(start.analysis_id)
        assert row is not None
        assert await start_of(tx, row) == start


async def test_an_id_is_taken_once_whatever_is_in_force(bench: Bench) -> None:
    given = legal_person()
    await released(bench, "repeated")
    first = await taken_in(bench, "repeated", given)
    await released(bench, "repeated", refer_amount_above=1)
    async with bench.database.transaction() as tx:
        again = await record_proposal(
            tx, client("repeated"), PersonKind.LEGAL, read(given), json.dumps(given), lender="own"
        )
    assert again.is_repeat
    assert again.start == first


async def test_without_its_policy_a_proposal_is_refused_and_not_recorded(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    given = legal_person()
    with pytest.raises(UnknownPolicy, match="lenient"):
        async with bench.database.transaction() as tx:
            await record_proposal(
                tx,
                client("lenient"),
                PersonKind.LEGAL,
                read(given),
                json.dumps(given),
                lender="own",
            )
    assert "analysis_policy_missing" in capsys.readouterr().out
    async with bench.database.read() as tx:
        assert await CreditAnalysisRepository(tx).find("shop", given["id"]) is None
        missing = await clients_without_policy(tx, [client(), client("lenient")])
    assert [one.policy for one in missing] == ["lenient"]


async def test_how_much_older_a_company_may_claim_to_be_is_policy(bench: Bench) -> None:
    """The register knows `company_new` since 2026-06-01, five months after what is claimed."""
    await released(bench, "tolerant", constitution_date_tolerance_days=365)
    given = firm("company_new", constitution_date="2026-01-01") | RECENT
    for code, verdict in ((STANDARD, PartyVerdict.MISMATCH), ("tolerant", PartyVerdict.MATCH)):
        start = await taken_in(bench, code, given | {"id": f"claims-{code}"})
        checked = await bench.perform(
            calls.CHECK_PARTY,
            CheckParty(analysis_id=start.analysis_id, party="subject", policy=start.policy.ref),
        )
        assert checked.verdict is verdict
