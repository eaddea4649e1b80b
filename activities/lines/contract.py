"""The text of a loan contract: the same drawdown always gives the same bytes.

Parties are named by reference: the text goes through logs and evidence, the signer's identity is
proven by the signing service. Who changes the wording gives the template a new number.
"""

import hashlib
from string import Template
from typing import Final

from domain.common.money import format_amount
from domain.loans.schedule import PlanRow
from storage.lines.drawdowns import DrawdownRow
from storage.lines.quotes import QuoteRow

_TEMPLATE: Final = Template(
    """借款合同 Loan contract (loan-contract/1)
合同编号 Contract number: $contract_no
借款人 Borrower (reference): $borrower
贷款 Loan (reference): $loan_id
借款本金 Principal: $principal $currency
年利率（单利） Annual interest rate (simple): $annual_rate %
还款方式 Repayment: 等额本息 equal instalments, $instalments months
逾期罚息 Penalty on overdue principal: $penalty_rate % a year, by actual days over 365,
宽限期 grace $grace_days day(s), 不计复利 never compounded

还款计划 Repayment plan
期次 No. | 到期日 Due on | 本金 Principal | 利息 Interest | 费用 Fee | 应还 Total
$rows
利息合计 Total interest: $total_interest
费用合计 Total fees: $total_fees
放款时扣收 Deducted from the proceeds: $deducted
应还总额 Total to repay: $total
计划指纹 Plan hash (SHA-256): $plan_hash
综合融资成本明示表指纹 Cost sheet hash (SHA-256): $cost_sheet_hash

放款日晚于报价日时，到期日顺延，各期金额不变。
If the money is paid out on a later day than quoted, due dates move with it; amounts stay.
提前结清：按当期实际天数计息，其后各期利息免收。
Early settlement: interest by actual days of the running period; later interest is waived.
"""
)


def contract_text(drawdown: DrawdownRow, quote: QuoteRow, borrower: str) -> str:
    """Return the contract of a drawdown by its quote; `borrower` is the applicant's opaque id."""
    terms, plan = quote.terms, quote.plan
    return _TEMPLATE.substitute(
        contract_no=drawdown.contract_no,
        borrower=borrower,
        loan_id=drawdown.loan_id,
        principal=format_amount(drawdown.amount, drawdown.currency),
        currency=drawdown.currency,
        annual_rate=terms.annual_rate,
        instalments=terms.instalments,
        penalty_rate=terms.penalty_annual_rate,
        grace_days=terms.grace_days,
        rows="\n".join(_row(row, plan.currency) for row in plan.rows),
        total_interest=format_amount(plan.total_interest, plan.currency),
        total_fees=format_amount(plan.total_fees, plan.currency),
        deducted=format_amount(plan.deducted, plan.currency),
        total=format_amount(plan.total - plan.deducted, plan.currency),
        plan_hash=quote.plan_hash,
        cost_sheet_hash=quote.cost_sheet_hash or "-",
    )


def contract_digest(text: str) -> str:
    """Return the SHA-256 (hex) under which a contract is signed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _row(row: PlanRow, currency: str) -> str:
    amounts = (row.principal, row.interest, row.fee, row.total)
    shown = " | ".join(format_amount(amount, currency) for amount in amounts)
    return f"{row.number} | {row.due_on.isoformat()} | {shown}"
