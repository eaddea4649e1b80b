"""The holiday calendars in force, which whoever makes a plan writes into its terms."""

from domain.common.business_days import HOLIDAY_CALENDAR
from domain.loans.terms import LoanTerms, on_official_days
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository


async def on_calendar_in_force(tx: Transaction, terms: LoanTerms) -> LoanTerms:
    """Return new terms with what is known today of their calendar's years.

    Terms that were given official years keep them: such a plan is an agreed one, computed again.
    """
    if not terms.rests_on_calendar or terms.official_years:
        return terms
    calendar = await DefinitionRepository(tx).in_force(HOLIDAY_CALENDAR, terms.calendar.lower())
    return on_official_days(terms, calendar.content.years)
