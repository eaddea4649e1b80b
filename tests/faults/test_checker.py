"""The checker of the invariants sees what it is there for."""

import pytest

from tests.faults.lives import Life, early_settlement
from tests.faults.place import Place
from tests.invariants import violations

pytestmark = [pytest.mark.stack, pytest.mark.fault]


async def found(place: Place) -> list[str]:
    return await violations(place.stack.database_url, place.stack.sandbox_url, place.client)


@pytest.fixture(scope="module")
async def life(place: Place) -> Life:
    """A loan that is settled, so that nothing but the tests changes its record."""
    settled = Life.of(place, "approved")
    await early_settlement(settled)
    return settled


@pytest.mark.parametrize(
    ("harm", "mend", "seen"),
    [
        (
            "update loans set principal_outstanding = 1 where id = $1 returning id",
            "update loans set principal_outstanding = 0 where id = $1 returning id",
            "principal_outstanding is recorded as 1",
        ),
        (
            "update instalments set paid_interest = paid_interest + 1"
            " where loan_id = $1 and number = 1 returning number",
            "update instalments set paid_interest = paid_interest - 1"
            " where loan_id = $1 and number = 1 returning number",
            "the instalments are not those of",
        ),
        (
            "update transfers set state = 'processing' where loan_id = $1"
            " and kind = 'disbursement' returning order_no",
            "update transfers set state = 'succeeded' where loan_id = $1"
            " and kind = 'disbursement' returning order_no",
            "at the bank",
        ),
        (
            "update transfers set loan_id = 'loa_0000000000000000000000000q', amount = amount + 1"
            " where loan_id = $1 and kind = 'disbursement' returning order_no",
            "update transfers set loan_id = $1, amount = amount - 1"
            " where loan_id = 'loa_0000000000000000000000000q' returning order_no",
            "at the bank",
        ),
        (
            "update repayments set state = 'processing', settled_on = null"
            " where loan_id = $1 and source = 'payoff' returning id",
            "update repayments set state = 'settled', settled_on = requested_on"
            " where loan_id = $1 and source = 'payoff' returning id",
            "settled None, booked",
        ),
        (
            "insert into daily_balances select 'CNY', 'own', 'cash', '2031-01-01', '2031-01-01', 7,"
            " 'cash'"
            " from loans where id = $1 returning amount",
            "delete from daily_balances where business_date = '2031-01-01'"
            " and recorded_on = '2031-01-01' and $1::text is not null returning amount",
            "cash: sums of days differ from its lines by 7",
        ),
        (
            "update lines set reserved = 1 where id = (select line_id from loans where id = $1)"
            " returning id",
            "update lines set reserved = 0 where id = (select line_id from loans where id = $1)"
            " returning id",
            "reserved 1 and drawn 0",
        ),
        (
            "update drawdowns set state = 'failed' where loan_id = $1 returning id",
            "update drawdowns set state = 'disbursed' where loan_id = $1 returning id",
            "its money is out",
        ),
    ],
)
async def test_harm_is_seen(harm: str, mend: str, seen: str, place: Place, life: Life) -> None:
    assert len(await place.rows(harm, life.loan_id)) == 1
    try:
        complaints = await found(place)
    finally:
        assert len(await place.rows(mend, life.loan_id)) == 1

    assert any(seen in complaint for complaint in complaints), complaints


async def test_a_lost_process_is_seen(place: Place, life: Life) -> None:
    """An application on record whose process never was."""
    application_id = "app_0000000000000000000000000q"
    await place.rows(
        "insert into applications (id, applicant_id, product, channel, currency, amount,"
        " instalments, state, waiting, created_by, product_ref, element_policies_ref)"
        " select $1, lines.applicant_id, applications.product, applications.channel,"
        " applications.currency, 1, 1, 'collecting', 'applicant', 'nobody', product_ref,"
        " element_policies_ref from loans"
        " join lines on lines.id = line_id join applications on applications.id = application_id"
        " where loans.id = $2 returning id",
        application_id,
        life.loan_id,
    )
    try:
        complaints = await found(place)
    finally:
        await place.rows("delete from applications where id = $1 returning id", application_id)

    assert f"application:{application_id} is collecting, its process ended" in complaints
