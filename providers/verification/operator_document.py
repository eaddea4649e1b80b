"""What an operator's report holds, and the aggregates of it that a decision may read.

The document names whom the applicant called, people whom nobody asked: it is read once, and nothing
of it is kept but the facts, counts and sums without any number or name, of each of its nine parts.
"""

from datetime import datetime, time, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from providers.http.wire import CodeText, PersonalReceived
from providers.verification.data_import import (
    Currency,
    Day,
    ImportedFacts,
    Instant,
    Minor,
    Month,
    SignedMinor,
    completed_months,
)

Carrier = CodeText
"""`mobile`, `unicom`, `telecom`, `broadnet` or `virtual`, or one that we do not know."""

Direction = CodeText
Label = CodeText
"""What the source knows of the other side of a call, such as `lender`, `collector` or `gambling`;
most numbers have no label."""

PhoneNumber = Annotated[str, Field(max_length=64)]
"""As the operator bills it: a number that was withheld may be a word or nothing."""

POLICE = frozenset({"110"})
MACAU = ("+853", "00853")
MAINLAND = ("+86", "0086")
SILENCE_WINDOW_DAYS = 30
NIGHT_BEGINS, NIGHT_ENDS = time(23), time(6)


class Basics(PersonalReceived):
    """The account: in whose name, since when. The balance may be owed (below zero)."""

    carrier: Carrier
    real_name: bool
    name_matches: bool
    identity_matches: bool
    active: bool
    joined_on: Day
    balance: SignedMinor
    region: str = Field(min_length=1, max_length=100)


class Package(PersonalReceived):
    """A tariff in use."""

    name: str = Field(min_length=1, max_length=100)
    monthly_fee: Minor
    started_on: Day


class Bill(PersonalReceived):
    """A month's bill."""

    month: Month
    amount: Minor
    paid: bool


class PhoneCall(PersonalReceived):
    """A call from or to the applicant's number, as the operator billed it."""

    at: Instant
    number: PhoneNumber
    direction: Direction
    seconds: Annotated[int, Field(ge=0, le=604_800)]
    label: Label | None = None


class TextMessage(PersonalReceived):
    """One text message, without its text."""

    at: Instant
    number: PhoneNumber
    direction: Direction


class TopUp(PersonalReceived):
    """Money put on the account."""

    at: Instant
    amount: Minor


class Points(PersonalReceived):
    """A month's bonus points."""

    month: Month
    earned: Annotated[int, Field(ge=0, le=100_000_000)]
    balance: Annotated[int, Field(ge=0, le=100_000_000)]


class Traffic(PersonalReceived):
    """A month's data traffic."""

    month: Month
    megabytes: Annotated[int, Field(ge=0, le=100_000_000)]


class ShortNumber(PersonalReceived):
    """A short number of a family's or company's group."""

    number: PhoneNumber
    group: CodeText


class OperatorDocument(PersonalReceived):
    """The whole report. Amounts are minor units of `currency`; lists are bounded."""

    currency: Currency
    captured_at: Instant
    basics: Basics
    packages: Annotated[tuple[Package, ...], Field(max_length=50)] = ()
    bills: Annotated[tuple[Bill, ...], Field(max_length=24)] = ()
    calls: Annotated[tuple[PhoneCall, ...], Field(max_length=10_000)] = ()
    messages: Annotated[tuple[TextMessage, ...], Field(max_length=10_000)] = ()
    top_ups: Annotated[tuple[TopUp, ...], Field(max_length=200)] = ()
    points: Annotated[tuple[Points, ...], Field(max_length=24)] = ()
    traffic: Annotated[tuple[Traffic, ...], Field(max_length=24)] = ()
    short_numbers: Annotated[tuple[ShortNumber, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _nothing_is_later_than_the_data_import(self) -> Self:
        instants = [call.at for call in self.calls]
        instants += [message.at for message in self.messages]
        instants += [top_up.at for top_up in self.top_ups]
        if any(at > self.captured_at for at in instants):
            raise ValueError("a report tells of the time before it was imported")
        if self.basics.joined_on > self.captured_at.date():
            raise ValueError("nobody joins after the report was imported")
        months = [bill.month for bill in self.bills]
        if len(set(months)) < len(months):
            raise ValueError("a month has one bill")
        return self


class OperatorFacts(ImportedFacts):
    """Aggregates without personal data; days and nights are those of the report's own offset.

    `silent_days_30d` counts the last 30 days without a call, up to the day of data import;
    `average_bill`, `points_balance` (of the newest month) and `average_megabytes` are None without
    a month. `emergency_contacts_called` is None where nothing was compared: the contacts are not
    known, or the applicant does not allow it. Thresholds belong to the decision policy.
    """

    months_on_network: int
    real_name: bool
    name_matches: bool
    identity_matches: bool
    active: bool
    carrier: Carrier
    currency: str
    months_billed: int
    average_bill: int | None
    unpaid_bills: int
    calls: int
    distinct_numbers: int
    night_calls: int
    silent_days_30d: int
    police_calls: int
    macau_calls: int
    lender_calls: int
    collector_calls: int
    messages: int
    top_ups: int
    top_up_amount: int
    packages: int
    monthly_fees: int
    points_balance: int | None
    average_megabytes: int | None
    short_numbers: int
    emergency_contacts_called: int | None

    @property
    def mismatch(self) -> str | None:
        """The code of why the account is not the applicant's, None if it is."""
        if not self.real_name:
            return "not_real_name"
        if not self.identity_matches:
            return "identity_mismatch"
        return None if self.name_matches else "name_mismatch"


def facts_of(
    document: OperatorDocument, emergency_mobiles: frozenset[str] | None = None
) -> OperatorFacts:
    """Return the aggregates; `emergency_mobiles` are looked up among the calls and counted.

    None: nothing is compared.
    """
    basics, calls, bills = document.basics, document.calls, document.bills
    newest = max(document.points, key=lambda points: points.month, default=None)
    traffic = [month.megabytes for month in document.traffic]
    numbers = {_national(call.number) for call in calls}
    return OperatorFacts(
        months_on_network=completed_months(basics.joined_on, document.captured_at.date()),
        real_name=basics.real_name,
        name_matches=basics.name_matches,
        identity_matches=basics.identity_matches,
        active=basics.active,
        carrier=basics.carrier,
        currency=document.currency,
        months_billed=len(bills),
        average_bill=sum(bill.amount for bill in bills) // len(bills) if bills else None,
        unpaid_bills=sum(not bill.paid for bill in bills),
        calls=len(calls),
        distinct_numbers=len(numbers),
        night_calls=sum(
            _at_night(call.at.astimezone(document.captured_at.tzinfo)) for call in calls
        ),
        silent_days_30d=_silent_days(document),
        police_calls=sum(_national(call.number) in POLICE for call in calls),
        macau_calls=sum(call.number.startswith(MACAU) for call in calls),
        lender_calls=sum(call.label == "lender" for call in calls),
        collector_calls=sum(call.label == "collector" for call in calls),
        messages=len(document.messages),
        top_ups=len(document.top_ups),
        top_up_amount=sum(top_up.amount for top_up in document.top_ups),
        packages=len(document.packages),
        monthly_fees=sum(package.monthly_fee for package in document.packages),
        points_balance=newest.balance if newest else None,
        average_megabytes=sum(traffic) // len(traffic) if traffic else None,
        short_numbers=len(document.short_numbers),
        emergency_contacts_called=_called(numbers, emergency_mobiles),
    )


def _called(numbers: set[str], mobiles: frozenset[str] | None) -> int | None:
    return None if mobiles is None else len(numbers & {_national(mobile) for mobile in mobiles})


def _silent_days(document: OperatorDocument) -> int:
    zone, last = document.captured_at.tzinfo, document.captured_at.date()
    window = {last - timedelta(days=ago) for ago in range(SILENCE_WINDOW_DAYS)}
    return len(window - {call.at.astimezone(zone).date() for call in document.calls})


def _at_night(at: datetime) -> bool:
    return at.time() >= NIGHT_BEGINS or at.time() < NIGHT_ENDS


def _national(number: str) -> str:
    """Return the number without the mainland's prefix, so that both ways of writing are one."""
    for prefix in MAINLAND:
        if number.startswith(prefix):
            return number.removeprefix(prefix)
    return number
