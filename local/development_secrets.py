"""Keys, passwords and tokens for this machine: made once, kept in a private file, used again.

The file holds the environment variables that `runtime.settings` reads, in a form that a shell can
read too. Names that a later version adds are added; what is there is never changed, because data
was encrypted with it.
"""

import base64
import hashlib
import json
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from local.errors import LocalStackError

FILE: Final = "secrets.env"
DATABASE_PASSWORD: Final = "LOANFLOW_LOCAL_DATABASE_PASSWORD"  # noqa: S105 -- a setting's name
TOKENS: Final = "LOANFLOW_TOKENS"
ANALYSIS_KEY: Final = "LOANFLOW_LOCAL_ANALYSIS_KEY"
ANALYSIS_CLIENTS: Final = "LOANFLOW_CREDIT_ANALYSIS_CLIENTS"
SUBJECTS: Final[Mapping[str, str]] = {
    "applicant": "applicant-1",
    # A partner's subject is its channel: this one is the server of the lender's own app.
    "partner": "app",
    "reviewer": "reviewer-1",
    "collector": "collector-1",
    "analyst": "analyst-1",
    "ops": "ops-1",
}
"""Who the tokens belong to, by role."""
ANALYSIS_CLIENT: Final = "local"
"""The client of the credit analysis, which the key belongs to."""

_KEY_BYTES = 32


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _keyring() -> str:
    return f"local-1:{_key()}"


def _tokens() -> str:
    return json.dumps(
        [
            {"token": f"{role}-{secrets.token_urlsafe(24)}", "role": role, "subject": subject}
            for role, subject in SUBJECTS.items()
        ]
    )


def _clients(key: str) -> str:
    """Return the clients with one that has `key` and reads for itself: it takes no webhooks."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return json.dumps([{"client": ANALYSIS_CLIENT, "api_key_sha256": digest}])


_MAKERS: Final[Mapping[str, Callable[[], str]]] = {
    "LOANFLOW_PAYLOAD_KEYS": _keyring,
    "LOANFLOW_PII_KEYS": _keyring,
    "LOANFLOW_BLIND_INDEX_KEY": _key,
    TOKENS: _tokens,
    "LOANFLOW_PROVIDERS__API_KEY": secrets.token_urlsafe,
    "LOANFLOW_PROVIDERS__SIGNING_SECRET": secrets.token_urlsafe,
    "LOANFLOW_PROVIDERS__CALLBACK_SECRET": secrets.token_urlsafe,
    DATABASE_PASSWORD: secrets.token_urlsafe,
    ANALYSIS_KEY: secrets.token_urlsafe,
}

OUR_KEYS: Final = (
    "LOANFLOW_PAYLOAD_KEYS",
    "LOANFLOW_PII_KEYS",
    "LOANFLOW_BLIND_INDEX_KEY",
    TOKENS,
    DATABASE_PASSWORD,
    ANALYSIS_KEY,
    ANALYSIS_CLIENTS,
)
"""What no third party, and so no simulator of one, may know."""


def ensure_secrets(folder: Path) -> dict[str, str]:
    """Return the folder's secrets by setting name, making those that are missing."""
    known = read_secrets(folder)
    missing = {name: make() for name, make in _MAKERS.items() if name not in known}
    if ANALYSIS_CLIENTS not in known:
        missing[ANALYSIS_CLIENTS] = _clients({**known, **missing}[ANALYSIS_KEY])
    if missing:
        _write(folder / FILE, {**known, **missing})
    return {**known, **missing}


def read_secrets(folder: Path) -> dict[str, str]:
    """Return the folder's secrets, none if none were made; LocalStackError for a damaged file."""
    path = folder / FILE
    if not path.exists():
        return {}
    path.chmod(0o600)
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        try:
            [found[name]] = shlex.split(value)
        except ValueError:
            separator = ""
        if not separator:
            raise LocalStackError(f"{path}, line {number}: not NAME=VALUE")
    return found


def _write(path: Path, values: Mapping[str, str]) -> None:
    lines = ["# Made for this machine only; without it the data beside it cannot be read."]
    lines += [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
