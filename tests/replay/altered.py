"""A loan whose code was changed without care for loans that are under way."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from messages.loans import LoanView, StartLoan
    from messages.search_attributes import NEEDS_HUMAN
    from workflows.loans.loan import Loan


@workflow.defn(name="Loan")
class HastyLoan(Loan):
    """Marks itself before it begins: a command that recorded histories do not have."""

    @workflow.init
    def __init__(self, start: StartLoan) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: StartLoan) -> LoanView:
        workflow.upsert_search_attributes([NEEDS_HUMAN.value_set(False)])
        return await super().run(start)
