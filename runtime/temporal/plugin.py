"""The one object that makes a client, worker, replayer or test environment ours.

Give it to the client only (`plugins=[...]`): a worker takes its client's plugins by itself and
would run a second one twice. A replayer has no client and is given it directly.
"""

from typing import Final, Self

from opentelemetry.trace import Tracer
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.plugin import SimplePlugin
from temporalio.worker import ReplayerConfig, UnsandboxedWorkflowRunner, WorkerConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from runtime.keyring import Keyring
from runtime.settings import Settings
from runtime.temporal.codec import ProcessCodec
from runtime.temporal.converter import CheckedPayloadConverter
from runtime.temporal.interceptors import ContextInterceptor, MetricsInterceptor
from runtime.temporal.tracing import tracer

# Loaded once instead of once a workflow run, which costs eight times as much; linted for clocks
# and randomness instead. `workflows` is not among them: those modules keep the sandbox's guard.
PASSED_THROUGH: Final = ("domain", "messages")

# Without a build id the SDK hashes every loaded module at start: two seconds of processor.
UNVERSIONED: Final = "unversioned"


class LoanflowPlugin(SimplePlugin):
    """Converter, encryption, interceptors and sandbox of every part of Loanflow."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        tracer: Tracer | None = None,
        sandboxed: bool = True,
        passed_through: tuple[str, ...] = PASSED_THROUGH,
        time_limited: bool = True,
        encrypted_only: bool = False,
    ) -> None:
        """With `sandboxed` a workflow that reads a clock, a file or chance fails.

        The guard costs a sixth of a credit's CPU, so that production, whose code went through it in
        every test, does without. Without a `tracer` nothing is traced. With `time_limited` a
        workflow task that does not yield within two seconds fails; tests on a busy machine do
        without, for a slow machine is no deadlock and their own time limit finds the real ones.
        With `encrypted_only` nothing is read that we did not encrypt: whoever reaches the server
        can send a signal, but not one that is acted on.
        """
        super().__init__(
            "loanflow",
            data_converter=data_converter(keyring, encrypted_only=encrypted_only),
            interceptors=[
                *([] if tracer is None else [TracingInterceptor(tracer)]),
                ContextInterceptor(),
                MetricsInterceptor(),
            ],
            workflow_runner=(
                SandboxedWorkflowRunner(restrictions=_restrictions(passed_through))
                if sandboxed
                else UnsandboxedWorkflowRunner()
            ),
        )
        self._time_limited = time_limited

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See the base class; names the build of a worker that has none."""
        config = super().configure_worker(config)
        config["debug_mode"] = not self._time_limited
        if not config.get("deployment_config"):
            config["build_id"] = config.get("build_id") or UNVERSIONED
        return config

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """See the base class; names the build of a replayer that has none."""
        config = super().configure_replayer(config)
        config["debug_mode"] = not self._time_limited
        config["build_id"] = config.get("build_id") or UNVERSIONED
        return config

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make the plugin of a process; raises runtime.keyring.InvalidKeysError."""
        return cls(
            Keyring.parse(settings.payload_keys.get_secret_value()),
            tracer=tracer(settings),
            sandboxed=settings.workflow_sandbox,
            encrypted_only=settings.environment != "local",
        )


def data_converter(keyring: Keyring, *, encrypted_only: bool = False) -> DataConverter:
    """Return the converter: pydantic JSON, encrypted, failure messages and stacks too."""
    return DataConverter(
        payload_converter_class=CheckedPayloadConverter,
        payload_codec=ProcessCodec(keyring, encrypted_only=encrypted_only),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _restrictions(passed_through: tuple[str, ...]) -> SandboxRestrictions:
    return SandboxRestrictions.default.with_passthrough_modules(
        *passed_through
    ).with_import_notification_policy(
        SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        | SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
