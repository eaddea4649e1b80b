"""Which third parties the stack's own vision service replaces, and how the clients know.

Where the caller's environment already says which service to use, that one is used.
"""

import ctypes
import json
from collections.abc import Mapping
from typing import Any, Final

SERVED: Final = ("identity_card", "liveness")
"""The providers whose contract `python -m vision` serves."""

ANSWER_SECONDS: Final = 35.0
"""Its longest wait for a process, its longest work on a call, and the way there and back."""

LIBRARIES: Final = ("libEGL.so.1", "libGLESv2.so.2")
"""Libraries of the system that the landmark model's package loads: Debian's libegl1, libgles2."""

_BASE_URL: Final = "LOANFLOW_PROVIDERS__BASE_URL"
_OVERRIDES: Final = "LOANFLOW_PROVIDERS__OVERRIDES"
_TIMEOUTS: Final = "LOANFLOW_PROVIDERS__TIMEOUTS"


def missing_libraries() -> tuple[str, ...]:
    """Return the system's libraries that vision needs and this machine does not have."""
    return tuple(name for name in LIBRARIES if not _loads(name))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def left_to_vision(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the providers for which the environment names nobody."""
    if environment.get(_BASE_URL):
        return ()
    named = _set(environment, _OVERRIDES)
    return tuple(provider for provider in SERVED if provider not in named)


def vision_settings(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """Return the settings that send those providers' calls to the service at `url`."""
    served = left_to_vision(environment)
    if not served:
        return {}
    urls = dict.fromkeys(served, url) | _object(environment, _OVERRIDES)
    unlimited = [one for one in served if one not in _set(environment, _TIMEOUTS)]
    seconds = dict.fromkeys(unlimited, ANSWER_SECONDS) | _object(environment, _TIMEOUTS)
    return {_OVERRIDES: json.dumps(urls), _TIMEOUTS: json.dumps(seconds)}


def _set(environment: Mapping[str, str], setting: str) -> set[str]:
    """Return the names that a setting gives a value to, in JSON or by variables of their own."""
    own = f"{setting}__"
    single = {name.removeprefix(own).lower() for name in environment if name.startswith(own)}
    return single | set(_object(environment, setting))


def _object(environment: Mapping[str, str], setting: str) -> dict[str, Any]:
    """Return a setting's JSON object; what is none is for the processes to refuse."""
    try:
        found = json.loads(environment.get(setting) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
