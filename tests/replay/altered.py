"""A loan whose code was changed without care for loans that are under way."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from messages.loans import LoanView, StartLoan
    from workflows.loans.loan import Loan


@workflow.defn(name="Loan")
class HastyLoan(Loan):
    """Waits a minute before it begins: a command that recorded histories do not have."""

    @workflow.init
    def __init__(self, start: StartLoan) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: StartLoan) -> LoanView:
        await workflow.sleep(timedelta(minutes=1))
        return await super().run(start)
