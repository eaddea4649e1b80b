"""Money goes out once, and becomes the loan that was signed for."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from domain.common.definitions import DefinitionRef, digest
from domain.lines import LineState
from domain.loans.contract import (
    CONTRACT_TEMPLATE,
    Contract,
    ContractTemplate,
    contract_text,
)
from domain.loans.ledger import Account
from domain.loans.schedule import build_plan
from messages import calls, ids
from messages.ids import new_id
from messages.lines import DrawReceipt, FailDrawdown, SignContract
from messages.payments import QueryTransfer, TransferOutcome, TransferStatus
from providers.payments import DisburseRequest
from runtime.clock import utc_now
from sandbox.personas import person
from services.loans.agreed import contract_in_force, contract_of
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow, DrawdownState
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository
from storage.payments import TransferRepository, TransferState
from tests.definitions import ref, release, shipped
from tests.integration.conftest import Arm
from tests.integration.source_clients import signature_of
from tests.integration.story import (
    AMOUNT,
    DISBURSED_ON,
    Bench,
    borrower,
    disbursement,
    quoted_terms,
)
from tests.products import CASH
from tests.workflows.lender import eventually


async def query(bench: Bench, receipt: DrawReceipt) -> TransferOutcome:
    order_no = ids.disbursement_order(receipt.drawdown_id)
    return await bench.perform(calls.QUERY_TRANSFER, QueryTransfer(order_no=order_no))


async def drawdown_state(bench: Bench, receipt: DrawReceipt) -> DrawdownState:
    async with bench.database.read() as tx:
        row = await DrawdownRepository(tx).get(receipt.drawdown_id)
    assert row is not None
    return row.state


async def failed(bench: Bench, receipt: DrawReceipt) -> ApplicationError:
    with pytest.raises(ApplicationError) as error:
        await bench.perform(calls.DISBURSE, disbursement(receipt))
    return error.value


async def test_a_contract_is_signed_once_under_its_digest(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 501))
    receipt = await someone.reserve()
    request = SignContract(drawdown_id=receipt.drawdown_id)
    raced = await asyncio.gather(*(bench.perform(calls.SIGN_CONTRACT, request) for _ in range(3)))
    await bench.simulators.fault("signing", operation="sign", status=500)
    repeated = await bench.perform(calls.SIGN_CONTRACT, request)
    assert len({*raced, repeated}) == 1
    assert repeated.contract_no == f"LF-{receipt.drawdown_id.upper()}"
    signature = await signature_of(bench.simulators.providers, repeated.contract_no)
    assert signature is not None
    assert signature.document_sha256 == repeated.contract_sha256
    assert await drawdown_state(bench, receipt) is DrawdownState.SIGNED


async def _contract(bench: Bench, receipt: DrawReceipt) -> tuple[DrawdownRow, str]:
    """Return a drawdown and the text of its contract, written anew from the record."""
    async with bench.database.read() as tx:
        drawdown = await DrawdownRepository(tx).get(receipt.drawdown_id)
        assert drawdown is not None
        quote = await QuoteRepository(tx).get(drawdown.quote_id)
        line = await LineRepository(tx).get(drawdown.line_id)
        template = await contract_of(tx, drawdown)
    assert quote is not None
    assert line is not None
    contract = Contract(
        drawdown.contract_no,
        line.applicant_id,
        drawdown.loan_id,
        quote.terms,
        quote.plan,
        quote.cost_sheet_hash,
    )
    return drawdown, contract_text(template, contract)


async def test_a_signed_contract_is_written_again_to_the_same_bytes(bench: Bench) -> None:
    signed = await (await borrower(bench, person("approved", 521))).sign()
    waiting = await (await borrower(bench, person("approved", 522))).reserve()
    words = shipped(CONTRACT_TEMPLATE, "loan-contract").text
    other = await release(
        bench.database,
        CONTRACT_TEMPLATE,
        "loan-contract",
        ContractTemplate(text=f"{words}Another clause.\n"),
    )

    async def in_force() -> DefinitionRef:
        async with bench.database.read() as tx:
            return (await contract_in_force(tx, CASH.content)).ref

    await eventually(in_force, lambda found: found == other)
    # Reserved before the release, signed after it: in the words of the day of the reservation.
    await bench.perform(calls.SIGN_CONTRACT, SignContract(drawdown_id=waiting.drawdown_id))
    later = await (await borrower(bench, person("approved", 523))).sign()

    first = ref(CONTRACT_TEMPLATE, "loan-contract")
    for receipt, agreed in ((signed, first), (waiting, first), (later, other)):
        drawdown, text = await _contract(bench, receipt)
        assert drawdown.contract == str(agreed)
        assert digest(text) == drawdown.contract_sha256
        assert ("Another clause." in text) is (agreed == other)


async def test_racing_attempts_pay_out_once(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 502))
    receipt = await someone.sign()
    request = disbursement(receipt)
    outcomes = await asyncio.gather(*(bench.perform(calls.DISBURSE, request) for _ in range(5)))
    assert {outcome.status for outcome in outcomes} == {TransferStatus.SUCCEEDED}
    assert await bench.book.moved(request.order_no) == [AMOUNT]


async def test_the_order_is_on_record_before_it_is_sent(bench: Bench, arm: Arm) -> None:
    someone = await borrower(bench, person("approved", 503))
    receipt = await someone.sign()
    request = disbursement(receipt)
    arm("disburse.before_send=raise")
    await failed(bench, receipt)
    async with bench.database.read() as tx:
        transfer = await TransferRepository(tx).get(request.order_no)
    assert transfer is not None
    assert (transfer.state, transfer.workflow_id) == (TransferState.REQUESTED, request.workflow_id)
    assert await bench.book.order(request.order_no) is None
    outcome = await bench.perform(calls.DISBURSE, request)
    assert outcome.status is TransferStatus.SUCCEEDED
    asked = await bench.simulators.calls(provider="payments", request_id=request.order_no)
    assert [call["operation"] for call in asked] == ["query", "disburse"]
    assert await bench.book.moved(request.order_no) == [AMOUNT]


async def test_an_answer_lost_before_its_record_is_asked_for_and_not_sent_again(
    bench: Bench, arm: Arm
) -> None:
    someone = await borrower(bench, person("approved", 504))
    receipt = await someone.sign()
    request = disbursement(receipt)
    arm("disburse.after_send=raise")
    await failed(bench, receipt)
    outcome = await bench.perform(calls.DISBURSE, request)
    assert outcome.status is TransferStatus.SUCCEEDED
    asked = await bench.simulators.calls(provider="payments", request_id=request.order_no)
    assert [call["operation"] for call in asked] == ["disburse", "query"]


async def test_a_lost_response_is_doubt_until_the_channel_says(bench: Bench) -> None:
    someone = await borrower(bench, person("disbursement_response_lost", 505))
    receipt = await someone.sign()
    request = disbursement(receipt)
    outcome = await bench.perform(calls.DISBURSE, request)
    assert (outcome.status, outcome.reason) == (TransferStatus.IN_DOUBT, "connection_lost")
    assert (await query(bench, receipt)).status is TransferStatus.SUCCEEDED
    assert await bench.book.moved(request.order_no) == [AMOUNT]


async def test_an_order_that_never_arrived_is_placed_again_under_its_number(
    bench: Bench,
) -> None:
    someone = await borrower(bench, person("approved", 506))
    receipt = await someone.sign()
    request = disbursement(receipt)
    await bench.simulators.fault("payments", operation="disburse", times=1, status=500)
    assert (await bench.perform(calls.DISBURSE, request)).status is TransferStatus.IN_DOUBT
    assert await bench.book.order(request.order_no) is None
    assert (await query(bench, receipt)).status is TransferStatus.SUCCEEDED
    assert await bench.book.moved(request.order_no) == [AMOUNT]


async def test_an_order_in_process_is_in_doubt_until_it_is_settled(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 507))
    receipt = await someone.sign()
    await bench.simulators.fault(
        "payments", operation="disburse", times=1, order_outcome="processing", hold=True
    )
    request = disbursement(receipt)
    assert (await bench.perform(calls.DISBURSE, request)).status is TransferStatus.IN_DOUBT
    assert (await query(bench, receipt)).status is TransferStatus.IN_DOUBT
    assert await drawdown_state(bench, receipt) is DrawdownState.DISBURSING
    await bench.simulators.settle(request.order_no)
    assert (await query(bench, receipt)).status is TransferStatus.SUCCEEDED


async def test_a_declined_order_stays_declined_and_frees_the_limit_once(bench: Bench) -> None:
    someone = await borrower(bench, person("disbursement_fails", 508))
    receipt = await someone.sign()
    outcome = await bench.perform(calls.DISBURSE, disbursement(receipt))
    assert (outcome.status, outcome.reason) == (TransferStatus.FAILED, "card_closed")
    giving_up = FailDrawdown(drawdown_id=receipt.drawdown_id, reason="card_closed", at=utc_now())
    await asyncio.gather(*(bench.perform(calls.FAIL_DRAWDOWN, giving_up) for _ in range(3)))
    async with bench.database.transaction() as tx:
        order_no = ids.disbursement_order(receipt.drawdown_id)
        resolved = await TransferRepository(tx).resolve(order_no, TransferState.SUCCEEDED)
        line = await LineRepository(tx).get(someone.line_id)
    assert resolved is not None
    assert line is not None
    assert resolved.state is TransferState.FAILED
    assert (line.reserved, line.available) == (0, AMOUNT)
    assert await drawdown_state(bench, receipt) is DrawdownState.FAILED
    with pytest.raises(ApplicationError) as refused:
        await bench.perform(calls.BOOK_LOAN, someone.booking(receipt))
    assert refused.value.type == "TransferUnsettled"


async def test_money_that_may_be_out_is_not_given_up(bench: Bench) -> None:
    someone = await borrower(bench, person("disbursement_response_lost", 509))
    receipt = await someone.sign()
    await bench.perform(calls.DISBURSE, disbursement(receipt))
    giving_up = FailDrawdown(drawdown_id=receipt.drawdown_id, reason="timeout", at=utc_now())
    with pytest.raises(ApplicationError) as refused:
        await bench.perform(calls.FAIL_DRAWDOWN, giving_up)
    assert (refused.value.type, refused.value.non_retryable) == ("TransferUnsettled", True)


async def test_a_channel_that_turns_us_away_is_tried_again_and_fails_nothing(
    bench: Bench,
) -> None:
    someone = await borrower(bench, person("approved", 510))
    receipt = await someone.sign()
    await bench.simulators.fault("payments", times=1, status=429, retry_after=3)
    error = await failed(bench, receipt)
    assert (error.type, error.non_retryable) == ("ProviderUnavailable", False)
    await bench.simulators.fault("payments", times=1, status=401)
    error = await failed(bench, receipt)
    assert (error.type, error.non_retryable) == ("ProviderRejected", False)
    assert (await bench.perform(calls.DISBURSE, disbursement(receipt))).status == "succeeded"


async def test_a_number_taken_by_another_order_stops_for_a_person(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 511))
    receipt = await someone.sign()
    await bench.simulators.providers.call(
        DisburseRequest(
            order_no=ids.disbursement_order(receipt.drawdown_id),
            amount=1,
            currency="CNY",
            card_number=someone.applicant.person.card_number,
            name=someone.applicant.person.name,
        ),
        request_id=ids.disbursement_order(receipt.drawdown_id),
    )
    error = await failed(bench, receipt)
    assert (error.type, error.non_retryable) == ("OrderConflict", True)


async def test_the_loan_is_the_one_that_was_quoted_to_the_fen(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 512))
    receipt = await someone.disburse()
    request = someone.booking(receipt)
    booked = await asyncio.gather(*(bench.perform(calls.BOOK_LOAN, request) for _ in range(4)))
    assert {loan.plan_hash for loan in booked} == {build_plan(quoted_terms()).hash}
    async with bench.database.read() as tx:
        loan = await LoanRepository(tx).get(receipt.loan_id)
        instalments = await LoanRepository(tx).instalments(receipt.loan_id)
        events = await LoanRepository(tx).events(receipt.loan_id)
        journal = await JournalRepository(tx).of_loan(receipt.loan_id)
        line = await LineRepository(tx).get(someone.line_id)
        drawdown = await DrawdownRepository(tx).get(receipt.drawdown_id)
    assert [row.principal + row.interest for row in instalments] == [94_560] * 11 + [94_555]
    assert (instalments[0].due_on, instalments[11].due_on) == (
        date(2026, 2, 15),
        date(2027, 1, 15),
    )
    assert loan is not None
    assert (loan.next_due_on, loan.next_due_amount) == (date(2026, 2, 15), 94_560)
    assert [event.kind for event in events] == ["disbursed"]
    assert [entry.entry_key for entry in journal] == [f"loan:{receipt.loan_id}:disbursed"]
    assert {row.account: row.amount for row in journal[0].lines} == {
        Account.PRINCIPAL_RECEIVABLE: AMOUNT,
        Account.CASH: -AMOUNT,
    }
    assert line is not None
    assert drawdown is not None
    assert (line.state, line.reserved, line.drawn) == (LineState.USED, 0, AMOUNT)
    assert drawdown.state is DrawdownState.DISBURSED
    assert {start.loan_id for start in bench.starts.loans} == {receipt.loan_id}
    assert bench.starts.loans[0].events == events


async def test_paid_out_a_day_later_dates_move_and_amounts_stay(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 513))
    receipt = await someone.disburse()
    next_day = DISBURSED_ON + timedelta(days=1)
    booked = await bench.perform(calls.BOOK_LOAN, someone.booking(receipt, next_day))
    async with bench.database.read() as tx:
        loan = await LoanRepository(tx).get(receipt.loan_id)
    assert loan is not None
    assert booked.plan_hash == loan.plan_hash == build_plan(quoted_terms(AMOUNT, next_day)).hash
    assert loan.plan_hash != build_plan(quoted_terms()).hash
    assert [row.due_on.day for row in loan.plan.rows] == [16] * 12
    assert [row.total for row in loan.plan.rows] == [94_560] * 11 + [94_555]


async def test_a_plan_of_other_amounts_than_signed_is_never_billed(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 514))
    receipt = await someone.disburse()
    async with bench.database.transaction() as tx:
        drawdown = await DrawdownRepository(tx).get(receipt.drawdown_id)
        assert drawdown is not None
        other = build_plan(quoted_terms().model_copy(update={"annual_rate": Decimal("23")}))
        await tx.connection.execute(
            "update quotes set plan = $2 where id = $1",
            drawdown.quote_id,
            other.model_dump_json(),
        )
    late = someone.booking(receipt, DISBURSED_ON + timedelta(days=1))
    with pytest.raises(ApplicationError) as refused:
        await bench.perform(calls.BOOK_LOAN, late)
    assert (refused.value.type, refused.value.non_retryable) == ("PlanMismatch", True)
    async with bench.database.read() as tx:
        assert await LoanRepository(tx).get(receipt.loan_id) is None


async def test_a_booked_loan_whose_process_did_not_start_is_started_by_the_repeat(
    bench: Bench, arm: Arm
) -> None:
    someone = await borrower(bench, person("approved", 515))
    receipt = await someone.disburse()
    arm("book_loan.after_commit=raise")
    with pytest.raises(ApplicationError):
        await bench.perform(calls.BOOK_LOAN, someone.booking(receipt))
    assert bench.starts.loans == []
    await bench.perform(calls.BOOK_LOAN, someone.booking(receipt))
    assert [start.loan_id for start in bench.starts.loans] == [receipt.loan_id]


async def test_an_unknown_order_is_no_order(bench: Bench) -> None:
    unknown = QueryTransfer(order_no=ids.disbursement_order(new_id("dra")))
    with pytest.raises(ApplicationError) as refused:
        await bench.perform(calls.QUERY_TRANSFER, unknown)
    assert refused.value.type == "RecordMissing"
