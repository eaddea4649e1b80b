"""The templates that customers are messaged by: definitions in force, one a message.

Whoever sends reads the template at that moment and records its version with the message.
"""

import string
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, model_validator

from domain.common.definitions import Content, Finding, InForce, Kind
from domain.messaging.events import (
    INDISPENSABLE,
    LANGUAGES,
    NOTICES,
    VARIABLES,
    MessageChannel,
    MessagePurpose,
)
from domain.messaging.rendering import MAX_SMS_PARTS, longest, sms_parts, written

Variable = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class SmsTexts(Content):
    """A message as the SMS provider approved it.

    `provider_template` is its name there. The provider has its own copy of `texts`: ours say to
    people who read the definition what is sent, and their digest is kept with each message.
    """

    provider_template: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")
    texts: dict[Language, Text] = Field(min_length=1)


class EmailTexts(Content):
    """A message as it is sent by e-mail: subjects and bodies by language."""

    titles: dict[Language, Title] = Field(min_length=1)
    texts: dict[Language, LongText] = Field(min_length=1)


class PushTexts(Content):
    """A message as the borrower's app shows it. It names no debt: others see the screen too."""

    titles: dict[Language, Title] = Field(min_length=1)
    texts: dict[Language, Text] = Field(min_length=1)


class Rendered(Content):
    """A message as it is sent: `variables` by name, and the text that the customer reads."""

    language: str
    title: str
    text: str
    variables: dict[str, str]


class MessageTemplate(Content):
    """One message to customers, in each channel that it is sent by.

    `channels` are tried in their order: the first by which the customer can be reached is taken.
    `variables` are what its texts say, in braces.
    """

    purpose: MessagePurpose
    channels: tuple[MessageChannel, ...] = Field(default=(MessageChannel.SMS,), min_length=1)
    variables: tuple[Variable, ...]
    sms: SmsTexts | None = None
    email: EmailTexts | None = None
    push: PushTexts | None = None

    @model_validator(mode="after")
    def _has_its_channels(self) -> Self:
        for channel in self.channels:
            if getattr(self, channel) is None:
                raise ValueError(f"{channel}: needs its texts, since channels names it")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("channels: each is named once")
        return self

    @property
    def by_sms(self) -> SmsTexts:
        """Return what is sent by SMS; raises ValueError for a template without."""
        if self.sms is None:
            raise ValueError(f"{self.purpose} is not sent by SMS")
        return self.sms

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that the provider is sent.

        Raises ValueError when one is missing, which the check of the template rules out.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise ValueError(f"{self.purpose} needs {', '.join(missing)}")
        return {name: values[name] for name in self.variables}

    def render(self, channel: MessageChannel, language: str, said: Mapping[str, Any]) -> Rendered:
        """Return the message in a channel; in another language where it is not written in this one.

        `said` are the values of the purpose's variables (`domain.messaging.rendering`).
        """
        content: SmsTexts | EmailTexts | PushTexts | None = getattr(self, channel)
        if content is None:
            raise ValueError(f"{self.purpose} is not sent by {channel}")
        written_in = language if language in content.texts else next(iter(content.texts))
        variables = self.filled(written(self.purpose, said, written_in))
        titles = {} if isinstance(content, SmsTexts) else content.titles
        return Rendered(
            language=written_in,
            title=titles.get(written_in, "").format_map(variables),
            text=content.texts[written_in].format_map(variables),
            variables=variables,
        )


def check_template(template: MessageTemplate, _: InForce) -> Iterator[Finding]:
    """Say what is wrong with a template: variables, languages, length."""
    offered = VARIABLES[template.purpose]
    for index, name in enumerate(template.variables):
        if name not in offered:
            yield Finding(
                f"variables.{index}",
                f"a message for {template.purpose} cannot say {name}",
                ", ".join(offered),
            )
    for name in INDISPENSABLE.get(template.purpose, ()):
        if name not in template.variables:
            yield Finding("variables", f"{template.purpose} is for nothing without {name}", name)
    if template.purpose not in NOTICES and template.sms is None:
        yield Finding("sms", f"{template.purpose} is sent by SMS", 'provider_template = "..."')
    if template.sms is not None:
        yield from _checked("sms", template.sms.texts, template)
        for language, text in template.sms.texts.items():
            yield from _fits(f"sms.texts.{language}", text, language, template.purpose)
    for channel, content in (("email", template.email), ("push", template.push)):
        if content is not None:
            yield from _checked(channel, content.texts, template)
            yield from _titled(channel, content, template)


def _checked(
    channel: str, texts: Mapping[str, str], template: MessageTemplate
) -> Iterator[Finding]:
    for language in LANGUAGES[template.purpose]:
        if language not in texts:
            yield Finding(
                f"{channel}.texts", f"is not written in {language}", f'{language} = "..."'
            )
    for language, text in texts.items():
        field = f"{channel}.texts.{language}"
        named = _named(text)
        if isinstance(named, Finding):
            yield Finding(field, named.message, named.example)
            continue
        for name in sorted(named - set(template.variables)):
            yield Finding(field, f"says {{{name}}}, which is missing in the variables", f'"{name}"')
        for name in template.variables:
            if name not in named:
                yield Finding(field, f"does not say the variable {name}", f"{{{name}}}")


def _titled(
    channel: str, content: EmailTexts | PushTexts, template: MessageTemplate
) -> Iterator[Finding]:
    for language in content.texts:
        if language not in content.titles:
            yield Finding(f"{channel}.titles", f"has no title in {language}", f'{language} = "..."')
    for language, title in content.titles.items():
        field = f"{channel}.titles.{language}"
        named = _named(title)
        if isinstance(named, Finding):
            yield Finding(field, named.message, named.example)
        elif named - set(template.variables):
            others = ", ".join(sorted(named - set(template.variables)))
            yield Finding(field, f"says {others}, which is missing in the variables", others)


def _named(text: str) -> set[str] | Finding:
    """Return the variables that a text names, or what is wrong with its braces."""
    try:
        parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        return Finding("", f"is no text with variables in braces: {error}", "{contract}")
    for _, name, spec, conversion in parts:
        if spec or conversion or not str(name).isidentifier():
            return Finding(
                "", f"{{{name}}} is no variable: only a name stands in braces", "{amount}"
            )
    return {str(name) for _, name, _, _ in parts}


def _fits(field: str, text: str, language: str, purpose: MessagePurpose) -> Iterator[Finding]:
    try:
        parts = sms_parts(text.format_map(longest(purpose, language)))
    except (KeyError, ValueError, IndexError, AttributeError):
        return  # its variables are wrong, which is found already
    if parts > MAX_SMS_PARTS:
        yield Finding(
            field,
            f"takes {parts} SMS with the longest values: {MAX_SMS_PARTS} are the most",
            "a shorter text",
        )


MESSAGE_TEMPLATE: Final = Kind("message_template", MessageTemplate, check_template)

APPLICATION_REMINDER: Final = "application-reminder"
SIGNER_INVITATION: Final = "scr-consent"
