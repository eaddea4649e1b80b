"""The programme of faults: what goes wrong with which calls, and for how long."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.wire import FailureReason

Garbage = Literal["not_json", "wrong_shape", "empty", "huge"]
FireeyeVariant = Literal[
    "0001",
    "0002",
    "0003",
    "0004",
    "unknown_code",
    "no_code",
    "two_codes",
    "numeric_code",
    "short_code",
    "other_key",
    "resp_code_key",
    "string_data",
    "null_data",
    "missing_data",
    "fractional_data",
    "data_below",
    "data_above",
    "gb18030",
]


class Fault(BaseModel):
    """What happens to the next `times` calls (None: until cleared) of a provider's operation.

    `status` and `reset` strike before the work; with `lose_response` the work is done first and its
    answer is then lost: replaced by `status` if there is one, else cut off. `garbage` replaces a
    true answer, `change` sets fields of it and `omit` leaves some out: a third party that speaks
    otherwise than it did, also in its `callbacks`. `order_outcome` (`processing`, or a reason of
    failure) and `hold` steer payment orders: a held one is settled by `POST /sandbox/settle` only.
    The `report_*` fields and `hold` steer an import from its `begin` (the operator's from its
    `confirm`): how long it takes, at which question it ends, why it fails. `expire_code` ends a
    code that was sent. For provider `callbacks`, `duplicates` counts extra copies, and
    `forge_signature` signs the first posting with a secret that nobody shares. For `fireeye`,
    `fireeye` chooses the form of its answer (see `sandbox.fireeye`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str = Field(description="a provider's name, `callbacks`, or `*`")
    operation: str = "*"
    times: Annotated[int, Field(ge=1)] | None = None
    latency_seconds: Annotated[float, Field(ge=0, le=3600)] = 0
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    retry_after: Annotated[int, Field(ge=0)] | None = None
    reset: bool = False
    lose_response: bool = False
    garbage: Garbage | None = None
    change: dict[str, Any] = Field(default_factory=dict)
    omit: tuple[str, ...] = ()
    order_outcome: FailureReason | None = None
    hold: bool = False
    report_delay_seconds: Annotated[float, Field(gt=0, le=172_800)] | None = None
    report_polls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    report_failure: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")] | None = None
    expire_code: bool = False
    forge_signature: bool = False
    duplicates: Annotated[int, Field(ge=0, le=20)] = 0
    fireeye: FireeyeVariant | None = None

    @model_validator(mode="after")
    def _one_ending(self) -> Self:
        if self.reset and (self.status is not None or self.lose_response):
            raise ValueError("a reset call is not answered and not worked on")
        return self

    def changed(self, reply: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answer as the fault would have it."""
        kept = {name: value for name, value in reply.items() if name not in self.omit}
        return kept | self.change

    def strikes(self, provider: str, operation: str) -> bool:
        """Say whether the fault is meant for this call."""
        return self.provider in (provider, "*") and self.operation in (operation, "*")


NO_FAULT = Fault(provider="*")


class FaultProgramme:
    """The faults in force, one for each (provider, operation)."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], Fault] = {}
        self._left: dict[tuple[str, str], int] = {}

    def put(self, fault: Fault) -> None:
        """Install `fault` in place of an earlier one for the same provider and operation."""
        key = (fault.provider, fault.operation)
        self._faults[key] = fault
        self._left.pop(key, None)
        if fault.times is not None:
            self._left[key] = fault.times

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()
        self._left.clear()

    def listed(self) -> list[Fault]:
        """Return the faults in force."""
        return list(self._faults.values())

    def take(self, provider: str, operation: str) -> Fault:
        """Return the oldest fault for this call, counting it, or `NO_FAULT`."""
        for key, fault in self._faults.items():
            if fault.strikes(provider, operation):
                self._count(key)
                return fault
        return NO_FAULT

    def _count(self, key: tuple[str, str]) -> None:
        if key not in self._left:
            return
        self._left[key] -= 1
        if self._left[key] == 0:
            del self._left[key], self._faults[key]
