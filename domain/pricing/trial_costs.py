"""What each cost of a plan comes to, day by day, and the cost sheet made of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.common.errors import DomainError
from domain.common.money import format_amount, money
from domain.loans.fees import Fee, FeeBase, FeeEvent, FeeTiming, recurring_fee, total_of
from domain.loans.late_fee import LateFeeBase
from domain.loans.penalty_terms import PenaltyBase
from domain.loans.schedule import PlanRow
from domain.loans.terms import LoanTerms
from domain.pricing.cost_sheet import ContingentCost, Cost, CostSheet, build_cost_sheet
from domain.pricing.rates import Flow
from domain.pricing.trial_rates import RatePeriods, proceeds

LENDER = "贷款人"
"""Who charges what no one else is named for."""

_TIMES = {
    FeeTiming.DEDUCTED: "放款时扣收",
    FeeTiming.FIRST_INSTALMENT: "随首期收取",
    FeeTiming.SPREAD: "分摊至各期收取",
    FeeTiming.PER_INSTALMENT: "每期收取",
}
_EVENTS = {
    FeeEvent.DISBURSED: "每次放款，随下一期收取",
    FeeEvent.REVERSED: "每次还款被退回",
    FeeEvent.RATE_CHANGED: "每次变更利率",
    FeeEvent.RESCHEDULED: "每次重组还款计划",
    FeeEvent.HOLIDAY_GRANTED: "每次延期还款",
}

Charges = list[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class SheetOutcome:
    """A plan's cost sheet, or the `reason` why none can be made: it has no annual rate, say."""

    sheet: CostSheet | None
    reason: str | None = None


def disbursement_charges(terms: LoanTerms, rows: Sequence[PlanRow]) -> Charges:
    """Return the fees that each disbursement carries; the plan's rows do not hold them.

    They fall due with the instalment after the disbursement.
    """
    return [
        charge
        for fee in terms.fees
        if fee.event is FeeEvent.DISBURSED
        for charge in _per_disbursement(fee, terms, rows)
    ]


def cost_sheet_of(terms: LoanTerms, rows: Sequence[PlanRow], periods: RatePeriods) -> SheetOutcome:
    """Return the cost sheet of a plan: interest, every fee, and what only some events cost."""
    drawn = proceeds(terms, deducted=0)
    repaid = [Flow(row.due_on, -row.principal) for row in rows if row.principal]
    try:
        sheet = build_cost_sheet(
            currency=terms.currency,
            principal_flows=[*drawn, *repaid],
            costs=_costs(terms, rows),
            contingent=_contingent(terms),
            periods_per_year=periods.per_year,
            periods=periods.numbers,
        )
    except DomainError as error:
        return SheetOutcome(None, error.message)
    return SheetOutcome(sheet)


def _costs(terms: LoanTerms, rows: Sequence[PlanRow]) -> list[Cost]:
    interest = [(row.due_on, row.interest) for row in rows if row.interest]
    costs = [Cost("利息", f"年利率{terms.annual_rate}%", LENDER, interest)]
    spread = iter(_spread(terms, rows))
    names = {"利息"}
    for fee in terms.fees:
        if fee.timing is FeeTiming.ON_EVENT and fee.event is not FeeEvent.DISBURSED:
            continue
        is_spread = fee.timing is FeeTiming.SPREAD
        charges = next(spread) if is_spread else _charges(fee, terms, rows)
        name = _unused(fee.name, names)
        costs.append(Cost(name, _standard(fee, terms), fee.charged_by or LENDER, charges))
    return costs


def _unused(name: str, names: set[str]) -> str:
    """Return the name, numbered if another cost has it already."""
    found, number = name, 2
    while found in names:
        found, number = f"{name} ({number})", number + 1
    names.add(found)
    return found


def _charges(fee: Fee, terms: LoanTerms, rows: Sequence[PlanRow]) -> Charges:
    amount = fee.of(terms.principal, terms.interest_rounding)
    match fee.timing:
        case FeeTiming.DEDUCTED:
            return [(terms.disbursed_on, amount)]
        case FeeTiming.FIRST_INSTALMENT:
            return [(row.due_on, amount) for row in rows if row.number == 1]
        case FeeTiming.PER_INSTALMENT:
            return [(row.due_on, _recurring((fee,), terms, row)) for row in rows]
    return _per_disbursement(fee, terms, rows)


def _recurring(fees: Iterable[Fee], terms: LoanTerms, row: PlanRow) -> int:
    if not row.number or not (row.principal or row.interest or row.balance_after):
        return 0
    before = row.balance_after + row.principal
    return recurring_fee(fees, terms.principal, before, terms.interest_rounding, number=row.number)


def _per_disbursement(fee: Fee, terms: LoanTerms, rows: Sequence[PlanRow]) -> Charges:
    amount = fee.of(terms.principal, terms.interest_rounding)
    days = [terms.disbursed_on, *(tranche.on for tranche in terms.tranches)]
    ahead = [next((row.due_on for row in rows if row.due_on >= on), rows[-1].due_on) for on in days]
    return [(due_on, amount) for due_on in ahead]


def _spread(terms: LoanTerms, rows: Sequence[PlanRow]) -> list[Charges]:
    """Divide what each row takes of all spread fees among them, to the minor unit.

    The plan rounds their sum, not each of them: beyond everybody's whole share, the few units left
    go to the fees in their order.
    """
    spread = [fee for fee in terms.fees if fee.timing is FeeTiming.SPREAD]
    if not spread:
        return []
    pools = [_spread_pool(terms, row) for row in rows]
    count = sum(1 for row in rows if row.number)
    totals = [fee.of(terms.principal, terms.interest_rounding) for fee in spread]
    charges: list[Charges] = [[] for _ in spread]
    left = list(totals)
    for row, pool in zip(rows, pools, strict=True):
        for index, total in enumerate(totals):
            share = min(total // count, left[index], pool)
            charges[index].append((row.due_on, share))
            left[index] -= share
            pool -= share
        _give(charges, left, row.due_on, pool)
    return charges


def _give(charges: list[Charges], left: list[int], on: date, units: int) -> None:
    for index, rest in enumerate(left):
        given = min(rest, units)
        if given:
            charges[index].append((on, given))
        left[index] -= given
        units -= given


def _spread_pool(terms: LoanTerms, row: PlanRow) -> int:
    """Return what a row's fee holds of spread fees: what the other fees leave."""
    first = 0
    if row.number == 1:
        timing = FeeTiming.FIRST_INSTALMENT
        first = total_of(terms.fees, timing, terms.principal, terms.interest_rounding)
    return row.fee - first - _recurring(terms.fees, terms, row)


def _standard(fee: Fee, terms: LoanTerms) -> str:
    when = _EVENTS[fee.event] if fee.event is not None else _TIMES[fee.timing]
    if fee.last_instalment is not None:
        when = f"第{fee.first_instalment}期至第{fee.last_instalment}期，{when}"
    elif fee.first_instalment > 1:
        when = f"自第{fee.first_instalment}期起，{when}"
    if fee.percent is None:
        return f"{when}：{format_amount(fee.amount or 0, terms.currency)} {terms.currency}"
    base = "剩余本金" if fee.base is FeeBase.OUTSTANDING else "原始本金"
    return f"{when}：{base}的{fee.percent}%"


def _contingent(terms: LoanTerms) -> list[ContingentCost]:
    on_events = [
        ContingentCost(
            name=fee.name, standard=_standard(fee, terms), collector=fee.charged_by or LENDER
        )
        for fee in terms.fees
        if fee.event not in (None, FeeEvent.DISBURSED)
    ]
    penalty = ContingentCost(name="罚息", standard=_penalty(terms), collector=LENDER)
    early = ContingentCost(name="提前结清费", standard=_early(terms), collector=LENDER)
    late = [ContingentCost(name="逾期费", standard=text, collector=LENDER) for text in _late(terms)]
    return [penalty, *late, early, *on_events]


_PENALTY_BASES: Final[Mapping[PenaltyBase, str]] = {
    PenaltyBase.PRINCIPAL: "逾期本金",
    PenaltyBase.INTEREST: "逾期利息",
    PenaltyBase.AMOUNT: "逾期应付金额",
    PenaltyBase.ORIGINAL_AMOUNT: "逾期各期原应付金额",
    PenaltyBase.BALANCE: "剩余本金",
}


def _late(terms: LoanTerms) -> Iterator[str]:
    """Say what each missed instalment costs at once."""
    fee = terms.late_fee
    if fee is None:
        return
    if fee.percent is None:
        text = f"每期{money(fee.amount or 0, terms.currency)}"
    else:
        base = "未付金额" if fee.base is LateFeeBase.UNPAID else "应付金额"
        text = f"每期{base}的{fee.percent}%"
    if fee.after_days:
        text += f"，逾期超过{fee.after_days}天"
    if fee.at_least:
        text += f"，不低于{money(fee.at_least, terms.currency)}"
    if fee.at_most is not None:
        text += f"，不高于{money(fee.at_most, terms.currency)}"
    if fee.max_count is not None:
        text += f"，最多{fee.max_count}次"
    if fee.max_total is not None:
        text += f"，合计不超过{money(fee.max_total, terms.currency)}"
    yield text


def _penalty(terms: LoanTerms) -> str:
    if not terms.penalty_annual_rate:
        return "不收取"
    base = _PENALTY_BASES[terms.penalty_base]
    text = f"{base} × 年利率{terms.penalty_annual_rate}% × 逾期天数 / {terms.penalty_year_days}"
    if terms.grace_days:
        text += f"，宽限期{terms.grace_days}天"
    if terms.grace_is_free and terms.grace_days:
        text += "（不计罚息）"
    if terms.penalty_on_business_days:
        text += "，非工作日不计"
    if terms.penalty_cap is not None:
        text += f"，不超过该期基数的{terms.penalty_cap}%"
    return text


def _early(terms: LoanTerms) -> str:
    policy = terms.early_settlement
    parts = []
    if policy.fee_amount:
        parts.append(money(policy.fee_amount, terms.currency))
    if policy.fee_percent:
        parts.append(f"提前结清本金的{policy.fee_percent}%")
    return " + ".join(parts) or "不收取"
