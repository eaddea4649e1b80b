"""Every kind of definition: the one list to which an area adds its own."""

from collections.abc import Mapping
from typing import Any, Final

from domain.cases.strategy import REVIEW_STRATEGY
from domain.collections import COLLECTIONS_LADDER
from domain.common.business_days import HOLIDAY_CALENDAR
from domain.common.definitions import Kind
from domain.common.reject_codes import REJECT_CODES
from domain.common.retention import RETENTION
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from domain.credit_analysis.scr_consents import SCR_CONSENT_TEXT
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.customer_levels import CUSTOMER_LEVELS
from domain.decisioning.facts import FACT_CATALOGUE
from domain.decisioning.lists import LIST_POLICY
from domain.loans.account_mapping import ACCOUNT_MAPPING
from domain.loans.contract import CONTRACT_TEMPLATE
from domain.loans.servicing import SERVICING_POLICY
from domain.messaging.contact_limits import CONTACT_LIMITS
from domain.messaging.templates import MESSAGE_TEMPLATE
from domain.people.authority import AUTHORITY_MATRIX
from domain.people.consents import CONSENT_TEXT
from domain.precredit import CAMPAIGN
from domain.pricing.rate_caps import RATE_CAPS
from domain.products.checks import PRODUCT
from domain.sources import SOURCE
from domain.verification.element_policies import ELEMENT_POLICIES

_KINDS: tuple[Kind[Any], ...] = (
    AUTHORITY_MATRIX,
    CONSENT_TEXT,
    CONTACT_LIMITS,
    MESSAGE_TEMPLATE,
    RATE_CAPS,
    SOURCE,
    REJECT_CODES,
    ELEMENT_POLICIES,
    FACT_CATALOGUE,
    RISK_POLICY,
    CUSTOMER_LEVELS,
    LIST_POLICY,
    COLLECTIONS_LADDER,
    SERVICING_POLICY,
    CONTRACT_TEMPLATE,
    HOLIDAY_CALENDAR,
    PRODUCT,
    CAMPAIGN,
    ACCOUNT_MAPPING,
    CREDIT_ANALYSIS_POLICY,
    SCR_CONSENT_TEXT,
    RETENTION,
    REVIEW_STRATEGY,
)

KINDS: Final[Mapping[str, Kind[Any]]] = {kind.name: kind for kind in _KINDS}
"""The kinds by name."""
