"""The form shared by all messages."""

from domain.common.data import Data


class Message(Data):
    """An immutable message; unknown fields of a newer sender are ignored."""
