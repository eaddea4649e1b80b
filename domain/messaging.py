"""Messages to people: the templates that they are sent by, and the hours without any.

Both are definitions in force, read by whatever sends at the moment it sends.
"""

import string
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator

from domain.common.calendar import instant_at
from domain.common.definitions import Content, Finding, InForce, Kind

Variable = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


class MessageChannel(StrEnum):
    """How a message travels."""

    SMS = "sms"


class MessagePurpose(StrEnum):
    """What a message is sent for; it decides which variables whoever sends it has."""

    APPLICATION_REMINDER = "application_reminder"
    COLLECTIONS = "collections"
    SIGNER_INVITATION = "signer_invitation"


VARIABLES: Final[Mapping[MessagePurpose, tuple[str, ...]]] = {
    MessagePurpose.APPLICATION_REMINDER: ("missing", "application"),
    MessagePurpose.COLLECTIONS: ("days_past_due", "contract"),
    MessagePurpose.SIGNER_INVITATION: ("link", "until"),
}
"""What a message for a purpose can say, by the names of its variables."""

_INDISPENSABLE: Final[Mapping[MessagePurpose, tuple[str, ...]]] = {
    MessagePurpose.SIGNER_INVITATION: ("link",)
}
"""Variables without which a message of a purpose is for nothing."""


class MessageTemplate(Content):
    """A template as the messaging provider approved it.

    `provider_template` is its name there; `variables` are what it needs, each of them sent. `texts`
    says by language what the provider sends, with the variables in braces: for people who read the
    definition, the provider has its own copy.
    """

    purpose: MessagePurpose
    channel: MessageChannel = MessageChannel.SMS
    provider_template: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")
    variables: tuple[Variable, ...]
    texts: dict[Language, Annotated[str, StringConstraints(min_length=1, max_length=500)]] = Field(
        min_length=1
    )

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that the provider is sent.

        Raises ValueError when one is missing, which the check of the template rules out.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise ValueError(f"{self.provider_template} needs {', '.join(missing)}")
        return {name: values[name] for name in self.variables}


def check_template(template: MessageTemplate, _: InForce) -> Iterator[Finding]:
    """Say what is wrong with a template: its texts and variables differ, or nobody has them."""
    offered = VARIABLES[template.purpose]
    for index, name in enumerate(template.variables):
        if name not in offered:
            yield Finding(
                f"variables.{index}",
                f"a message for {template.purpose} cannot say {name}",
                ", ".join(offered),
            )
    for name in _INDISPENSABLE.get(template.purpose, ()):
        if name not in template.variables:
            yield Finding("variables", f"{template.purpose} is for nothing without {name}", name)
    for language, text in template.texts.items():
        yield from _compared(f"texts.{language}", text, template.variables)


def _compared(field: str, text: str, variables: tuple[str, ...]) -> Iterator[Finding]:
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        yield Finding(field, f"is no text with variables in braces: {error}", "{contract}")
        return
    for name in sorted(named - set(variables)):
        yield Finding(field, f"says {{{name}}}, which is missing in the variables", f'"{name}"')
    for name in variables:
        if name not in named:
            yield Finding(field, f"does not say the variable {name}", f"{{{name}}}")


MESSAGE_TEMPLATE: Final = Kind("message_template", MessageTemplate, check_template)

APPLICATION_REMINDER: Final = "application-reminder"
SIGNER_INVITATION: Final = "scr-consent"


class ContactLimits(Content):
    """When nobody is contacted: from `quiet_from` over midnight to `quiet_until`, local time."""

    quiet_from: time
    quiet_until: time

    @field_validator("quiet_from", "quiet_until")
    @classmethod
    def _local(cls, hour: time) -> time:
        if hour.tzinfo is not None:
            raise ValueError("hours are local to whoever is contacted: 22:00:00, without a zone")
        return hour

    def allow(self, hour: time) -> bool:
        """Say whether somebody may be contacted at a local time of day."""
        return self.quiet_until <= hour < self.quiet_from

    def not_before(
        self, instant: datetime, zone: ZoneInfo, lasting: timedelta = timedelta()
    ) -> datetime | None:
        """Return the end of the quiet hours, in UTC; None when a contact falls into none.

        It begins at `instant` and may last so long.
        """
        return self._quiet_until(instant, zone) or self._quiet_until(instant + lasting, zone)

    def _quiet_until(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        local = instant.astimezone(zone)
        if local.time() < self.quiet_until:
            return instant_at(local.date(), self.quiet_until, zone)
        if local.time() >= self.quiet_from:
            return instant_at(local.date() + timedelta(days=1), self.quiet_until, zone)
        return None


def check_limits(limits: ContactLimits, _: InForce) -> Iterator[Finding]:
    """Say what is wrong with limits: hours that leave no time to contact anybody, or no rest."""
    if limits.quiet_from <= limits.quiet_until:
        yield Finding(
            "quiet_from",
            "quiet hours begin in the evening and end in the morning after",
            "22:00:00, quiet_until 08:00:00",
        )


CONTACT_LIMITS: Final = Kind("contact_limits", ContactLimits, check_limits)

HOME_LIMITS: Final = "cn"
"""The limits on contact that our borrowers and applicants are under, by code."""
