"""What leaves an activity names codes and classes and never what a person or a row said."""

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from activities.common.performing import failure_of
from domain.common.errors import UnbalancedEntry
from domain.lines import LimitExceeded
from providers.http.errors import OutcomeUnknown, ProviderRejected
from runtime.keyring import Tampered
from storage.database import Database

CANARY = "130100198501019012"


def test_a_domain_error_is_final_and_keeps_its_class() -> None:
    failure = failure_of(UnbalancedEntry("cash moved by 1"))
    assert (failure.type, failure.non_retryable) == ("UnbalancedEntry", True)
    assert failure.category is ApplicationErrorCategory.UNSPECIFIED
    assert failure_of(LimitExceeded("x")).category is ApplicationErrorCategory.BENIGN


@pytest.mark.parametrize(
    ("error", "type_", "message"),
    [
        (ProviderRejected("payments", "http_401"), "ProviderRejected", "payments: http_401"),
        (OutcomeUnknown("payments", "timeout", "D-1"), "OutcomeUnknown", "payments: timeout"),
        (ConnectionRefusedError(CANARY), "RecordUnavailable", "ConnectionRefusedError"),
        (asyncpg.InterfaceError(CANARY), "RecordUnavailable", "InterfaceError"),
        (Tampered("was changed"), "Tampered", "was changed"),
        (RPCError(CANARY, RPCStatusCode.UNAVAILABLE, b""), "EngineUnavailable", "UNAVAILABLE"),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception, type_: str, message: str) -> None:
    failure = failure_of(error)
    assert (failure.type, failure.message, failure.non_retryable) == (type_, message, False)


def test_a_bug_tells_where_and_not_what() -> None:
    def stumble() -> None:
        raise ValueError(CANARY)

    with pytest.raises(ValueError, match=CANARY) as caught:
        stumble()
    failure = failure_of(caught.value)
    assert (failure.type, failure.non_retryable) == ("InternalError", False)
    assert failure.message.startswith("ValueError in stumble:")


def test_what_is_told_already_stays() -> None:
    told = ApplicationError("as is", type="Told")
    assert failure_of(told) is told


async def test_a_row_that_the_record_refuses_is_not_quoted(database: Database) -> None:
    async with database.autocommit() as tx:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await tx.connection.execute(
                "insert into callbacks (event_id, order_no, body_sha256, body)"
                " values ($1, 'x', '', null)",
                CANARY,
            )
    assert CANARY in str(refused.value.detail)
    failure = failure_of(refused.value)
    assert (failure.type, failure.message) == ("RecordError", "SQLSTATE 23502")
