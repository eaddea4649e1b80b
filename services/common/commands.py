"""One intent of a caller, carried out once however often it is sent."""

from dataclasses import dataclass

from messages.ids import Kind, derived_id


@dataclass(frozen=True)
class Command:
    """What a caller asks for once: the same command makes the same ids.

    `operation` names what is asked for, `key` is the caller's own name of this one intent.
    `attempt` counts how often it was refused for reasons that passed.
    """

    subject: str
    operation: str
    key: str
    attempt: int = 0

    def new_id(self, kind: Kind, *parts: str) -> str:
        """Return the id of what this command makes; `parts` tell several of a kind apart."""
        return derived_id(kind, self.subject, self.operation, self.key, *parts)

    @property
    def update_id(self) -> str:
        """The id under which a process takes this attempt at the command once."""
        return self.new_id("act", "update", *([str(self.attempt)] if self.attempt else []))
