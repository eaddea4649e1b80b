"""How events move a loan's money: 12,000.00 over 12 months at 12 %, equal principal, made in 2026.

Every month 1,000.00 of principal falls due; interest is 120.00, then 10.00 less each month.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.common.errors import DisbursementMismatch, InvalidEvent
from domain.common.frequency import Frequency, FrequencyUnit
from domain.loans.account import LoanAccount, replay
from domain.loans.allocation import Component, Excess
from domain.loans.events import (
    Charged,
    Disbursed,
    HolidayGranted,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.position import Components, InstalmentState, NextDue, position
from tests.equal_principal import DISBURSED, FIRST, MADE, SECOND, THIRD, at, terms

LOST = WrittenOff(key="lost", on=SECOND)
PENALTY = {"penalty_annual_rate": Decimal("36.5")}
"""0.1 % a day."""


def paid(on: date, amount: int, excess: Excess | None = None, key: str = "p") -> Paid:
    return Paid(key=key, on=on, amount=amount, excess=excess)


def late(days: int) -> date:
    return FIRST + timedelta(days=days)


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (LOST, "on", "nothing is owed to write off on 2026-03-15"),
        (
            Recovered(key="x", on=SECOND, amount=1),
            "kind",
            "the loan is not written off on 2026-03-15: money is a payment",
        ),
        (Refunded(key="x", on=SECOND, amount=2), "amount", "x refunds 2, the credit held is 1"),
    ],
)
def test_a_settled_loan_refuses(event: LoanEvent, field: str, reason: str) -> None:
    off = PaidOff(key="off", on=FIRST, amount=1_212_001)
    with pytest.raises(InvalidEvent) as refused:
        at(SECOND, off, event)
    assert (refused.value.field, refused.value.message) == (field, reason)


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (
            WrittenOff(key="x", on=THIRD),
            "on",
            "nothing is owed to write off on 2026-04-15",
        ),
        (
            RateChanged(key="x", on=THIRD, annual_rate=Decimal(1)),
            "on",
            "the loan is written off on 2026-04-15",
        ),
        (
            HolidayGranted(key="x", on=THIRD, count=1),
            "on",
            "the loan is written off on 2026-04-15",
        ),
        (
            Rescheduled(key="x", on=THIRD, instalments=1, first_due_on=date(2026, 5, 1)),
            "on",
            "the loan is written off on 2026-04-15",
        ),
        (Charged(key="x", on=THIRD, amount=1), "on", "there is no loan to charge on 2026-04-15"),
        (
            Disbursed(key="x", on=THIRD, amount=200_000),
            "on",
            "the loan is written off on 2026-04-15",
        ),
    ],
)
def test_a_loan_written_off_refuses(event: LoanEvent, field: str, reason: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        at(THIRD, LOST, event)
    assert (refused.value.field, refused.value.message) == (field, reason)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Charged(key="x", on=MADE, amount=1), "there is no loan to charge on 2026-01-15"),
        (
            Rescheduled(key="x", on=MADE, instalments=1, first_due_on=SECOND),
            "there is no loan to reschedule on 2026-01-15",
        ),
        (WrittenOff(key="x", on=MADE), "nothing is owed to write off on 2026-01-15"),
    ],
)
def test_a_loan_before_its_disbursement_refuses(event: LoanEvent, reason: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        position(terms(), [event], MADE)
    assert (refused.value.field, refused.value.message) == ("on", reason)


def test_no_holiday_is_granted_before_the_disbursement() -> None:
    holiday = HolidayGranted(key="x", on=MADE, count=1, extend=True)
    with pytest.raises(InvalidEvent, match="there is no loan to reschedule") as refused:
        position(terms(), [holiday], MADE)
    assert refused.value.field == "on"


@pytest.mark.parametrize("method", ["equal_instalment", "equal_principal", "flat"])
def test_a_rate_may_change_when_all_was_repaid_during_a_grace(method: str) -> None:
    early = paid(MADE, 1_200_000, Excess.REDUCE_INSTALMENT)
    cut = RateChanged(key="r", on=MADE + timedelta(days=5), annual_rate=Decimal(5))
    stand = at(cut.on, early, cut, method=method, principal_grace=2)
    assert stand.principal_outstanding == 0
    assert [item.principal for item in stand.instalments] == [1_200_000] + [0] * 11


TRANCHE = {"tranches": [{"on": SECOND, "amount": 200_000}]}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (
            [Disbursed(key="d", on=MADE, amount=999_999)],
            "d disburses 999999 on 2026-01-15; the terms say 1000000 on 2026-01-15",
        ),
        (
            [Disbursed(key="d", on=FIRST, amount=1_000_000)],
            "d disburses 1000000 on 2026-02-15; the terms say 1000000 on 2026-01-15",
        ),
        (
            [
                Disbursed(key="d", on=MADE, amount=1_000_000),
                Disbursed(key="e", on=FIRST, amount=200_000),
            ],
            "e disburses 200000 on 2026-02-15; the terms say 200000 on 2026-03-15",
        ),
        (
            [
                Disbursed(key="d", on=MADE, amount=1_000_000),
                Disbursed(key="e", on=SECOND, amount=200_000),
                Disbursed(key="f", on=SECOND, amount=200_000),
            ],
            "f disburses a loan that was disbursed before",
        ),
    ],
)
def test_money_goes_out_as_the_terms_say(events: list[LoanEvent], reason: str) -> None:
    with pytest.raises(DisbursementMismatch) as refused:
        position(terms(**TRANCHE), events, SECOND)
    assert refused.value.message == reason


def test_money_paid_ahead_stays_when_a_tranche_goes_out() -> None:
    events: list[LoanEvent] = [
        Disbursed(key="d", on=MADE, amount=1_000_000),
        paid(MADE, 5_000, Excess.NEXT_INSTALMENT),
        Disbursed(key="e", on=SECOND, amount=200_000),
        paid(SECOND, 300_000, Excess.LAST_INSTALMENT, key="q"),
    ]
    stand = position(terms(**TRANCHE), [events[0], *events[1:]], SECOND)
    assert stand.received == stand.paid.total == 305_000
    early = TRANCHE["tranches"][0] | {"on": date(2026, 1, 20)}
    out = Disbursed(key="e", on=date(2026, 1, 20), amount=200_000)
    ahead = position(terms(tranches=[early]), [*events[:2], out], date(2026, 1, 20))
    first = ahead.instalments[0]
    assert (ahead.paid.total, first.interest_paid + first.principal_paid) == (5_000, 5_000)


def test_a_tranche_does_not_go_out_after_a_write_off() -> None:
    out: list[LoanEvent] = [
        Disbursed(key="d", on=MADE, amount=1_000_000),
        WrittenOff(key="lost", on=date(2026, 3, 1)),
    ]
    tranche = Disbursed(key="e", on=SECOND, amount=200_000)
    with pytest.raises(InvalidEvent) as refused:
        position(terms(**TRANCHE), [*out, tranche], SECOND)
    assert refused.value.field == "on"
    back = Reversed(key="r", on=SECOND, reverses="lost")
    stand = position(terms(**TRANCHE), [*out, back, tranche], SECOND)
    assert (stand.disbursed, stand.principal_outstanding) == (1_200_000, 1_200_000)


def test_tranches_go_out_in_their_order() -> None:
    events = [
        Disbursed(key="d", on=MADE, amount=1_000_000),
        Disbursed(key="e", on=SECOND, amount=200_000),
    ]
    stand = position(terms(**TRANCHE), events, SECOND)
    assert (stand.disbursed, stand.principal_outstanding) == (1_200_000, 1_200_000)
    assert sum(item.principal for item in stand.instalments) == 1_200_000


def test_all_credit_can_be_refunded() -> None:
    stand = at(MADE, paid(MADE, 700), Refunded(key="r", on=MADE, amount=700))
    assert (stand.credit, stand.refunded, stand.received) == (0, 700, 700)


def test_credit_pays_each_instalment_on_its_due_date() -> None:
    ahead = paid(MADE, 112_000 + 111_000 + 500)
    assert at(late(-1), ahead).credit == 223_500
    assert (at(FIRST, ahead).credit, at(FIRST, ahead).instalments[0].paid_on) == (111_500, FIRST)
    stand = at(THIRD, ahead)
    assert [item.paid_on for item in stand.instalments[:3]] == [FIRST, SECOND, None]
    assert (stand.credit, stand.instalments[2].interest_paid) == (0, 500)


def test_components_are_paid_in_the_order_of_their_timing() -> None:
    # What is past due takes interest first, what falls due that day principal.
    orders = {
        "past_due": ("penalty", "fee", "interest", "principal"),
        "due": ("principal", "interest", "fee", "penalty"),
        "in_advance": ("penalty", "fee", "interest", "principal"),
    }
    order = [
        {"timing": timing, "component": component}
        for timing, components in orders.items()
        for component in components
    ]
    allocation = {"allocation": {"order": order}}
    on_time = at(FIRST, paid(FIRST, 5_000), **allocation).instalments[0]
    assert (on_time.principal_paid, on_time.interest_paid) == (5_000, 0)
    too_late = at(late(1), paid(late(1), 5_000), **allocation).instalments[0]
    assert (too_late.principal_paid, too_late.interest_paid) == (0, 5_000)
    held = at(FIRST, paid(MADE, 5_000), **allocation).instalments[0]
    assert (held.principal_paid, held.interest_paid) == (5_000, 0)


def test_a_charge_on_a_paid_due_date_comes_with_the_next_instalment() -> None:
    # What was paid that day is done with; the credit held waits for the next due date.
    stand = at(FIRST, paid(FIRST, 112_300), Charged(key="c", on=FIRST, amount=500))
    assert (stand.credit, stand.total_due) == (300, 0)
    assert [item.fee for item in stand.instalments[:2]] == [0, 500]
    later = at(SECOND, paid(FIRST, 112_300), Charged(key="c", on=FIRST, amount=500))
    assert (later.credit, later.instalments[1].fee_paid, later.total_due) == (0, 300, 111_200)


def test_next_due_is_less_what_credit_will_pay() -> None:
    stand = at(MADE, paid(MADE, 500))
    assert stand.next_due == NextDue(number=1, on=FIRST, amount=111_500)
    covered = at(MADE, paid(MADE, 300_000))
    assert covered.next_due == NextDue(number=1, on=FIRST, amount=0)


def test_principal_repaid_early_twice_adds_up() -> None:
    on = late(5)
    events: list[LoanEvent] = [
        paid(FIRST, 112_000),
        paid(on, 100_000, Excess.REDUCE_INSTALMENT, key="a"),
        paid(on, 200_000, Excess.REDUCE_INSTALMENT, key="b"),
    ]
    stand = at(on, *events)
    assert stand.principal_outstanding == 800_000
    assert sum(item.principal for item in stand.instalments) == 1_200_000
    second = stand.instalments[1]
    assert (second.principal_paid, second.outstanding) == (
        300_000,
        second.principal - 300_000 + second.interest,
    )
    assert stand.paid == Components(principal=400_000, interest=12_000)
    assert [item.principal for item in stand.instalments[2:4]] == [72_727, 72_727]


def test_the_last_principal_repaid_early_pays_its_instalment_that_day() -> None:
    stand = at(MADE, paid(MADE, 1_200_000, Excess.REDUCE_INSTALMENT))
    assert (stand.principal_outstanding, stand.outstanding.total, stand.settled) == (0, 0, True)
    assert stand.settled_on == MADE
    assert stand.instalments[0].paid_on == MADE


def test_a_charge_goes_to_the_instalment_due_that_day_or_next() -> None:
    for on, number in ((FIRST, 1), (late(1), 2), (date(2027, 1, 16), 12)):
        stand = at(on, Charged(key="c", on=on, amount=500))
        assert [item.number for item in stand.instalments if item.fee] == [number]


def test_a_fee_charged_after_the_last_due_date_is_due_at_once() -> None:
    end = date(2027, 6, 1)
    events: list[LoanEvent] = [
        paid(date(2027, 1, 15), 1_277_999),
        Charged(key="c", on=end, amount=500),
    ]
    assert (at(end, *events).settled, at(end, *events).payoff) == (False, 501)
    stand = at(end, *events, PaidOff(key="o", on=end, amount=501))
    assert (stand.settled, stand.credit, stand.settled_on) == (True, 0, end)


def test_nothing_is_charged_on_a_settled_loan() -> None:
    # Only a reversal or a new disbursement opens what is settled.
    end = date(2027, 6, 1)
    charge = Charged(key="c", on=end, amount=500)
    with pytest.raises(InvalidEvent, match="settled") as refused:
        at(end, paid(date(2027, 1, 15), 1_278_000), charge)
    assert refused.value.field == "on"


def test_a_fee_on_an_event_is_a_share_of_the_original_principal() -> None:
    fee = {"name": "f", "timing": "on_event", "event": "rate_changed", "percent": "0.1"}
    change = RateChanged(key="r", on=FIRST, annual_rate=Decimal(12))
    assert at(FIRST, change, fees=[fee]).due.fee == 1_200
    other = HolidayGranted(key="h", on=FIRST, count=1)
    assert at(FIRST, other, fees=[fee]).due.fee == 0


def test_a_disbursement_can_carry_a_fee_into_the_next_instalment() -> None:
    fee = {"name": "f", "timing": "on_event", "event": "disbursed", "amount": 700}
    assert [item.fee for item in at(MADE, fees=[fee]).instalments] == [700] + [0] * 11


def test_interest_and_fees_of_one_instalment_can_be_waived() -> None:
    events: list[LoanEvent] = [
        Charged(key="c", on=FIRST, amount=500),
        Waived(key="w", on=SECOND, component=Component.FEE, amount=200, instalment=1),
        Waived(key="v", on=SECOND, component=Component.INTEREST, amount=700, instalment=2),
    ]
    first, second = at(SECOND, *events).instalments[:2]
    assert (first.fee_waived, first.interest_waived, first.outstanding) == (200, 0, 112_300)
    assert (second.fee_waived, second.interest_waived, second.outstanding) == (0, 700, 110_300)
    left = at(SECOND, *events).outstanding
    assert left == Components(principal=1_200_000, interest=78_000 - 700, fee=300)


def test_an_instalment_waived_in_full_takes_no_money() -> None:
    waivers = [
        Waived(key=item, on=SECOND, component=item, amount=200_000, instalment=2)
        for item in (Component.INTEREST, Component.PRINCIPAL)
    ]
    stand = at(THIRD, *waivers, paid(THIRD, 112_000 + 110_000 + 700))
    assert [item.paid_on for item in stand.instalments[:3]] == [THIRD, SECOND, THIRD]
    assert (stand.instalments[1].interest_paid, stand.credit) == (0, 700)


@pytest.mark.parametrize("excess", [Excess.REDUCE_INSTALMENT, Excess.SHORTEN_TERM])
def test_money_beyond_the_last_instalment_is_credit_whatever_was_agreed(excess: Excess) -> None:
    last = date(2027, 1, 15)
    stand = at(last, paid(last, 1_278_000 + 900, excess))
    assert (stand.settled, stand.credit) == (True, 900)


def test_what_was_waived_stays_waived_when_more_is_charged() -> None:
    events: list[LoanEvent] = [
        Waived(key="w", on=FIRST, component=Component.PRINCIPAL, amount=40_000),
        Charged(key="c", on=FIRST, amount=500),
    ]
    stand = at(FIRST, *events)
    assert stand.due == Components(principal=60_000, interest=12_000, fee=500)
    assert stand.instalments[0].outstanding == 72_500


def test_what_is_billed_is_what_fell_due_and_what_was_paid_ahead() -> None:
    assert at(FIRST).billed == Components(principal=100_000, interest=12_000)
    ahead = paid(FIRST, 112_000 + 111_000 + 110_000 + 15_000, Excess.NEXT_INSTALMENT)
    assert at(FIRST, ahead).billed == Components(principal=306_000, interest=42_000)
    partly = at(MADE, paid(MADE, 112_000 + 30_000, Excess.LAST_INSTALMENT)).billed
    assert partly.principal + partly.interest == 142_000


def test_a_loan_of_one_minor_unit_can_be_settled() -> None:
    smallest = terms(principal=1, annual_rate=Decimal(0))
    events: list[LoanEvent] = [
        Disbursed(key="d", on=MADE, amount=1),
        PaidOff(key="o", on=MADE, amount=1),
    ]
    stand = position(smallest, events, MADE)
    assert (stand.settled, stand.settled_on) == (True, MADE)


def test_credit_that_covers_everything_leaves_no_payoff() -> None:
    assert at(MADE, paid(MADE, 1_200_000)).payoff == 0
    assert at(MADE, paid(MADE, 1_199_999)).payoff == 1


def test_money_paid_ahead_stays_when_the_plan_is_new() -> None:
    ahead = paid(FIRST, 112_000 + 50_000, Excess.NEXT_INSTALMENT)
    new = Rescheduled(key="s", on=FIRST, instalments=4, first_due_on=SECOND)
    stand = at(FIRST, ahead, new)
    second = stand.instalments[1]
    assert (second.interest_paid, second.principal_paid) == (11_000, 39_000)
    assert (stand.received, stand.paid.total, stand.credit) == (162_000, 162_000, 0)


def test_principal_is_waived_on_its_due_date_and_not_before() -> None:
    waiver = Waived(key="w", on=FIRST, component=Component.PRINCIPAL, amount=1_200_000)
    assert at(FIRST, waiver).principal_waived == 100_000
    early = waiver.model_copy(update={"on": late(-1)})
    assert at(FIRST, early).principal_waived == 0


def test_penalty_counts_every_day_of_what_was_paid_late() -> None:
    # 1,000.00 for 10 days at 0.1 % a day, then 600.00 for 10 more: 10.00 and 6.00.
    on = late(10)
    events = [paid(on, 12_000 + 40_000 + 1_000)]
    first = at(late(20), *events, **PENALTY).instalments[0]
    assert (first.principal_paid, first.penalty_paid) == (40_000, 1_000)
    assert (first.penalty, first.outstanding) == (1_600, 60_600)
    # Paid in full on the 20th day it stays at that.
    whole = [*events, paid(late(20), 60_600, key="q")]
    assert at(late(90), *whole, **PENALTY).instalments[0].penalty == 1_600


def test_penalty_charged_comes_on_top_of_penalty_earned() -> None:
    charge = Charged(key="c", on=FIRST, component=Component.PENALTY, amount=300)
    assert at(FIRST, charge, **PENALTY).due.penalty == 300
    assert at(late(10), charge, **PENALTY).overdue.penalty == 1_300
    capped = at(late(30), charge, penalty_cap=Decimal(2), **PENALTY)
    assert capped.instalments[0].penalty == 2_300


def test_the_cap_of_penalty_is_a_share_of_what_bears_it() -> None:
    # 2 % of 1,000.00, 120.00 and a fee of 10.00.
    charge = Charged(key="c", on=FIRST, amount=1_000)
    capped = {"penalty_cap": Decimal(2), "penalty_base": "amount", **PENALTY}
    assert at(late(25), charge, **capped).instalments[0].penalty == 2_260


def test_penalty_waived_stays_waived_and_the_rest_runs_on() -> None:
    waiver = Waived(key="w", on=late(10), component=Component.PENALTY, amount=400)
    stand = at(late(20), waiver, **PENALTY)
    first = stand.instalments[0]
    assert (first.penalty, first.penalty_waived) == (2_000, 400)
    assert (stand.overdue.penalty, stand.billed.penalty) == (1_600, 1_600)


def test_an_instalment_paid_within_the_days_of_grace_carries_no_penalty() -> None:
    grace = {"grace_days": 3, **PENALTY}
    assert at(late(3), **grace).overdue.penalty == 0
    assert at(late(4), **grace).overdue.penalty == 400
    assert at(late(90), paid(late(3), 112_000), **grace).instalments[0].penalty == 0
    assert at(late(4), paid(late(4), 112_000), **grace).overdue.principal == 400


# Write-offs


def test_a_write_off_gives_up_principal_and_what_fell_due() -> None:
    charge = Charged(key="c", on=late(-5), amount=500)
    on = late(10)
    lost = at(on, charge, WrittenOff(key="w", on=on), **PENALTY)
    assert lost.written_off == Components(
        principal=1_200_000, interest=12_000, penalty=1_000, fee=500
    )
    assert (lost.principal_outstanding, lost.outstanding.total, lost.total_due) == (0, 0, 0)
    assert lost.written_off_on == on
    assert {item.state for item in lost.instalments} == {InstalmentState.WRITTEN_OFF}
    assert [item.interest_waived for item in lost.instalments[:2]] == [0, 11_000]
    assert not lost.settled
    # Nothing grows from then on.
    later = at(date(2027, 6, 1), charge, WrittenOff(key="w", on=on), **PENALTY)
    assert later.written_off == lost.written_off
    assert (later.days_past_due, later.accrued_interest, later.payoff) == (0, 0, 0)


def test_what_falls_due_on_the_day_of_a_write_off_is_lost_too() -> None:
    lost = at(FIRST, WrittenOff(key="w", on=FIRST))
    assert lost.written_off == Components(principal=1_200_000, interest=12_000)


def test_money_on_a_loan_written_off_is_a_recovery_and_beyond_the_loss_credit() -> None:
    on = late(-1)
    lost = WrittenOff(key="w", on=on)
    events: list[LoanEvent] = [
        lost,
        Recovered(key="r", on=on, amount=500_000),
        paid(on, 600_000),
        PaidOff(key="o", on=on, amount=150_000),
    ]
    stand = at(on, *events)
    assert (stand.recovered, stand.received, stand.credit) == (1_200_000, 50_000, 50_000)
    # Credit no longer pays instalments.
    assert at(THIRD, *events).credit == 50_000


def test_credit_held_is_set_off_before_a_loan_is_written_off() -> None:
    # A lender does not lose what it holds of the borrower's own money.
    stand = at(late(-1), paid(MADE, 500), WrittenOff(key="w", on=MADE))
    assert (stand.credit, stand.paid.principal, stand.written_off.total) == (0, 500, 1_199_500)


def test_a_loan_that_the_credit_held_covers_is_not_written_off() -> None:
    with pytest.raises(InvalidEvent, match="pay the loan off") as refused:
        at(MADE, paid(MADE, 1_200_000), WrittenOff(key="w", on=MADE))
    assert refused.value.field == "on"


# New plans


def test_a_new_plan_collects_moved_interest_fees_and_penalty_with_its_first_instalment() -> None:
    on = late(10)
    events: list[LoanEvent] = [
        Charged(key="c", on=FIRST, amount=500),
        Rescheduled(
            key="s",
            on=on,
            instalments=3,
            first_due_on=date(2026, 3, 25),
            frequency=Frequency(unit=FrequencyUnit.WEEK, every=1),
            annual_rate=Decimal(0),
        ),
    ]
    stand = at(on, *events, **PENALTY)
    new = stand.instalments[1:4]
    assert [item.due_on for item in new] == [
        date(2026, 3, 25),
        date(2026, 4, 1),
        date(2026, 4, 8),
    ]
    assert [item.principal for item in new] == [400_000] * 3
    # 120.00 was due; 10 of 28 days of the second instalment's 110.00 were earned.
    assert [item.interest for item in new] == [12_000 + 3_929, 0, 0]
    assert [item.fee for item in new] == [500, 0, 0]
    assert [item.penalty for item in new] == [1_000, 0, 0]
    first = stand.instalments[0]
    assert (first.principal, first.interest, first.fee, first.penalty) == (0, 0, 0, 0)
    assert (first.state, first.paid_on) == ("paid", on)
    assert stand.total_overdue == 0
    # Nor does what moved earn penalty where it came from.
    assert at(date(2026, 3, 25), *events, **PENALTY).instalments[0].penalty == 0


def test_what_was_paid_of_an_overdue_instalment_stays_with_it() -> None:
    on = late(10)
    new = Rescheduled(key="s", on=on, instalments=2, first_due_on=date(2026, 3, 25))
    stand = at(on, paid(FIRST, 52_000), new)
    first = stand.instalments[0]
    assert (first.principal, first.interest, first.principal_paid) == (40_000, 12_000, 40_000)
    assert [item.principal for item in stand.instalments[1:3]] == [580_000] * 2


def test_what_is_overdue_stays_overdue_where_the_new_plan_leaves_it_out() -> None:
    new = Rescheduled(key="n", on=SECOND, instalments=2, first_due_on=THIRD, include_overdue=False)
    stand = at(SECOND, new)
    owed = [item.outstanding for item in stand.instalments[:2]]
    # 1,000.00 with 120.00 and 110.00 of interest; the other 10,000.00 in two parts.
    assert owed == [112_000, 111_000]
    assert [item.principal for item in stand.instalments[2:4]] == [500_000, 500_000]


def test_money_paid_ahead_keeps_its_place_in_a_new_plan() -> None:
    # 500.00 was paid of the last instalment, which a holiday makes larger.
    ahead = paid(FIRST, 112_000 + 50_000, Excess.LAST_INSTALMENT)
    holiday = HolidayGranted(key="h", on=FIRST, count=1)
    before, stand = at(FIRST, ahead), at(FIRST, ahead, holiday)
    assert before.instalments[-1].interest_paid + before.instalments[-1].principal_paid == 50_000
    last = stand.instalments[-1]
    assert last.interest_paid + last.principal_paid == 50_000
    assert (stand.credit, stand.paid.total) == (0, 162_000)


def test_waived_interest_lasts_only_as_far_as_the_new_plan_has_any() -> None:
    waiver = Waived(key="w", on=FIRST, component=Component.INTEREST, amount=20_000, instalment=2)
    free = RateChanged(key="r", on=FIRST, annual_rate=Decimal(3))
    assert at(FIRST, waiver).instalments[1].interest_waived == 11_000
    second = at(FIRST, waiver, free).instalments[1]
    assert (second.interest, second.interest_waived) == (2_750, 2_750)


def test_a_reversed_event_is_as_if_it_never_was() -> None:
    back = Reversed(key="b", on=FIRST, reverses="p")
    assert at(FIRST, paid(FIRST, 112_000), back) == at(FIRST)


def test_an_open_loan_has_no_day_of_settlement() -> None:
    stand = at(FIRST, paid(FIRST, 112_000))
    assert (stand.settled, stand.settled_on) == (False, None)


def test_the_account_replays_up_to_a_day() -> None:
    account = replay(terms(), [DISBURSED, paid(FIRST, 112_000)], late(-1))
    assert isinstance(account, LoanAccount)
    assert (account.received, account.disbursed) == (0, 1_200_000)
    assert account.is_open(late(-1))
    assert account.settlement(MADE).total == 1_200_000
    assert not replay(terms(), [], FIRST).is_open(FIRST)
