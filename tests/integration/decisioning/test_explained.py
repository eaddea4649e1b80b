"""A decision is explained from what is stored of it, made again, and used to try another policy."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

import pytest

from domain.common.errors import NotFound
from domain.decisioning.backtesting import NothingToTry
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.decision import Decision, Outcome, Terms
from domain.decisioning.evaluations import Result
from domain.decisioning.lists import Entry, KeyKind, ListName
from domain.decisioning.tracing import take_again
from domain.people.principals import Principal
from domain.verification.elements import BankFlows, Verdict
from messages import calls
from messages.applications import AssessApplication
from sandbox.personas import person
from services.applications.explaining import ExplainedDecision, explain_decision, list_decisions
from services.common.commands import Command
from services.decisioning.backtesting import back_test_version
from services.decisioning.lists import confirm_change, propose_entries
from services.decisioning.policies import policy_of_step
from storage.decisioning.decisions import DecisionRepository
from storage.definitions import DefinitionRepository, DefinitionState
from storage.verification.elements import ElementRepository
from tests.definitions import shipped
from tests.integration.story import Applicant, Bench, applicant
from tests.policies import with_parameters

STAFF = Principal(role="analyst", subject="anna")
ON = date(2026, 3, 2)

_members = count(8200)


async def decided(bench: Bench, key: str) -> tuple[Applicant, Decision]:
    known = await applicant(bench, person(key, next(_members)))
    await known.verify_identity()
    return known, await assessed(bench, known)


async def assessed(bench: Bench, known: Applicant) -> Decision:
    request = AssessApplication(
        application_id=known.start.application_id,
        decided_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
        business_date=ON,
    )
    return await bench.perform(calls.ASSESS_APPLICATION, request)


async def explained(bench: Bench, known: Applicant, number: int = 1) -> ExplainedDecision:
    async with bench.database.read() as tx:
        return await explain_decision(tx, STAFF, known.start.application_id, number)


async def test_an_approval_is_explained_with_every_rule_and_what_it_read(bench: Bench) -> None:
    known, decision = await decided(bench, "approved")
    assert decision.outcome is Outcome.APPROVE
    found = await explained(bench, known)
    assert found.words[0] == "Approved automatically on 2026-03-02 at 04:00 UTC."
    assert found.policies == ("risk_policy/preliminary@1", "risk_policy/cash@1")
    rules = {f"{one.policy}.{one.rule}": one for one in found.rules}
    assert len(rules) == len(found.rules) > 40
    score = rules["cash.score"]
    assert (score.result, score.values["score"]) == (Result.NO_HIT, 780)
    assert score.words.startswith("score does not apply:")
    assert "score is 780" in score.words
    assert found.row.policy_sha256 == decision.policy.sha256
    assert found.row.fact_catalogue == "fact_catalogue/standard@1"
    assert found.row.duration_us is not None
    assert found.path[-1] == "cash: approved"


async def test_a_rejection_is_explained_by_its_rules_code_and_day(bench: Bench) -> None:
    known, _ = await decided(bench, "low_score")
    words = (await explained(bench, known)).words
    assert words[1] == (
        "Reject code R08: A score below the cut-off. The person may apply again on 2026-04-01."
    )
    assert any(one.startswith("score leads to reject (R08)") for one in words)


async def test_only_what_was_decided_can_be_explained(bench: Bench) -> None:
    known, _ = await decided(bench, "approved")
    async with bench.database.read() as tx:
        numbers = [n for n, _ in await list_decisions(tx, STAFF, known.start.application_id)]
    assert numbers == [1]
    with pytest.raises(NotFound):
        await explained(bench, known, 2)


@pytest.mark.parametrize("key", ["approved", "low_score", "blacklisted", "story", "thin_file"])
async def test_a_stored_decision_gives_the_same_bytes_again(bench: Bench, key: str) -> None:
    known, _ = await decided(bench, key)
    async with bench.database.read() as tx:
        decisions = DecisionRepository(tx)
        (row,) = await decisions.of(known.start.application_id)
        trace = decisions.trace(row)
        assert trace is not None
        for step in trace.steps:
            again = take_again(step, await policy_of_step(tx, step))
            assert again.model_dump_json() == step.evaluation.model_dump_json()


async def test_a_draft_is_tried_on_what_was_decided_and_changes_nothing(bench: Bench) -> None:
    strict = with_parameters(
        shipped(RISK_POLICY, "cash"), score_reject_below=850, score_refer_below=900
    )
    known, decision = await decided(bench, "approved")
    assert decision.score == 780
    async with bench.database.transaction() as tx:
        row = await DefinitionRepository(tx).insert(
            RISK_POLICY.name,
            "cash",
            strict,
            note="stricter",
            drafted_by="test",
            state=DefinitionState.CHECKED,
        )
    found = await back_test_version(bench.database, "cash", row.version, last=1000)
    assert found.tried > 0
    assert found.failed == 0
    # Nobody has 850 points: of whom the policy approved everybody is rejected.
    assert not [change for change in found.outcomes if change[1] is Outcome.APPROVE]
    assert found.amount_after == 0
    assert known.start.application_id is not None
    async with bench.database.read() as tx:
        in_force = await DefinitionRepository(tx).in_force(RISK_POLICY, "cash")
    assert in_force.ref.version != row.version


async def test_a_policy_that_decided_nothing_cannot_be_tried(bench: Bench) -> None:
    async with bench.database.transaction() as tx:
        row = await DefinitionRepository(tx).insert(
            RISK_POLICY.name,
            "unused",
            shipped(RISK_POLICY, "cash"),
            note="new",
            drafted_by="test",
            state=DefinitionState.CHECKED,
        )
    with pytest.raises(NothingToTry):
        await back_test_version(bench.database, "unused", row.version, last=10)


async def test_an_instalment_beyond_the_income_lowers_the_offer_and_rejects_nobody(
    bench: Bench,
) -> None:
    """Worked out by hand, in the wanted list's terms (W5): dti above 0.55 offers what fits.

    Of 3,000.00 a month, 1,000.00 goes into debts elsewhere: 650.00 is left below 0.55. At 24 %
    over 12 months 10,000.00 cost 945.60 a month, so that 6,800.00 (643.01) fit and 6,900.00 do not.
    """
    known = await applicant(bench, person("approved", next(_members)))
    await known.verify_identity()
    element_id = await known.provide(BankFlows(bank_code="ICBC"))
    facts = {"income_monthly": 300_000, "loan_instalments": 100_000, "balance_follows": True}
    async with bench.database.transaction() as tx:
        await ElementRepository(tx).record_verification(
            element_id, Verdict.MATCH, None, facts, "bank_flows", datetime(2026, 3, 1, tzinfo=UTC)
        )
    decision = await assessed(bench, known)
    assert decision.outcome is Outcome.APPROVE
    assert decision.terms == Terms(amount=680_000, instalments=12, annual_rate=Decimal(24))
    read = (await explained(bench, known)).facts
    assert (read["dti_after"], read["affordable_amount"]) == ("0.6486", 680_000)


async def test_who_is_on_our_black_list_is_rejected_before_anybody_is_paid(bench: Bench) -> None:
    known = await applicant(bench, person("approved", next(_members)))
    await known.verify_identity()
    command = Command("anna", "list", known.start.application_id)
    entry = Entry(kind=KeyKind.MOBILE, key=known.person.mobile, reason="fraud", source="test")
    async with bench.database.transaction() as tx:
        change = await propose_entries(
            tx, STAFF, command, ListName.BLACK, [entry], reason="a case of fraud", today=ON
        )
    async with bench.database.transaction() as tx:
        await confirm_change(tx, Principal(role="analyst", subject="otto"), change.id)

    decision = await assessed(bench, known)

    assert (decision.outcome, decision.reject_code) == (Outcome.REJECT, "R05")
    assert [(hit.rule, hit.read) for hit in decision.hits] == [("list_black", "mobile")]
    asked = await bench.simulators.calls(request_id=known.start.application_id)
    assert asked == []
