"""Connecting to Temporal."""

import asyncio
import logging
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RetryConfig

from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin

_log = structlog.get_logger(__name__)

_DEFAULT_ADDRESS: Final = "localhost:7233"
_ATTEMPTS: Final = 10
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0
_SOON: Final = RetryConfig(max_elapsed_time_millis=1_500, max_retries=4)
"""Half a second where nobody listens; the SDK's own ten are too long for who waits."""


class TemporalUnavailableError(Exception):
    """No Temporal server answers at the address."""


async def connect(
    settings: Settings,
    *,
    lazy: bool = False,
    runtime: Runtime | None = None,
    plugin: LoanflowPlugin | None = None,
) -> Client:
    """Return a client with our plugin, to the server that the `TEMPORAL_*` family names.

    Address, namespace, TLS and API key come from `temporalio.envconfig` (environment, or a
    profile of its TOML file); without any, `localhost:7233` and namespace `default`. Ten attempts
    take about half a minute, then TemporalUnavailableError. A `lazy` client connects at its first
    call, says soon that the server cannot be reached, for somebody waits, and cannot back a worker.
    Raises runtime.keyring.InvalidKeysError.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", _DEFAULT_ADDRESS)
    plugins = [plugin or LoanflowPlugin.from_settings(settings)]
    pause = _FIRST_PAUSE_SECONDS
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await Client.connect(
                **config,
                lazy=lazy,
                runtime=runtime,
                plugins=plugins,
                retry_config=_SOON if lazy else None,
            )
        except RuntimeError as error:
            if attempt == _ATTEMPTS:
                raise TemporalUnavailableError(
                    f"no Temporal server answers at {config['target_host']} "
                    f"({_ATTEMPTS} attempts; TEMPORAL_ADDRESS names another one): {error}"
                ) from error
            _log.warning("temporal_unreachable", target=config["target_host"], attempt=attempt)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def telemetry(settings: Settings) -> Runtime:
    """Return the SDK's runtime, which serves its own metrics on `sdk_metrics_port` unless 0.

    Two ports, because the SDK serves its registry from its own core: Prometheus scrapes both.
    """
    port = settings.sdk_metrics_port
    metrics = (
        PrometheusConfig(
            bind_address=f"0.0.0.0:{port}", durations_as_seconds=True, unit_suffix=True
        )
        if port
        else None
    )
    # The core's own lines would stand between ours on stdout, and not be JSON.
    core_logs = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logging.getLogger("temporalio.core")),
    )
    return Runtime(telemetry=TelemetryConfig(logging=core_logs, metrics=metrics))
