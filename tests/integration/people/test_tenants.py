"""Every root of the record says whose it is, whoever inserts it."""

from services.people.ownership import applicant_id_of
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from tests.api import seeds

_CHAIN = (
    ("applications", "id", "application_id"),
    ("offers", "id", "offer_id"),
    ("lines", "id", "line_id"),
    ("quotes", "id", "quote_id"),
    ("drawdowns", "id", "drawdown_id"),
    ("loans", "id", "loan_id"),
    ("repayments", "id", "repayment_id"),
)


async def test_a_credit_takes_its_tenant_from_its_applicant(database: Database) -> None:
    applicant_id = applicant_id_of("acme", "c-1")
    async with database.transaction() as tx:
        await ApplicantRepository(tx).get_or_create(applicant_id, "acme", "c-1", lender="north")
        await tx.connection.execute(
            "update applicants set branch = 'harbour' where id = $1", applicant_id
        )
    credit = await seeds.credit(database, "acme", "c-1")
    async with database.read() as tx:
        for table, column, name in _CHAIN:
            row = await tx.connection.fetchrow(
                f"select lender, branch, channel from {table} where {column} = $1",  # noqa: S608
                getattr(credit, name),
            )
            assert row is not None
            assert tuple(row) == ("north", "harbour", "acme"), table
        action = await tx.connection.fetchrow(
            "select lender, branch from collection_actions where id = $1", credit.task_id
        )
    assert action is not None
    assert tuple(action) == ("north", "harbour")


async def test_one_lender_is_the_rule(database: Database) -> None:
    credit = await seeds.credit(database, "app", "c-2")
    async with database.read() as tx:
        row = await tx.connection.fetchrow(
            "select lender, branch, channel from loans where id = $1", credit.loan_id
        )
    assert row is not None
    assert tuple(row) == ("own", "main", "app")
