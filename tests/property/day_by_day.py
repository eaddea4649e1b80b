"""A loan lived one day at a time, in fractions and plain Python: no code shared with `domain`.

Day counts, due dates, levels, allocation and penalty are all worked out here anew, from what the
terms mean (docs/money.md), so that a fault of the engine is not repeated.
"""

from calendar import isleap, monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction


def nearest(amount: Fraction) -> int:
    """Round to whole minor units, halves away from zero."""
    return int(amount + Fraction(1, 2))


@dataclass
class Agreement:
    """What was agreed, in plain values; rates in percent a year."""

    principal: int
    rate: Fraction
    start: date
    dues: list[date]
    method: str
    day_count: str
    basis: str
    penalty_rate: Fraction = Fraction(0)
    penalty_base: str = "principal"
    grace: int = 0
    excess: str = "credit"
    balloon: int = 0
    free_grace: bool = False
    late_fee: int = 0
    late_after: int = 0


@dataclass
class Claim:
    """What one instalment asks for once it fell due, and what is left of that."""

    due: date
    principal: int
    interest: int
    penalty: Fraction = Fraction(0)
    penalty_paid: int = 0
    grown: int = 0
    fee: int = 0
    asked: int = 0

    def owed_penalty(self) -> int:
        return nearest(self.penalty) - self.penalty_paid

    def total(self) -> int:
        return self.unpaid() + self.owed_penalty()

    def unpaid(self) -> int:
        return self.principal + self.interest + self.fee


@dataclass
class Period:
    start: date
    end: date
    years: Fraction


def monthly_dues(first: date, count: int, anchor: int) -> list[date]:
    """Return due dates a month apart, on `anchor` or the last day of a shorter month."""
    dues = []
    for index in range(count):
        year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
        dues.append(date(year, month + 1, min(anchor, monthrange(year, month + 1)[1])))
    return dues


def thirty_days(start: date, end: date, *, american: bool) -> int:
    """Return the days between two dates in months of 30 days."""
    first, last = start.day, end.day
    if american:
        february = [d.month == 2 and (d + timedelta(days=1)).month == 3 for d in (start, end)]
        if all(february):
            last = 30
        if february[0]:
            first = 30
        if last == 31 and first in (30, 31):
            last = 30
        first = 30 if first == 31 else first
    else:
        first, last = min(first, 30), min(last, 30)
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first


def part_of_year(convention: str, period: Period, day: date) -> Fraction:
    """Return the part of a year that the night after `day` counts."""
    following = day + timedelta(days=1)
    match convention:
        case "actual_360" | "actual_364":
            return Fraction(1, int(convention[-3:]))
        case "actual_365_fixed":
            return Fraction(1, 365)
        case "actual_actual_isda":
            return Fraction(1, 366 if isleap(day.year) else 365)
        case "actual_actual_split":
            return Fraction(1, 366 if isleap(following.year) else 365)
        case "period":
            return period.years / (period.end - period.start).days
    american = convention == "thirty_360_us"
    until = thirty_days(period.start, following, american=american)
    return Fraction(until - thirty_days(period.start, day, american=american), 360)


@dataclass
class Life:
    """The loan from its disbursement on; `live` takes it through one day after another."""

    agreed: Agreement
    claims: list[Claim] = field(default_factory=list)
    credit: int = 0

    def __post_init__(self) -> None:
        agreed = self.agreed
        starts = [agreed.start, *agreed.dues]
        self.periods = [
            Period(start, end, Fraction(1, 12))
            for start, end in zip(starts, agreed.dues, strict=False)
        ]
        self.day = agreed.start
        self.rate = agreed.rate
        self.balance = agreed.principal
        self.running = 0
        self.last = len(self.periods) - 1
        self.pot = Fraction(0)
        self.carried = 0
        self.paid_early = 0
        self.billed = 0
        self.uncounted = 0
        self.asks = [0 for _ in self.periods]
        self.rows: list[tuple[int, int]] = []
        self.plan_from(0, agreed.principal)

    @property
    def daily(self) -> bool:
        return self.agreed.basis != "scheduled"

    @property
    def by_total(self) -> bool:
        return self.agreed.method in ("equal_instalment", "balloon")

    def earns(self, number: int, since: date) -> Fraction:
        """Return what 1 earns in a period from a day on."""
        period = self.periods[number]
        day, parts = max(since, period.start), Fraction(0)
        while day < period.end:
            parts += part_of_year(self.agreed.day_count, period, day)
            day += timedelta(days=1)
        return parts * self.rate / 100

    def plan_from(self, first: int, ahead: int) -> None:
        """Work out the instalments from `first` on, for the principal `ahead` of them."""
        numbers = range(first, self.last + 1)
        factors = [self.earns(number, self.day) for number in numbers]
        earned = self.pot + self.carried
        level = self.level(factors, ahead, earned)
        del self.rows[first:]
        for number, factor in zip(numbers, factors, strict=True):
            interest = nearest(earned + ahead * factor)
            if number == self.last:
                principal = ahead
            elif self.by_total:
                principal = min(max(level - interest, 0), ahead)
            else:
                principal = min(level, ahead)
            self.rows.append((principal, interest))
            self.asks[number] = principal + (interest if self.by_total else 0)
            ahead, earned = ahead - principal, Fraction(0)
        self.asks[self.last + 1 :] = [0 for _ in self.asks[self.last + 1 :]]

    def level(self, factors: list[Fraction], ahead: int, earned: Fraction) -> int:
        if self.agreed.method == "equal_principal":
            return nearest(Fraction(ahead, len(factors)))
        if not self.by_total:
            return 0
        discount, annuity = Fraction(1), Fraction(0)
        worth = Fraction(ahead)
        for index, factor in enumerate(factors):
            discount /= 1 + factor
            if index == 0:
                worth += earned * discount
            annuity += discount
        return nearest(max(worth - self.agreed.balloon * discount, Fraction(0)) / annuity)

    def live(self, events: list[tuple[str, int | Fraction]]) -> None:
        """Let one night pass, then take the events of the new day."""
        self.pass_night()
        self.take(events)

    def take(self, events: list[tuple[str, int | Fraction]]) -> None:
        """Take the events of the day in their order."""
        for kind, value in events:
            if kind == "paid":
                self.pay(int(value))
            else:
                self.change_rate(Fraction(value))

    def pass_night(self) -> None:
        period = self.periods[min(self.running, self.last)]
        base = self.balance if self.daily else self.planned_balance()
        part = part_of_year(self.agreed.day_count, period, self.day)
        self.pot += base * part * self.rate / 100
        self.day += timedelta(days=1)
        self.bear_penalties()
        self.charge_late_fees()
        if self.running <= self.last and self.periods[self.running].end == self.day:
            self.fall_due()
        if self.credit:
            self.pay(0)

    def planned_balance(self) -> int:
        return sum(principal for principal, _ in self.rows[self.running :])

    def bear_penalties(self) -> None:
        """Count the night that passed for each late claim, or once for the whole balance."""
        base = self.agreed.penalty_base
        if base == "balance":
            oldest = next((c for c in self.claims if c.unpaid() and c.due < self.day), None)
            if oldest is not None:
                self.uncounted = min(self.uncounted + 1, (self.day - oldest.due).days)
                if (self.day - oldest.due).days > self.agreed.grace:
                    free = self.agreed.grace if self.agreed.free_grace else 0
                    nights = min(self.uncounted, (self.day - oldest.due).days - free)
                    self.add_penalty(oldest, self.principal_owed(), nights)
                    self.uncounted = 0
            return
        for claim in self.claims:
            late = (self.day - claim.due).days
            if late <= self.agreed.grace:
                continue
            retroactive = late == self.agreed.grace + 1 and not self.agreed.free_grace
            self.add_penalty(claim, self.bears(claim), late if retroactive else 1)

    def bears(self, claim: Claim) -> int:
        billed = max(claim.interest - claim.grown, 0)
        match self.agreed.penalty_base:
            case "principal":
                return claim.principal
            case "interest":
                return billed
            case "amount":
                return claim.principal + billed + claim.fee
        return claim.asked if claim.unpaid() else 0

    def add_penalty(self, claim: Claim, base: int, nights: int) -> None:
        claim.penalty += base * nights * self.agreed.penalty_rate / 36_500

    def charge_late_fees(self) -> None:
        for claim in self.claims:
            missed = (self.day - claim.due).days == self.agreed.late_after + 1
            if self.agreed.late_fee and missed and claim.unpaid():
                claim.fee += self.agreed.late_fee

    def late_principal(self) -> int:
        return sum(claim.principal for claim in self.claims)

    def fall_due(self) -> None:
        number, ahead = self.running, self.balance - self.late_principal()
        principal, interest = self.rows[number]
        if self.daily:
            principal, interest, self.carried = self.asked(number, ahead)
        claim = Claim(self.periods[number].end, principal, interest - self.paid_early)
        claim.asked = principal + interest
        self.claims.append(claim)
        self.billed = interest
        if number < self.last or not self.daily:
            self.pot, self.paid_early = Fraction(0), 0
        self.running += 1

    def asked(self, number: int, ahead: int) -> tuple[int, int, int]:
        """Return principal and interest of an instalment that bills now, and what it leaves."""
        due = self.carried + nearest(self.pot)
        if number == self.last:
            return ahead, due, self.carried
        if not self.by_total:
            return min(self.asks[number], ahead), due, 0
        interest = min(due, self.asks[number])
        return min(self.asks[number] - interest, ahead), interest, due - interest

    def pay(self, amount: int) -> None:
        funds = self.credit + amount
        if self.daily:
            self.grow_last()
            if self.agreed.basis == "daily":
                self.take_earned_first()
        for claim in self.claims:
            penalty = min(funds, claim.owed_penalty())
            fee = min(funds - penalty, claim.fee)
            interest = min(funds - penalty - fee, claim.interest)
            principal = min(funds - penalty - fee - interest, claim.principal)
            claim.penalty_paid += penalty
            claim.fee -= fee
            claim.interest -= interest
            claim.principal -= principal
            self.balance -= principal
            funds -= penalty + fee + interest + principal
        if self.daily and funds and self.running <= self.last and self.balance:
            funds = self.pay_early(funds)
        self.credit = funds

    def grow_last(self) -> None:
        """Give the last instalment what was earned after it fell due; its parts round as one."""
        if self.running <= self.last:
            return
        claim = self.claims[-1]
        more = self.carried + nearest(self.pot) - self.billed
        claim.interest += more
        claim.grown += more
        self.billed += more

    def take_earned_first(self) -> None:
        late = [claim for claim in self.claims if claim.principal or claim.interest]
        if not late:
            return
        fresh = 0
        if self.running <= self.last:
            fresh = self.carried + nearest(self.pot) - self.paid_early
        pool = fresh + sum(claim.interest for claim in late)
        for claim in late:
            total = claim.principal + claim.interest
            claim.interest = min(pool, total)
            claim.principal = total - claim.interest
            pool -= claim.interest
        if self.running > self.last:
            self.pot, self.carried, self.billed = Fraction(0), 0, 0
        elif fresh:
            self.pot, self.carried = Fraction(0), self.paid_early + pool

    def pay_early(self, funds: int) -> int:
        """Pay before anything is due: interest earned so far, then principal."""
        if self.agreed.excess == "shorten_term":
            number = self.running
            _, interest, _ = self.asked(number, self.balance)
            taken = min(funds, interest - self.paid_early)
            self.paid_early += taken
            principal = min(funds - taken, self.balance)
            self.balance -= principal
            return funds - taken - principal
        number, carried, pot = self.running, self.carried, self.pot
        counted = self.paid_early
        while funds and number <= self.last and self.balance:
            due = carried + nearest(pot)
            principal, interest, left = self.balance, due, 0
            if number < self.last and self.by_total:
                interest = min(due, self.asks[number])
                principal, left = min(self.asks[number] - interest, self.balance), due - interest
            elif number < self.last:
                principal = min(self.asks[number], self.balance)
            owed = interest - counted
            to_interest = min(funds, owed)
            to_principal = min(funds - to_interest, principal)
            funds -= to_interest + to_principal
            self.balance -= to_principal
            self.asks[number] -= to_principal
            if number == self.running:
                self.paid_early += to_interest
            if to_interest < owed or to_principal < principal:
                break
            if self.by_total and number < self.last:
                self.end_early(number, left)
            carried, pot, counted = left, Fraction(0), 0
            number += 1
        return funds

    def end_early(self, number: int, left: int) -> None:
        """Let what is earned from now on come with the next instalment."""
        period, following = self.periods[number], self.periods[number + 1]
        whole = (period.end - period.start).days
        if whole:
            following.years += period.years * (period.end - self.day).days / whole
        following.start = period.end = self.day
        self.running = number + 1
        self.pot, self.carried, self.paid_early = Fraction(0), left, 0

    def change_rate(self, rate: Fraction) -> None:
        if rate == self.rate:
            return
        if self.daily and self.running <= self.last:
            self.last = self.needed()
        self.rate = rate
        if self.running <= self.last:
            ahead = self.planned_balance()
            if self.daily:
                ahead = self.balance - self.late_principal()
            self.plan_from(self.running, ahead)

    def needed(self) -> int:
        """Return the last instalment that has principal to repay, were all paid from now on."""
        ahead, earned = self.balance - self.late_principal(), self.pot + self.carried
        carried, needed = 0, self.running
        for number in range(self.running, self.last + 1):
            due = carried + nearest(earned + ahead * self.earns(number, self.day))
            principal = ahead
            if number < self.last:
                principal = min(self.asks[number], ahead)
                if self.by_total:
                    interest = min(due, self.asks[number])
                    principal, carried = min(self.asks[number] - interest, ahead), due - interest
            ahead, earned = ahead - principal, Fraction(0)
            if principal:
                needed = number
        return needed

    def principal_owed(self) -> int:
        return self.balance if self.daily else self.late_principal() + self.planned_balance()

    def owed(self) -> int:
        """Return what settles the loan today."""
        if self.daily:
            self.grow_last()
        total = sum(claim.total() for claim in self.claims)
        if self.running <= self.last:
            total += nearest(self.pot) + self.carried - self.paid_early
            total += self.balance - self.late_principal() if self.daily else self.planned_balance()
        return max(total - self.credit, 0)
