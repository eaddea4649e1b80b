"""The review strategy: which queue a review goes to, its time, and when it takes two people.

A definition in force: read by whatever opens, hands out or decides a case, at that moment.
"""

import hashlib
from collections.abc import Collection, Iterator
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.cases.cases import Stage
from domain.common.currencies import MINOR_DIGITS
from domain.common.definitions import Code, Content, Finding, InForce, Kind
from domain.common.money import Amount
from domain.people.staff import Skill

STANDARD_STRATEGY: Final = "standard"
"""The code of the strategy that reviews follow."""

_SHARES: Final = 10_000

_Time = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))]


class SecondPersonReason(StrEnum):
    """Why a case takes a second person."""

    AUTHORITY = "authority"
    AMOUNT = "amount"
    SCORE = "score"
    RULE = "rule"
    SAMPLE = "sample"
    ESCALATED = "escalated"


class ReviewQueue(Content):
    """Where cases wait: of some stage, products and channels, for people with a skill.

    What is left out does not matter: a queue of no products takes those of all.
    """

    code: Code
    stage: Stage | None = None
    products: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    skill: Skill | None = None

    def takes(self, stage: Stage, product: str, channel: str) -> bool:
        """Say whether a case of this kind belongs here."""
        return (
            (self.stage is None or self.stage is stage)
            and (not self.products or product in self.products)
            and (not self.channels or channel in self.channels)
        )


class SecondReview(Content):
    """When an approval takes a second person, the final stage.

    `amounts` are minor units by currency, from which on it does; `score_below` is the bureau's
    score; `rules` are those of the decision policy that no single person may override; `share` is
    the part of all other cases that is drawn by a stable hash of the case, from 0 to 1 in steps of
    0.0001. What the authority matrix lets nobody do alone takes a second person in any case.
    """

    amounts: dict[str, Amount] = Field(default={})
    score_below: int | None = Field(default=None, strict=True)
    rules: tuple[str, ...] = ()
    share: Decimal = Field(default=Decimal(0), ge=0, le=1, max_digits=5, decimal_places=4)


class Calls(Content):
    """How often a number is called for a case, how long to wait between, and by which scripts."""

    most: int = Field(ge=1, le=10, strict=True)
    pause: _Time
    scripts: tuple[Code, ...] = Field(min_length=1)


class ReviewStrategy(Content):
    """How applications are reviewed.

    The initial stage is due when its product says (`review_within`), the final one `final_within`
    later than it begins. A case that is late goes to people with `escalation_skill`. A claim ends
    after `claim_for` unless it is renewed. With `least_loaded` a new case is assigned to whoever
    has the fewest, up to `max_open` each; with `pull` people take the next one themselves.
    """

    queues: tuple[ReviewQueue, ...] = Field(min_length=1)
    second_review: SecondReview = SecondReview()
    final_within: _Time
    escalation_skill: Skill
    claim_for: _Time
    assignment: Literal["pull", "least_loaded"] = "pull"
    max_open: int = Field(default=20, ge=1, strict=True)
    calls: Calls

    def queue_of(self, stage: Stage, product: str, channel: str) -> ReviewQueue:
        """Return the first queue that takes such a case; the check sees to it that one does."""
        return next(queue for queue in self.queues if queue.takes(stage, product, channel))

    def second_person_reason(
        self, *, case_id: str, amount: int, currency: str, score: int | None, rules: Collection[str]
    ) -> SecondPersonReason | None:
        """Return why approving a case takes a second person, None if it does not.

        `amount` is in minor units of `currency`, `score` the bureau's (None: not known, which is
        below any), `rules` those that referred the case and that an approval overrides.
        """
        second = self.second_review
        if currency in second.amounts and amount >= second.amounts[currency]:
            return SecondPersonReason.AMOUNT
        if second.score_below is not None and (score is None or score < second.score_below):
            return SecondPersonReason.SCORE
        if set(rules) & set(second.rules):
            return SecondPersonReason.RULE
        if is_sampled(case_id, second.share):
            return SecondPersonReason.SAMPLE
        return None


def is_sampled(case_id: str, share: Decimal) -> bool:
    """Say whether a case belongs to the share (0 to 1) that is drawn: the same at every asking.

    A larger share has every case that a smaller one has.
    """
    digest = hashlib.sha256(f"second review\x1f{case_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % _SHARES < share * _SHARES


def _check(strategy: ReviewStrategy, others: InForce) -> Iterator[Finding]:
    codes: set[str] = set()
    for number, queue in enumerate(strategy.queues):
        if queue.code in codes:
            yield Finding(f"queues.{number}.code", "another queue has this code", "reviews_2")
        codes.add(queue.code)
    for stage in Stage:
        catches = [
            queue
            for queue in strategy.queues
            if queue.stage in (None, stage) and not queue.products and not queue.channels
        ]
        if not catches:
            yield Finding(
                "queues",
                f"no queue takes every case of the {stage} stage",
                f'{{ code = "{stage}", stage = "{stage}" }} as the last one',
            )
    for currency in sorted(set(strategy.second_review.amounts) - set(MINOR_DIGITS)):
        yield Finding(f"second_review.amounts.{currency}", "no such currency", "CNY")


REVIEW_STRATEGY: Final = Kind("review_strategy", ReviewStrategy, _check)
"""The kind; `standard` is the one in force."""
