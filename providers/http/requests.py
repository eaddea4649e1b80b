"""Requests to third parties: each says itself where it goes and what answers it.

    class RealNameRequest(SourceRequest[VerificationResponse]):
        capability = Capability.REAL_NAME
        operation = "verify"

        name: str
        identity_number: str

    response = await providers.call(RealNameRequest(...), request_id="elt_1")

The fields are the body as sent; those declared with `exclude=True` stay here.
"""

from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel

from domain.sources import Capability
from providers.http.errors import ProviderError, ProviderUnavailable
from providers.http.transport import RESPONSE_LIMIT
from providers.http.verdict import AssessableResponse
from providers.http.wire import PersonalWire

ResponseT = TypeVar("ResponseT", bound=BaseModel)
SourceResponseT = TypeVar("SourceResponseT", bound=AssessableResponse)


class ProviderRequest(PersonalWire, Generic[ResponseT]):
    """One request of `operation` at `provider`, answered by a `ResponseT`.

    The response repeats the fields named by `echoed` and has at most `response_limit` bytes.
    A generic subclass has the response as its only type parameter.
    """

    provider: ClassVar[str]
    operation: ClassVar[str]
    echoed: ClassVar[tuple[str, ...]] = ()
    response_limit: ClassVar[int] = RESPONSE_LIMIT

    @classmethod
    def response_type(cls) -> type[ResponseT]:
        """Return the type that this request names as its response."""
        args = (
            base.__pydantic_generic_metadata__["args"]
            for base in cls.__mro__[:-1]
            if issubclass(base, ProviderRequest)
        )
        return cast(type[ResponseT], next(found for found in args if found)[0])

    def read(self, content: bytes) -> ResponseT | None:
        """Return the response that `content` holds, None if it answers another request.

        Raises pydantic.ValidationError for anything that is no such response.
        """
        response = self.response_type().model_validate_json(content)
        return response if self.is_answered_by(response) else None

    def is_answered_by(self, response: ResponseT) -> bool:
        """Say whether a valid response belongs to this request."""
        return all(getattr(self, name) == getattr(response, name) for name in self.echoed)

    def failure(self, error: ProviderUnavailable) -> ProviderError:
        """Return what the caller is told when no usable answer came."""
        return error


class SourceRequest(ProviderRequest[SourceResponseT], Generic[SourceResponseT]):
    """A request that any source of `capability` can answer; its provider is of that name.

    One that is not `billable` is a later step of one that was paid for.
    """

    capability: ClassVar[Capability]
    billable: ClassVar[bool] = True

    @property
    def about(self) -> str | None:
        """The identity number of the person who is asked about, None where none is known."""
        number = getattr(self, "identity_number", None)
        return number if isinstance(number, str) else None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the capability's name for the provider's where no other is given."""
        super().__pydantic_init_subclass__(**kwargs)
        if "capability" in vars(cls) and not hasattr(cls, "provider"):
            cls.provider = cls.capability
