"""The one error of the local stack."""


class LocalStackError(Exception):
    """The stack cannot start or go on; the message says why and what to do, for a person."""
