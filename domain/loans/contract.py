"""The text of a loan contract: template, terms and plan always give the same bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from string import Template
from typing import Final

from domain.common.definitions import Agreed, Content, Finding, InForce, Kind
from domain.common.money import format_amount
from domain.loans.schedule import Plan, PlanRow, build_plan
from domain.loans.terms import LoanTerms, monthly_terms


class ContractTemplate(Content):
    """The wording, with placeholders such as `$principal`; `$$` is the sign itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What one contract is about; `borrower` is the applicant's opaque id.

    Parties are named by reference: the text goes through logs and evidence, the signer's identity
    is proven by the signing service.
    """

    contract_no: str
    borrower: str
    loan_id: str
    terms: LoanTerms
    plan: Plan
    cost_sheet_hash: str | None


def contract_text(template: Agreed[ContractTemplate], contract: Contract) -> str:
    """Return the contract in the words of a template."""
    values = _values(contract, template.ref.version)
    return Template(template.content.text).substitute(values)


def _values(contract: Contract, version: int) -> Mapping[str, object]:
    terms, plan = contract.terms, contract.plan
    return {
        "version": version,
        "contract_no": contract.contract_no,
        "borrower": contract.borrower,
        "loan_id": contract.loan_id,
        "principal": format_amount(terms.principal, terms.currency),
        "currency": terms.currency,
        "annual_rate": terms.annual_rate,
        "instalments": terms.instalments,
        "penalty_rate": terms.penalty_annual_rate,
        "grace_days": terms.grace_days,
        "rows": "\n".join(_row(row, plan.currency) for row in plan.rows),
        "total_interest": format_amount(plan.total_interest, plan.currency),
        "total_fees": format_amount(plan.total_fees, plan.currency),
        "deducted": format_amount(plan.deducted, plan.currency),
        "total": format_amount(plan.total - plan.deducted, plan.currency),
        "plan_hash": plan.hash,
        "cost_sheet_hash": contract.cost_sheet_hash or "-",
    }


def _row(row: PlanRow, currency: str) -> str:
    amounts = (row.principal, row.interest, row.fee, row.total)
    shown = " | ".join(format_amount(amount, currency) for amount in amounts)
    return f"{row.number} | {row.due_on.isoformat()} | {shown}"


_OPTIONAL: Final = frozenset({"version", "instalments", "grace_days"})
"""What a contract may leave out; parties, amounts, rates, the plan and its hashes it may not."""


def _check(template: ContractTemplate, _: InForce) -> Iterator[Finding]:
    known = _values(_sample(), 1).keys()
    text = Template(template.text)
    if not text.is_valid():
        message = (
            "a $ is followed by the name of a placeholder, or by another $ for the sign itself"
        )
        yield Finding("text", message, "$principal")
        return
    used = set(text.get_identifiers())
    for name in sorted(used - known):
        yield Finding("text", f"there is no placeholder ${name}", f"one of {', '.join(known)}")
    for name in sorted(known - _OPTIONAL - used):
        yield Finding("text", f"a contract has to say ${name}", f"${name}")


def _sample() -> Contract:
    """Return a contract of a plain loan, by which a template is tried."""
    terms = monthly_terms(
        currency="CNY",
        principal=1_000_000,
        annual_rate=Decimal(12),
        instalments=3,
        disbursed_on=date(2026, 1, 15),
        penalty_annual_rate=Decimal(12),
    )
    return Contract("LF-SAMPLE", "per_sample", "loa_sample", terms, build_plan(terms), None)


CONTRACT_TEMPLATE: Final = Kind("contract_template", ContractTemplate, _check)
