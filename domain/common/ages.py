"""How old a person is on a day, as the law counts."""

from datetime import date, timedelta
from enum import StrEnum


class AgeTurn(StrEnum):
    """When a person is a year older.

    * `birthday`: as the birthday begins (England and Wales, Family Law Reform Act 1969, section 9;
      Germany, BGB section 187(2); Brazil).
    * `day_after`: when it is over (China, Supreme People's Court, Fa Shi [2006] No. 1, article 2:
      full years run from the day after the birthday).

    Who was born on 29 February has the birthday on 1 March in other years.
    """

    BIRTHDAY = "birthday"
    DAY_AFTER = "day_after"


def age_on(birth_date: date, on: date, turns: AgeTurn = AgeTurn.BIRTHDAY) -> int:
    """Return completed years of age on a date."""
    if turns is AgeTurn.DAY_AFTER:
        on -= timedelta(days=1)
    before_birthday = (on.month, on.day) < (birth_date.month, birth_date.day)
    return max(on.year - birth_date.year - before_birthday, 0)
