"""Terms that begin on another day than quoted: money that is paid out late moves its due dates."""

from datetime import date, timedelta

from domain.calendar import months_after
from domain.frequency import FrequencyUnit
from domain.loan_terms import LoanTerms


def redated(terms: LoanTerms, disbursed_on: date) -> LoanTerms:
    """Return `terms` as they run when the money goes out on `disbursed_on`.

    A first due date one whole period after the quoted disbursement, on its day, moves with it, and
    so does the day of the month it sets. A due day that was agreed otherwise stays, and so do the
    dates of tranches, rate steps, holidays and listed instalments. Raises `InvalidTerms` when the
    dates that stay no longer follow the disbursement.
    """
    if disbursed_on == terms.disbursed_on:
        return terms
    dates: dict[str, date | int | None] = {"disbursed_on": disbursed_on}
    months = terms.frequency.months
    if months is not None and _is_rolling(terms, months):
        dates["first_due_on"] = months_after(disbursed_on, months, disbursed_on.day)
        dates["due_day"] = None if terms.due_day is None else disbursed_on.day
    elif terms.frequency.unit in (FrequencyUnit.DAY, FrequencyUnit.WEEK):
        period = timedelta(days=terms.frequency.days)
        if terms.first_due_on - terms.disbursed_on == period:
            dates["first_due_on"] = disbursed_on + period
    # Validated anew, which `model_copy` would not do.
    return LoanTerms.model_validate({**dict(terms), **dates})


def _is_rolling(terms: LoanTerms, months: int) -> bool:
    quoted = terms.disbursed_on
    follows = terms.first_due_on == months_after(quoted, months, quoted.day)
    return follows and terms.anchor_day in (quoted.day, terms.first_due_on.day)
