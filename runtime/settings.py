"""Settings of every process, read from the environment once at start.

Names are `LOANFLOW_` plus the field's name, except `DATABASE_URL` and the `TEMPORAL_*` family,
which keep the names that their ecosystems use (`temporalio.envconfig` reads the latter by itself).
Nested values take two underscores: `LOANFLOW_PROVIDERS__BASE_URL`.
"""

from functools import lru_cache
from typing import Literal

from pydantic import AliasChoices, BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProviderSettings(BaseModel):
    """Where third parties are reached and how calls to them are signed.

    `base_url` is the default for every provider; `overrides` maps a provider's name
    (`real_name`, `operator`, `contacts`, `identity_card`, `liveness`, `bank_card`, `bureau`,
    `signing`, `payments`, `messaging`) to a URL of its own.
    """

    base_url: str = "http://127.0.0.1:8500"
    overrides: dict[str, str] = Field(default_factory=dict)
    api_key: SecretStr = SecretStr("sandbox-key")
    signing_secret: SecretStr = SecretStr("sandbox-signing-secret")
    callback_secret: SecretStr = SecretStr("sandbox-callback-secret")
    timeout_seconds: float = 8.0

    def url_of(self, provider: str) -> str:
        """Return the base URL of `provider`."""
        return self.overrides.get(provider, self.base_url)


class Token(BaseModel):
    """A static bearer token: who it belongs to and what they may do."""

    token: SecretStr
    role: Literal["applicant", "partner", "reviewer", "collector", "analyst", "ops"]
    subject: str


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="LOANFLOW_", env_nested_delimiter="__", extra="ignore"
    )

    environment: Literal["local", "production"] = "local"
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
    providers: ProviderSettings = Field(default_factory=ProviderSettings)
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
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
    otel_endpoint: str = ""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the process's settings; raises pydantic's ValidationError naming what is wrong."""
    return Settings()
