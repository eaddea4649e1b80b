"""Settings of every process, read from the environment once at start.

Names are `LOANFLOW_` plus the field's name, except `DATABASE_URL` and the `TEMPORAL_*` family,
which keep the names that their ecosystems use (`temporalio.envconfig` reads the latter by itself).
Nested values take two underscores: `LOANFLOW_PROVIDERS__BASE_URL`.
"""

import re
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.common.zones import UnknownZone, zone_of
from domain.people.principals import STAFF_ROLES, Role
from domain.people.staff import HANDLE

LOCAL_URL: Final = "http://127.0.0.1:8000"
"""Where the API is reached in the local profile."""


class ProviderSettings(BaseModel):
    """Where third parties are reached and how calls to them are signed.

    `base_url` is the default for every provider; `overrides` maps a provider's name
    (`real_name`, `operator`, `contacts`, `identity_card`, `liveness`, `registered_photo`,
    `bank_card`, `bureau`, `fireeye`, `signing`, `payments`, `messaging`, `email`, `push`) or
    another source's to a URL of its own.
    `timeouts` gives a provider or another source a time limit of its own, in seconds.
    """

    base_url: str = "http://127.0.0.1:8500"
    overrides: dict[str, str] = Field(default_factory=dict)
    api_key: SecretStr = SecretStr("sandbox-key")
    signing_secret: SecretStr = SecretStr("sandbox-signing-secret")
    callback_secret: SecretStr = SecretStr("sandbox-callback-secret")
    timeout_seconds: float = 8.0
    timeouts: dict[str, Annotated[float, Field(gt=0, le=300)]] = Field(default_factory=dict)
    qitech_api_key: SecretStr = Field(
        default=SecretStr(""), description="what QI Tech gave us; empty: `api_key`"
    )
    qitech_webhook_key: SecretStr = Field(
        default=SecretStr(""), description="signs QI Tech's webhooks; empty: `callback_secret`"
    )
    qitech_allows_alphanumeric_cnpj: bool = False
    fireeye_profile: dict[str, Any] | None = Field(
        default=None,
        description="`providers.sources.fireeye_profile.FireeyeProfile`; none: the published paths",
    )
    fireeye_institution_id: str = "username"
    fireeye_app_key: SecretStr = SecretStr("password")

    def url_of(self, provider: str) -> str:
        """Return the base URL of `provider`."""
        return self.overrides.get(provider, self.base_url)

    @property
    def longest_seconds(self) -> float:
        """The longest time that any provider is given for an answer."""
        return max(self.timeout_seconds, *self.timeouts.values(), 0)

    @property
    def key_for_qitech(self) -> SecretStr:
        """The key that QI Tech knows us by."""
        return self.qitech_api_key if self.qitech_api_key.get_secret_value() else self.api_key

    @property
    def key_of_qitech_webhooks(self) -> SecretStr:
        """The key that signs QI Tech's webhooks."""
        own = self.qitech_webhook_key
        return own if own.get_secret_value() else self.callback_secret


class AnalysisClient(BaseModel):
    """A client of our credit analysis: its key by digest, its policy, where it takes notices.

    `policy` is the code of a definition; that it is in force is asked when a proposal comes in.
    Without `webhook_url` the client reads for itself. The key is 32 random characters or more: its
    plain SHA-256 is kept, which only protects what cannot be guessed.
    """

    client: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    api_key_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    policy: str = Field(default="standard", pattern=r"^[a-z][a-z0-9_-]{0,63}$")
    webhook_url: str = Field(default="", max_length=2000)
    webhook_signature_key: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _signs_what_it_sends(self) -> Self:
        if self.webhook_url and not self.webhook_signature_key.get_secret_value():
            raise ValueError("webhook_signature_key: needed to sign what goes to webhook_url")
        return self


class Token(BaseModel):
    """A static bearer token: who it belongs to and the role that they act in.

    `subject` is the handle of a person of the staff directory, or names a machine: an applicant's
    front by the customer reference, a partner's server by its channel, the Temporal UI's gate
    (`codec`) by any name. A person has a token for each role they act in.
    """

    token: SecretStr = Field(min_length=1)
    role: Role
    subject: str

    @model_validator(mode="after")
    def _names_a_person(self) -> Self:
        if self.role in STAFF_ROLES and not re.fullmatch(HANDLE, self.subject):
            raise ValueError(
                f"subject: a {self.role} is named by a handle of the staff directory, 2 to 32"
                " lower case letters, digits and dashes, such as rita or ops-1"
            )
        return self


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="LOANFLOW_",
        env_nested_delimiter="__",
        extra="ignore",
        hide_input_in_errors=True,  # tokens and keys are among them
    )

    environment: Literal["local", "trial", "production"] = Field(
        default="local",
        description="`trial`: as in production, with simulators in place of third parties",
    )
    database_url: str = Field(
        default="postgresql://loanflow@127.0.0.1:5432/loanflow",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
    )
    database_pool_size: int = 10
    payload_keys: SecretStr = Field(
        default=SecretStr(""),
        description="`id:base64,...`: AES-256 keys of Temporal payloads, the first encrypts",
    )
    pii_keys: SecretStr = Field(
        default=SecretStr(""),
        description="`id:base64,...`: AES-256 keys of personal columns, the first encrypts",
    )
    blind_index_key: SecretStr = Field(
        default=SecretStr(""), description="base64; HMAC key of the look-up columns"
    )
    tokens: list[Token] = Field(default_factory=list)
    lender: str = Field(
        default="own",
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
        description="whose customers and staff those are that this process takes on",
    )
    zone: str = Field(
        default="Asia/Shanghai", description="the time zone of the days of the lender's staff"
    )
    credit_analysis_clients: list[AnalysisClient] = Field(default_factory=list)
    providers: ProviderSettings = Field(default_factory=ProviderSettings)
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    api_processes: int = Field(
        default=2, ge=1, le=64, description="processes that serve the API on its one port"
    )
    # Nearly all of a read is work of its process; a few at once keep one that waits for the
    # database from holding up all others. A command mostly waits for its workflow.
    api_reads: int = Field(
        default=4, ge=1, description="GET requests served at once in one process of the API"
    )
    api_reads_queued: int = Field(
        default=100, ge=0, description="how many more of one caller may wait for a slot"
    )
    api_commands: int = Field(default=32, ge=1, description="the same of all other requests")
    api_commands_queued: int = Field(default=100, ge=0)
    api_wait_seconds: float = Field(
        default=1.0, gt=0, le=30, description="how long a request may wait; then it is answered 503"
    )
    api_streams: int = Field(
        default=1_000, ge=1, description="event streams that one process of the API keeps open"
    )
    api_streams_of_one: int = Field(default=100, ge=1, description="the same of one caller")
    api_stream_seconds: float = Field(
        default=900.0, gt=0, description="how long an event stream stays open at most"
    )
    api_wrong_credentials: int = Field(
        default=200,
        ge=1,
        description="wrong tokens, keys, links and signatures of one address in a minute that are"
        " answered as such by one process; then 429",
    )
    public_url: str = LOCAL_URL
    temporal_ui_url: str = "http://127.0.0.1:8233"
    sandbox_host: str = "127.0.0.1"
    sandbox_port: int = 8500
    metrics_port: int = 0
    sdk_metrics_port: int = Field(
        default=0, description="where the Temporal SDK serves its own metrics; 0: nowhere"
    )
    log_level: str = "INFO"
    task_queue_prefix: str = ""
    deployment_name: str = ""
    build_id: str = ""
    time_travel: bool = Field(
        default=False, description="let `advance` move the virtual clock; local profile only"
    )
    max_cached_workflows: int = 1000
    workflow_sandbox: bool = Field(
        default=False,
        description="run workflows in the SDK's sandbox, which refuses clocks, files and chance;"
        " for tests: it costs a sixth of a credit's CPU",
    )
    max_concurrent_activities: int = Field(
        default=100, ge=1, description="activities at once on each task queue of one worker process"
    )
    provider_activities_per_second: float = Field(
        default=0,
        ge=0,
        le=100_000,
        description="how many activities of the queue `providers` the server starts in a second,"
        " over all workers; 0: no limit",
    )
    otel_endpoint: str = ""

    @field_validator("tokens")
    @classmethod
    def _tokens_are_one_holders(cls, tokens: list[Token]) -> list[Token]:
        """Refuse a token that stands twice: it would be two people's, or one person's twice."""
        holders: dict[str, list[str]] = {}
        for one in tokens:
            holders.setdefault(one.token.get_secret_value(), []).append(f"{one.role}:{one.subject}")
        for found in holders.values():
            if len(found) > 1:
                raise ValueError(
                    f"one token is given to {' and '.join(found)}: each needs a token of its own"
                )
        return tokens

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            zone_of(zone)
        except UnknownZone as error:
            raise ValueError(error.message) from None
        return zone

    @model_validator(mode="after")
    def _webhooks_are_confidential(self) -> Self:
        """Refuse an endpoint over http, which only this machine may have, in the local profile."""
        known = self.credit_analysis_clients
        for told in ({one.client for one in known}, {one.api_key_sha256 for one in known}):
            if len(told) < len(known):
                raise ValueError("credit_analysis_clients: names and keys are each client's own")
        for client in self.credit_analysis_clients:
            if not client.webhook_url:
                continue
            url = urlsplit(client.webhook_url)
            here = self.environment == "local" and url.hostname in ("localhost", "127.0.0.1")
            if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and here)):
                raise ValueError(f"credit_analysis_clients: {client.client} needs an https URL")
        return self
