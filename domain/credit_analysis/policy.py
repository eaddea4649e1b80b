"""What a credit analysis can come to, and the thresholds by which it does.

Thresholds are data, in versions: an analysis keeps the one that it began with. They are proposals,
not rules of law; `domain.credit_analysis.rules` applies them.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from domain.credit_analysis.errors import UnknownPolicy

ZONE: Final = ZoneInfo("America/Sao_Paulo")
"""Whose calendar dates an analysis by; built here because workflows may not open files."""


class ScoreCard(BaseModel):
    """Points of the internal score, which runs from 300 to 1000."""

    model_config = ConfigDict(frozen=True)

    base: int = 500
    for_each_year: int = 15
    most_years: int = 10
    comfortable_income: Decimal = Decimal(10)
    for_comfortable_income: int = 150
    for_sufficient_income: int = 80
    for_full_coverage: int = 100
    for_each_adverse_fact: int = -120


class AnalysisPolicy(BaseModel):
    """Thresholds. Ages in whole months or years, amounts in centavos, ratios of means to need.

    `external_opinion` asks another analyst as well. `assumed_cdi` is in percent a year. Coverage is
    asked for from `coverage_needed_from` on. A guarantor or shareholder younger than
    `reprove_person_younger_than_years` is referred.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    external_opinion: bool = False
    reprove_company_younger_than_months: int = 6
    refer_company_younger_than_months: int = 12
    reprove_person_younger_than_years: int = 18
    reprove_income_below: Decimal = Decimal("1.2")
    refer_income_below: Decimal = Decimal(3)
    refer_coverage_below: Decimal = Decimal(1)
    coverage_needed_from: int = 50_000_000
    reprove_adverse_facts_from: int = 3
    refer_adverse_facts_from: int = 1
    reprove_score_below: int = 450
    refer_score_below: int = 600
    refer_amount_above: int = 500_000_000
    assumed_cdi: Decimal = Decimal("13.65")
    score_card: ScoreCard = ScoreCard()
    review_days: int = 5
    data_days: int = 30


STANDARD: Final = "standard"
WITH_OPINION: Final = "with_opinion"

POLICIES: Final[Mapping[str, AnalysisPolicy]] = MappingProxyType(
    {
        STANDARD: AnalysisPolicy(version="credit-analysis-2026.2"),
        WITH_OPINION: AnalysisPolicy(
            version="credit-analysis-opinion-2026.2", external_opinion=True
        ),
    }
)


def policy_of(name: str) -> AnalysisPolicy:
    """Return the policy `name`; raises UnknownPolicy."""
    policy = POLICIES.get(name)
    if policy is None:
        raise UnknownPolicy("no such decision policy")
    return policy
