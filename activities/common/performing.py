"""How a method becomes the activity of a call, and how its errors leave the process.

Temporal stores failures, so none may quote a person, a statement or a row: what goes out is the
class of an error, a code of fixed form, and the messages of our own domain errors.
"""

import functools
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar, cast

import asyncpg
import structlog
from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from domain.applications.application import InvalidReview, ReviewClosed
from domain.cases.cases import CaseClaimed, SecondReviewerNeeded
from domain.common.errors import DomainError
from domain.common.suspensions import Suspended
from domain.lines import LimitExceeded, LineBlocked, LineClosed, QuoteUnusable
from domain.loans.repayment import RepaymentInFlight
from domain.people.authority import NotAuthorised
from messages.calls import Call
from providers.http.errors import ProviderError, ProviderUnavailable
from runtime.keyring import KeyringError

Owner = TypeVar("Owner")
Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel | None)

_log = structlog.stdlib.get_logger(__name__)

_EXPECTED: Final = (
    LimitExceeded,
    LineBlocked,
    LineClosed,
    QuoteUnusable,
    CaseClaimed,
    InvalidReview,
    NotAuthorised,
    RepaymentInFlight,
    ReviewClosed,
    SecondReviewerNeeded,
    Suspended,
)
"""Refusals that are the caller's business and nobody's fault: they are no failure in metrics."""


class PerformedCall(Protocol):
    """An activity that says which call it performs."""

    call: Call[Any, Any]

    def __call__(self, request: Any, /) -> Awaitable[Any]:
        """Perform the call."""


def performs(
    call: Call[Input, Result],
) -> Callable[
    [Callable[[Owner, Input], Awaitable[Result]]], Callable[[Owner, Input], Awaitable[Result]]
]:
    """Make a method the activity of `call`, with its input, result and name."""

    def decorate(
        method: Callable[[Owner, Input], Awaitable[Result]],
    ) -> Callable[[Owner, Input], Awaitable[Result]]:
        @functools.wraps(method)
        async def perform(self: Owner, request: Input) -> Result:
            try:
                return await method(self, request)
            except Exception as error:  # noqa: BLE001 -- whatever it is must not leave as it is
                failure = failure_of(error)
            raise failure

        cast(PerformedCall, perform).call = call
        return activity.defn(name=call.name)(perform)

    return decorate


def failure_of(error: Exception) -> ApplicationError:
    """Return `error` as Temporal may store it.

    A domain error is final and has its class as type, as if the workflow had raised it; everything
    else is tried again.
    """
    match error:
        case ApplicationError():
            return error
        case DomainError():
            return _refusal(error)
        case ProviderError():
            wish = error.retry_after if isinstance(error, ProviderUnavailable) else None
            return ApplicationError(str(error), type=type(error).__name__, next_retry_delay=wish)
        case asyncpg.PostgresError():
            return ApplicationError(f"SQLSTATE {error.sqlstate}", type="RecordError")
        case asyncpg.InterfaceError() | OSError():
            return ApplicationError(type(error).__name__, type="RecordUnavailable")
        case KeyringError():
            return ApplicationError(str(error), type=type(error).__name__)
        case RPCError():
            return ApplicationError(error.status.name, type="EngineUnavailable")
        case _:
            return _unforeseen(error)


def _refusal(error: DomainError) -> ApplicationError:
    expected = isinstance(error, _EXPECTED)
    return ApplicationError(
        error.message,
        type=type(error).__name__,
        non_retryable=True,
        category=(
            ApplicationErrorCategory.BENIGN if expected else ApplicationErrorCategory.UNSPECIFIED
        ),
    )


def _unforeseen(error: Exception) -> ApplicationError:
    """Tell where it happened, not what was said: the message may quote a person."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.name}:{frame.lineno}"
    _log.error("activity_bug", error_type=type(error).__name__, place=place)
    return ApplicationError(f"{type(error).__name__} in {place}", type="InternalError")
