"""What a process remembers for a moment, so that what is asked often is not read each time."""

from time import monotonic
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SECONDS: Final = 1.0


class Recent(Generic[T]):
    """A value of the database that holds for a second from when it was read.

    It stays readable after that, for whoever reads only what is new.
    """

    def __init__(self, value: T, read_at: float | None = None) -> None:
        self.value = value
        self._read_at = read_at

    @property
    def is_fresh(self) -> bool:
        """Say whether the value was read a moment ago."""
        return self._read_at is not None and monotonic() - self._read_at < _SECONDS

    def replace(self, value: T, read_at: float) -> None:
        """Remember what was read in place of what was; `read_at` is when `monotonic` began it."""
        self.value, self._read_at = value, read_at
