"""The typed search attributes that workflows set and operators filter by.

They are stored in plaintext and indexed: opaque ids, codes, counts and instants only. On a server
with SQL visibility a namespace has room for 10 keywords and 3 each of the other types, which is
the budget kept here.
"""

from datetime import datetime
from typing import Any, Final

from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey

APPLICATION_STATE: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword(
    "ApplicationState"
)
LOAN_STATE: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword("LoanState")
ANALYSIS_STATUS: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword("AnalysisStatus")
CHANNEL: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword("Channel")
PRODUCT: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword("Product")
CUSTOMER_REF: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword("CustomerRef")
"""The applicant's opaque id, never a name or a number of theirs."""
DELINQUENCY_BUCKET: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword(
    "DelinquencyBucket"
)
WAITING: Final[SearchAttributeKey[str]] = SearchAttributeKey.for_keyword("Waiting")
"""What the process waits for: `applicant`, `provider`, `reviewer`, `due_date`, ..."""
NEEDS_HUMAN: Final[SearchAttributeKey[bool]] = SearchAttributeKey.for_bool("NeedsHuman")
NEXT_DUE_AT: Final[SearchAttributeKey[datetime]] = SearchAttributeKey.for_datetime("NextDueAt")
DAYS_PAST_DUE: Final[SearchAttributeKey[int]] = SearchAttributeKey.for_int("DaysPastDue")

ALL: Final[tuple[SearchAttributeKey[Any], ...]] = (
    APPLICATION_STATE,
    LOAN_STATE,
    ANALYSIS_STATUS,
    CHANNEL,
    PRODUCT,
    CUSTOMER_REF,
    DELINQUENCY_BUCKET,
    WAITING,
    NEEDS_HUMAN,
    NEXT_DUE_AT,
    DAYS_PAST_DUE,
)

_CLI_TYPES: Final = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.INT: "Int",
    SearchAttributeIndexedValueType.BOOL: "Bool",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
}


def dev_server_types() -> dict[str, str]:
    """Return name and type of each attribute as `temporal ... --search-attribute` spells them."""
    return {key.name: _CLI_TYPES[key.indexed_value_type] for key in ALL}
