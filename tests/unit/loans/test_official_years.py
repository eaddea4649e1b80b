"""A plan keeps the holidays that it was made by: a calendar released later moves no agreed date."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.business_days import HOLIDAY_CALENDAR, OfficialYear
from domain.common.errors import InvalidTerms
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms, on_official_days, redated
from tests.definitions import shipped

SHIPPED = shipped(HOLIDAY_CALENDAR, "cn").years
# A notice that closes the Monday and the Tuesday after New Year of 2027.
NOTICE = OfficialYear(
    year=2027,
    version="2026-11-10",
    source="a notice",
    closed=(date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 5)),
    worked=(),
)


def terms(**values: Any) -> LoanTerms:
    """12 months, first due on 1 October 2026, moved to Chinese business days."""
    plain: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal(12),
        "instalments": 12,
        "disbursed_on": date(2026, 9, 1),
        "first_due_on": date(2026, 10, 1),
        "business_day_rule": "following",
        "calendar": "CN",
        "day_count": "actual_365_fixed",
        "interest_follows": True,
    }
    return LoanTerms(**plain | values)


def due(of: LoanTerms) -> list[date]:
    return [row.due_on for row in build_plan(of).rows]


def test_a_plan_without_official_years_is_the_one_of_before_they_were_terms() -> None:
    plan = build_plan(terms())
    assert plan.hash == "6ab159edbe4083accdc9a6eeb246c76e9b38d890cc7c54817cc66c9d315860ee"
    assert [row.due_on for row in plan.rows][:4] == [
        date(2026, 10, 8),
        date(2026, 11, 2),
        date(2026, 12, 1),
        date(2027, 1, 4),
    ]


def test_a_new_calendar_leaves_an_agreed_plan_and_is_in_the_next_one() -> None:
    agreed = on_official_days(terms(), SHIPPED)
    signed = build_plan(agreed)

    quoted = on_official_days(terms(), (*SHIPPED, NOTICE))

    assert build_plan(agreed) == signed
    assert due(agreed)[3] == date(2027, 1, 4)
    assert due(quoted)[3] == date(2027, 1, 6)
    # 1 May 2027 is a Saturday; the notice closes no day of the week after it.
    assert (due(agreed)[7], due(quoted)[7]) == (date(2027, 5, 5), date(2027, 5, 3))
    assert due(quoted)[:3] == due(agreed)[:3]
    assert build_plan(quoted).hash != signed.hash


def test_the_years_go_with_the_terms_wherever_they_go() -> None:
    agreed = on_official_days(terms(), (*SHIPPED, NOTICE))
    again = LoanTerms.model_validate_json(agreed.model_dump_json())
    assert again == agreed
    assert build_plan(again) == build_plan(agreed)
    assert redated(agreed, date(2026, 9, 2)).official_years == agreed.official_years


def test_only_years_from_the_disbursement_on_are_kept() -> None:
    later = terms(disbursed_on=date(2027, 1, 15), first_due_on=date(2027, 2, 15))
    assert on_official_days(later, (*SHIPPED, NOTICE)).official_years == (NOTICE,)


@pytest.mark.parametrize(
    "values",
    [{"business_day_rule": "none", "interest_follows": False}, {"calendar": "none"}],
)
def test_terms_that_rest_on_no_calendar_stay_as_they_are(values: dict[str, Any]) -> None:
    plain = terms(**values)
    assert on_official_days(plain, (*SHIPPED, NOTICE)) == plain


def test_a_year_is_given_once() -> None:
    with pytest.raises(InvalidTerms) as refused:
        terms(official_years=(NOTICE, NOTICE))
    assert refused.value.field == "official_years"
