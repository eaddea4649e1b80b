"""Pre-credit: limits that customers with a good history are granted without asking for them."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final

from pydantic import Field

from domain.common.definitions import Code, Content, Finding, InForce, Kind
from domain.common.money import PositiveAmount
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.policies import Policy, Stage
from domain.products.checks import PRODUCT
from domain.products.products import Product


class Campaign(Content):
    """Who is granted a limit, by which policy, from the one day to the other.

    Every day it goes through the customers who settled `settled_loans_at_least` loans, `page` at a
    time and at most `customers_per_run` in a run of ten minutes. Nobody is granted more than
    `amount_most` (minor units), nor anything twice. A limit counts for `valid_days` days, the first
    included.
    """

    product: Code
    policy: Code = "pre-credit"
    begins_on: date
    ends_on: date
    instalments: int = Field(strict=True, ge=1, le=600)
    amount_most: PositiveAmount
    valid_days: int = Field(strict=True, ge=1, le=365)
    page: Annotated[int, Field(strict=True, ge=1, le=500)] = 100
    customers_per_run: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 2_000
    settled_loans_at_least: int = Field(default=1, strict=True, ge=1, le=100)

    def runs_on(self, day: date) -> bool:
        """Say whether limits are granted on a day."""
        return self.begins_on <= day <= self.ends_on


def check_campaign(campaign: Campaign, others: InForce) -> Iterator[Finding]:
    """Say what is wrong with a campaign: days, product, policy, amounts."""
    if campaign.ends_on < campaign.begins_on:
        yield Finding("ends_on", "lies before begins_on", campaign.begins_on.isoformat())
    if campaign.customers_per_run < campaign.page:
        yield Finding("customers_per_run", "is less than one page", str(campaign.page))
    product = others.find(PRODUCT.name, campaign.product)
    if not isinstance(product, Product):
        yield Finding("product", f"there is no product {campaign.product!r}: release it first")
    else:
        if campaign.amount_most > product.amount_max:
            yield Finding("amount_most", "is more than the product lends", str(product.amount_max))
        if campaign.instalments not in product.instalments:
            offered = ", ".join(str(one) for one in product.instalments)
            yield Finding("instalments", "is not offered by the product", offered)
    policy = others.find(RISK_POLICY.name, campaign.policy)
    if not isinstance(policy, Policy):
        yield Finding("policy", f"there is no risk_policy {campaign.policy!r}: release it first")
    elif policy.stage is not Stage.PRE_CREDIT:
        yield Finding("policy", f"is of the stage {policy.stage}", Stage.PRE_CREDIT)


CAMPAIGN: Final = Kind("campaign", Campaign, check_campaign)
