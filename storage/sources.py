# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Enquiries at third parties: who may ask now, what is known already, and what it came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from pydantic import Json

from domain.people.consents import ConsentMissing, Purpose
from storage.common.repository import RowRepository, stored
from storage.common.rows import Row

Outcome = Literal[
    "match", "mismatch", "unavailable", "rejected", "unsent", "lost", "reused", "exhausted"
]
"""How an attempt ended. `unsent` never reached the source; of a `lost` one nobody knows the end;
`reused` cost nothing; `exhausted` was not made, the day's quota being used up."""

_ANSWER: Final = "enquiries.answer"


@dataclass(frozen=True)
class Attempt:
    """An enquiry about to be made, under the version of the source's profile that is in force.

    `purposes` are what the applicant must have consented to, the one that is recorded last.
    `input` decides which questions are equal; it is personal data.

    `asked` is its masked form, `quota` the calls allowed on `business_date` (None: any number),
    `lost_cost` what it is taken to cost should its end never be recorded. Calls to the source lie
    `gap` apart, whoever makes them (None: no limit); a slot further ahead than `max_slot_wait` is
    not taken.
    """

    source: str
    definition: str
    capability: str
    operation: str
    request_id: str
    applicant_id: str | None
    application_id: str | None
    purposes: tuple[Purpose, ...]
    input: str = field(repr=False)
    asked: Mapping[str, Any]
    at: datetime
    business_date: date
    quota: int | None
    currency: str
    lost_cost: int
    lease: timedelta
    gap: timedelta | None
    max_slot_wait: timedelta


@dataclass(frozen=True)
class Ask:
    """The question is ours for the time of the lease: ask when its slot comes, then `finish`.

    `wait` is the time until then, `asked_today` what counts against the day's quota, this included.
    """

    enquiry: int
    wait: timedelta
    asked_today: int


@dataclass(frozen=True)
class Known:
    """An answer that still counts, as it was stored; personal data."""

    enquiry: int
    answer: str = field(repr=False)


@dataclass(frozen=True)
class NotNow:
    """No call is to be made.

    `on_its_way`: an equal question is being asked; `not_asked`: the caller may not ask and nothing
    is known; `exhausted`: the day's quota is used up; `throttled`: the next slot is `wait` away,
    which is too far, and was not taken.
    """

    why: Literal["on_its_way", "not_asked", "exhausted", "throttled"]
    wait: timedelta | None = None


@dataclass(frozen=True)
class Completion:
    """How an attempt ended; `answer`, to be reused until `valid_until`, is personal data."""

    outcome: Outcome
    code: str | None
    milliseconds: int
    cost: int
    answered: Mapping[str, Any] | None = None
    answer: str | None = field(default=None, repr=False)
    valid_until: datetime | None = None


class EnquiryRow(Row):
    """One attempt as audited, without personal data; `cost` in minor units."""

    id: int
    source: str
    definition: str | None
    capability: str
    operation: str
    applicant_id: str | None
    application_id: str | None
    request_id: str
    consent_id: str | None
    asked: Json[dict[str, Any]]
    state: Literal["asking", "done"]
    outcome: Outcome | None
    code: str | None
    answered: Json[dict[str, Any]] | None
    valid_until: datetime | None
    reused: int | None
    milliseconds: int | None
    business_date: date
    cost: int
    currency: str
    asked_at: datetime


class UsageRow(Row):
    """What a source was asked on one business date; `cost` in minor units."""

    source: str
    business_date: date
    currency: str
    asked: int
    answered: int
    failed: int
    reused: int
    cost: int


class EnquiryRepository(RowRepository[EnquiryRow]):
    """The enquiries."""

    table = "enquiries"
    row = EnquiryRow

    async def begin(
        self, attempt: Attempt, *, may_ask: bool = True, reuse: bool = True
    ) -> Ask | Known | NotNow:
        """Return the answer that counts, the right to ask, or why neither is to be had.

        One statement decides, equal questions one after the other. A stored answer counts for the
        enquiry that got it for ever, for others while it is valid; without `reuse` it does not.
        Raises `ConsentMissing`, and has done nothing then.
        """
        record = await self._connection.fetchrow(
            "with given as (select distinct on (c.purpose) c.purpose, c.id from consents c"
            " where c.applicant_id = $4 and c.purpose = any($7::text[]) and not exists"
            " (select from consent_revocations r where r.consent_id = c.id)"
            " order by c.purpose, c.given_at desc, c.id desc),"
            " allowed as (select count(*) = cardinality($7::text[]) as by_all,"
            " max(id) filter (where purpose = ($7::text[])[cardinality($7::text[])]) as consent"
            " from given)"
            " select step, enquiry, answer, asked_today, wait from allowed cross join lateral"
            " enquiry_begin($1, $2, $3, $4, $5, $6, allowed.consent, $8, $9, $10, $11, $12, $13,"
            " $14, $15, $16, $17, $18, $19, $20) where allowed.by_all",
            attempt.source,
            attempt.capability,
            attempt.operation,
            attempt.applicant_id,
            attempt.application_id,
            attempt.request_id,
            list(attempt.purposes),
            self._blind_index.of(f"enquiry:{attempt.capability}", attempt.input),
            stored(attempt.asked),
            attempt.at,
            attempt.business_date,
            attempt.quota,
            attempt.currency,
            attempt.lost_cost,
            attempt.lease,
            may_ask,
            reuse,
            attempt.gap,
            attempt.max_slot_wait,
            attempt.definition,
        )
        if record is None:
            raise ConsentMissing(f"no consent to {' and '.join(attempt.purposes)} in force")
        match record["step"]:
            case "ask":
                return Ask(record["enquiry"], record["wait"], record["asked_today"])
            case "reused":
                enquiry = record["enquiry"]
                return Known(enquiry, self._decrypt(_ANSWER, enquiry, record["answer"]))
            case why:
                return NotNow(why, record["wait"])

    async def finish(self, enquiry: int, completion: Completion) -> bool:
        """Record how an attempt ended and count it; False when it was given up as lost before.

        What was `unsent` does not count against the quota.
        """
        return await self._changed(
            "with ended as (update enquiries set state = 'done', leased_until = null,"
            " outcome = $2, code = $3, milliseconds = $4, cost = $5, answered = $6,"
            " answer_enc = $7, valid_until = $8 where id = $1 and state = 'asking'"
            " returning source, business_date, currency)"
            " update enquiry_usage u set cost = u.cost + $5,"
            " asked = u.asked - ($2 = 'unsent')::integer,"
            " answered = u.answered + ($6::jsonb is not null)::integer,"
            " failed = u.failed + ($6::jsonb is null and $2 <> 'unsent')::integer"
            " from ended where u.source = ended.source"
            " and u.business_date = ended.business_date and u.currency = ended.currency",
            enquiry,
            completion.outcome,
            completion.code,
            completion.milliseconds,
            completion.cost,
            stored(completion.answered),
            self._encrypt(_ANSWER, enquiry, completion.answer),
            completion.valid_until,
        )

    async def of_application(self, application_id: str) -> list[EnquiryRow]:
        """Return every attempt made for an application, the first one first."""
        return await self._list("application_id = $1 order by id", application_id)

    async def usage(self, since: date, until: date) -> list[UsageRow]:
        """Return what was asked and what it cost on the business dates `since` to `until`."""
        return await self._all(
            UsageRow,
            f"select {UsageRow.columns()} from enquiry_usage"
            " where business_date between $1 and $2"
            " order by business_date, source, currency",
            since,
            until,
        )
