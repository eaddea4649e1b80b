"""The two bases of everything that is data here: immutable, and tolerant or exact."""

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """Immutable data that ignores what it does not know.

    A process or a row that was written under a newer or an older model is still read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class ExactData(BaseModel):
    """Immutable data that refuses what it does not know: it is written by people."""

    model_config = ConfigDict(frozen=True, extra="forbid")
