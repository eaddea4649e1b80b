"""What keeps a process from starting: settings that are wrong, and those unfit for production.

All are told at once and by name, so that whoever mends them starts once more and not ten times.
No secret is shown.
"""

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from runtime.settings import ProviderSettings, Settings

Process = Literal["api", "worker"]

_MIN_TOKEN_LENGTH: Final = 24
_MIN_DIFFERENT_BYTES: Final = 8
"""A random key of 32 bytes has about 30 different ones; one that somebody typed has few."""

_QUOTED: Final = re.compile(r'"(\w+)"')

Fault = tuple[str, str]
"""The setting as it stands in the environment, and what is wrong with it."""


class SettingsRefused(Exception):
    """The process must not start with these settings; `faults` names each."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        lines = "\n".join(f"  {name}: {words}" for name, words in faults)
        super().__init__(f"these settings have to be mended first:\n{lines}")


def settings_of(process: Process) -> Settings:
    """Return the settings of a process from its environment; raises `SettingsRefused`."""
    settings: Settings | None
    faults: list[Fault] = []
    try:
        settings = Settings()
    except SettingsError as error:
        # The rest cannot be read without it.
        raise SettingsRefused([_unreadable(str(error))]) from None
    except ValidationError as error:
        faults = [_fault(list(one["loc"]), one["msg"]) for one in error.errors()]
        settings = _without({str(one["loc"][0]) for one in error.errors() if one["loc"]})
    if settings is not None and settings.environment != "local":
        named = {name for name, _ in faults}
        faults += [one for one in unfit(settings, process, os.environ) if one[0] not in named]
    if settings is None or faults:
        raise SettingsRefused(faults)
    return settings


def _unreadable(words: str) -> Fault:
    """Return the fault of a setting that is a list or an object, and no JSON."""
    name = _QUOTED.search(words)
    return f"LOANFLOW_{name[1]}".upper() if name else "LOANFLOW_...", "is not JSON"


def _without(wrong: set[str]) -> Settings | None:
    """Return the settings with the wrong ones left at their defaults, None if that is no help."""
    fields = Settings.model_fields
    try:
        return Settings(
            **{name: fields[name].get_default(call_default_factory=True) for name in wrong}
        )
    except (ValidationError, KeyError):
        return None


def _fault(place: list[int | str], words: str) -> Fault:
    name = "__".join(str(part) for part in place if isinstance(part, str))
    if name.startswith("tokens"):
        name = "tokens"
    setting = "DATABASE_URL" if name.lower() == "database_url" else f"LOANFLOW_{name}".upper()
    if setting == "LOANFLOW_":
        # A rule over several settings begins with the name of the one to change.
        first, _, words = words.removeprefix("Value error, ").partition(": ")
        setting = f"LOANFLOW_{first}".upper()
    return setting, words.removeprefix("Value error, ")


def unfit(settings: Settings, process: Process, variables: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is unfit outside the local profile, for one process.

    In the environment `trial` simulators may stand in for third parties, in `production` not.
    """
    yield from _keys(settings)
    yield from _database(settings)
    if settings.time_travel:
        yield "LOANFLOW_TIME_TRAVEL", "must be off: moved clocks charge interest of other days"
    for name in ("LOANFLOW_FAILPOINTS", "LOANFLOW_FAILPOINT_DIR"):
        if variables.get(name, "").strip():
            yield name, "must not be set: it ends processes, for tests"
    if process == "api":
        yield from _tokens(settings)
        yield from _secrets(settings.providers, "callback_secret")
    else:
        yield from _secrets(settings.providers, "api_key", "signing_secret", "fireeye_app_key")
        if settings.environment == "production":
            yield from _simulators(settings)


def _keys(settings: Settings) -> Iterator[Fault]:
    """Yield keys that are missing, guessable, or used for two things."""
    users: dict[bytes, str] = {}
    for name in ("payload_keys", "pii_keys", "blind_index_key"):
        text: str = getattr(settings, name).get_secret_value()
        setting = f"LOANFLOW_{name}".upper()
        entries = [part.strip() for part in text.split(",") if part.strip()]
        if not entries:
            yield setting, "is needed: 32 random bytes, openssl rand -base64 32"
        for entry in entries:
            key = _key_of(entry if name == "blind_index_key" else entry.partition(":")[2])
            if key is None:
                yield setting, "is not a key: `id:base64` of 32 bytes, of the blind index no id"
            elif len(set(key)) < _MIN_DIFFERENT_BYTES:
                yield setting, "can be guessed: take random bytes, openssl rand -base64 32"
            elif users.setdefault(key, setting) != setting:
                yield setting, f"is the key of {users[key]} too: each needs one of its own"


def _key_of(encoded: str) -> bytes | None:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    return key if len(key) == 32 else None


def _database(settings: Settings) -> Iterator[Fault]:
    url = urlsplit(settings.database_url)
    # Roles that prove themselves by a certificate or the system's user have no password.
    if url.password is None and "sslcert" not in url.query:
        yield "DATABASE_URL", "has no password"
    elif url.password is not None and url.password in ("", url.username, "postgres", "password"):
        yield "DATABASE_URL", "has a password that can be guessed"


def _tokens(settings: Settings) -> Iterator[Fault]:
    setting = "LOANFLOW_TOKENS"
    if not settings.tokens:
        yield setting, "is needed: nobody could call"
    for one in settings.tokens:
        text = one.token.get_secret_value()
        if len(text.strip()) < _MIN_TOKEN_LENGTH or len(set(text)) < _MIN_DIFFERENT_BYTES:
            yield (
                setting,
                f"the token of {one.role}:{one.subject} can be guessed: openssl rand -hex 24",
            )


def _secrets(providers: ProviderSettings, *names: str) -> Iterator[Fault]:
    for name in names:
        given: SecretStr = getattr(providers, name)
        setting = f"LOANFLOW_PROVIDERS__{name}".upper()
        if not given.get_secret_value().strip():
            yield setting, "is empty"
        elif given == ProviderSettings.model_fields[name].default:
            yield setting, "is the one of the simulators, which everybody knows"


def _simulators(settings: Settings) -> Iterator[Fault]:
    providers = settings.providers
    urls = {"LOANFLOW_PROVIDERS__BASE_URL": providers.base_url}
    urls |= {
        f"LOANFLOW_PROVIDERS__OVERRIDES, {name}": url for name, url in providers.overrides.items()
    }
    for setting, url in urls.items():
        words = _unfit_url(url, settings.sandbox_port)
        if words is not None:
            yield setting, words


def _unfit_url(url: str, sandbox_port: int) -> str | None:
    split = urlsplit(url)
    host = split.hostname or ""
    if not host or split.scheme not in ("http", "https"):
        return "is not an http or https URL"
    if host.split(".")[0] == "sandbox" or (_is_here(host) and split.port == sandbox_port):
        return "leads to the simulators: no money would move (LOANFLOW_ENVIRONMENT=trial may)"
    if split.scheme == "http" and "." in host and not _is_inside(host):
        return "sends personal data over plain http: take https"
    return None


def _is_here(host: str) -> bool:
    return host == "localhost" or _address(host, lambda one: one.is_loopback)


def _is_inside(host: str) -> bool:
    return host.endswith((".internal", ".local")) or _address(host, lambda one: one.is_private)


_Test = Callable[[ipaddress.IPv4Address | ipaddress.IPv6Address], bool]


def _address(host: str, test: _Test) -> bool:
    try:
        return test(ipaddress.ip_address(host))
    except ValueError:
        return False
