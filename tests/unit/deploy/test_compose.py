"""docker-compose.yml and what it mounts say nothing that the code does not know."""

import ast
import base64
import importlib.util
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import BaseModel
from temporalio.envconfig import ClientConfig

import worker
from api.http.access import RULES
from messages import queues
from runtime import enquiry_metrics, metrics
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import ProviderSettings, Settings
from sandbox.config import SandboxConfig
from vision.config import VisionConfig

ROOT: Final = Path(__file__).parents[3]
IMAGE_PACKAGES: Final = {
    *("activities", "api", "deploy", "domain", "messages"),
    *("providers", "runtime", "sandbox", "services", "storage", "vision", "workflows"),
}
KEY: Final = base64.b64encode(bytes(range(32))).decode()
SECRETS: Final = {
    "LOANFLOW_PAYLOAD_KEYS": f"a:{KEY}",
    "LOANFLOW_PII_KEYS": f"a:{KEY}",
    "LOANFLOW_BLIND_INDEX_KEY": KEY,
    "LOANFLOW_TOKENS": json.dumps([{"token": "t", "role": "ops", "subject": "ops-1"}]),
    "LOANFLOW_CODEC_TOKEN": "t",
}
OTHERWISE_THAT_OF_ALL: Final = {
    "LOANFLOW_PROVIDERS__QITECH_API_KEY",
    "LOANFLOW_PROVIDERS__QITECH_WEBHOOK_KEY",
}
"""Secrets in whose place the one of all providers stands when they are empty."""
VARIABLE: Final = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")


def _example() -> dict[str, str]:
    """The variables of .env.example."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = (line.partition("=")[::2] for line in lines if line and not line.startswith("#"))
    return {name: value.strip("'") for name, value in pairs}


def _filled() -> dict[str, str]:
    return {name: SECRETS.get(name, value or "filled") for name, value in _example().items()}


def _interpolated(node: Any, values: Mapping[str, str]) -> Any:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as Compose does."""
    if isinstance(node, dict):
        return {key: _interpolated(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value, values) for value in node]
    if not isinstance(node, str):
        return node

    def value_of(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        value = values.get(name, "")
        if value:
            return value
        assert operator != ":?", f"{name} is required: {rest}"
        return rest or ""

    return VARIABLE.sub(value_of, node).replace("$$", "$")


TEXT: Final = (ROOT / "docker-compose.yml").read_text()
RAW: Final[dict[str, Any]] = yaml.safe_load(TEXT)
COMPOSE: Final[dict[str, Any]] = _interpolated(RAW, _filled())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = sorted(name for name, one in SERVICES.items() if "build" in one)
PROCESSES: Final = ("api", "worker-core", "worker-providers")


def _environment(service: str) -> dict[str, str]:
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    return environment


def _settings_of(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The names of all environment variables that set a field of `model`."""
    for name, field in model.model_fields.items():
        setting = f"{prefix}{name}".upper()
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _settings_of(nested, f"{setting}__")
        else:
            yield "DATABASE_URL" if name == "database_url" else setting


class _Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return default


def _settings_asked_for(config: type[SandboxConfig] | type[VisionConfig]) -> set[str]:
    asked = _Asked()
    config.from_environment(asked)
    return asked.names


def test_there_are_services_to_look_at() -> None:
    others = {"migrate", "search-attributes", "sandbox", "vision"}
    assert set(PROCESSES) | others == set(OURS)


@pytest.mark.parametrize("service", OURS)
def test_every_setting_exists(service: str) -> None:
    third_parties: dict[str, type[SandboxConfig] | type[VisionConfig]] = {
        "sandbox": SandboxConfig,
        "vision": VisionConfig,
    }
    known = (
        _settings_asked_for(third_parties[service])
        if service in third_parties
        else set(_settings_of(Settings, "loanflow_"))
    )
    temporal = {name for name in _environment(service) if name.startswith("TEMPORAL_")}

    assert set(_environment(service)) - temporal <= known
    if temporal:
        config = ClientConfig.load_client_connect_config(
            disable_file=True,
            override_env_vars={name: _environment(service)[name] for name in temporal},
        )
        assert config.get("target_host") == _environment(service)["TEMPORAL_ADDRESS"]
        assert config.get("namespace") == _environment(service)["TEMPORAL_NAMESPACE"]
        assert temporal == {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}


@pytest.mark.parametrize("service", PROCESSES)
def test_the_settings_are_valid(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("LOANFLOW_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    for name, value in _environment(service).items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert settings.environment == "production"
    assert not settings.time_travel
    assert urlsplit(settings.database_url).hostname == "postgres"
    Keyring.parse(settings.payload_keys.get_secret_value())
    Keyring.parse(settings.pii_keys.get_secret_value())
    BlindIndex.parse(settings.blind_index_key.get_secret_value())


def test_every_setting_of_third_parties_can_be_given() -> None:
    """The local stack hands on whatever its caller's environment says of them."""
    of_callbacks = {
        "LOANFLOW_PROVIDERS__CALLBACK_SECRET",
        "LOANFLOW_PROVIDERS__QITECH_WEBHOOK_KEY",
    }
    known = set(_settings_of(ProviderSettings, "loanflow_providers__"))
    given = {name for name, _, _ in VARIABLE.findall(TEXT)}

    assert of_callbacks < known <= given
    assert of_callbacks <= set(_environment("api"))
    for service in ("worker-core", "worker-providers"):
        assert known - of_callbacks <= set(_environment(service))


def test_the_example_has_the_defaults() -> None:
    for name, operator, default in VARIABLE.findall(TEXT):
        if operator == ":-":
            assert _example()[name] == default, name


@pytest.mark.parametrize("service", OURS)
def test_every_command_exists(service: str) -> None:
    python, dash_m, module, *arguments = SERVICES[service]["command"]

    assert (python, dash_m) == ("python", "-m")
    assert _is_runnable(module)
    if module == "worker":
        # The parser checks what stands before --help and then stops the program.
        with pytest.raises(SystemExit) as told:
            worker.main([*arguments, "--help"])
        assert told.value.code == 0
    else:
        assert arguments == []


def _is_runnable(module: str) -> bool:
    """Say whether `python -m module` runs something."""
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{module}.__main__")
    if spec is None or spec.origin is None:
        return False
    return 'if __name__ == "__main__":' in Path(spec.origin).read_text()


def test_each_task_queue_is_served() -> None:
    served = {SERVICES[service]["command"][-1] for service in PROCESSES if service != "api"}

    assert served == set(queues.ALL)


@pytest.mark.parametrize("service", SERVICES)
def test_every_name_is_defined(service: str) -> None:
    one = SERVICES[service]

    assert set(one.get("depends_on", {})) <= set(SERVICES)
    for other, need in one.get("depends_on", {}).items():
        if need["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other], other
        if need["condition"] == "service_completed_successfully":
            assert SERVICES[other].get("restart", "").startswith("on-failure"), other
        assert set(SERVICES[other].get("profiles", [])) <= set(one.get("profiles", []))
        assert set(SERVICES[other]["networks"]) & set(one["networks"]), "they cannot meet"
    assert set(one.get("profiles", [])) <= {"sandbox"}
    assert set(one["networks"]) <= set(COMPOSE["networks"])


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_exists(service: str) -> None:
    for volume in SERVICES[service].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).is_file(), source
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_scripts_that_the_server_runs_are_executable() -> None:
    # The image would read one that is not into its own shell.
    assert os.access(ROOT / "deploy/postgres/roles.sh", os.X_OK)


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service: str) -> None:
    _, _, tag = SERVICES[service]["image"].rpartition(":")

    assert re.match(r"v?\d+\.\d+", tag)


def test_secrets_are_required_and_never_given() -> None:
    secret = re.compile(r"PASSWORD|_KEYS?$|SECRET|TOKENS?$|_HASH$")
    for name, operator, default in VARIABLE.findall(TEXT):
        if secret.search(name):
            if name in OTHERWISE_THAT_OF_ALL:
                assert (operator, default) == (":-", ""), f"{name} must be empty by default"
            else:
                assert operator == ":?", f"{name} must be required"
            assert _example()[name] == "", f"{name} must be empty in .env.example"


def test_the_example_names_each_variable_and_no_other() -> None:
    assert {name for name, _, _ in VARIABLE.findall(TEXT)} == set(_example())


@pytest.mark.parametrize("service", OURS)
def test_health_is_asked_where_the_process_answers(service: str) -> None:
    probe = SERVICES[service].get("healthcheck")
    if probe is None:
        assert SERVICES[service]["restart"].startswith("on-failure")
        return
    *command, url, option, alive = probe["test"]
    ports = {
        "api": _environment(service).get("LOANFLOW_API_PORT"),
        "sandbox": _environment(service).get("LOANFLOW_SANDBOX_PORT"),
        "vision": _environment(service).get("LOANFLOW_VISION_PORT"),
    }

    assert (command, option) == (["CMD", "python", "-m", "deploy.probe"], "--alive")
    for asked in (url, alive):
        assert str(urlsplit(asked).port) == ports.get(
            service, _environment(service).get("LOANFLOW_METRICS_PORT")
        )
        if service == "api":
            assert ("GET", urlsplit(asked).path) in RULES
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_cards_and_faces_go_to_vision_with_time_enough() -> None:
    settings = json.loads(_environment("worker-providers")["LOANFLOW_PROVIDERS__OVERRIDES"])
    seconds = json.loads(_environment("worker-providers")["LOANFLOW_PROVIDERS__TIMEOUTS"])
    config = VisionConfig.from_environment(_environment("vision"))

    assert set(settings) == set(seconds) == {"identity_card", "liveness"}
    assert set(settings.values()) == {f"http://vision:{config.port}"}
    assert min(seconds.values()) > config.wait_seconds + config.job_seconds
    assert set(SERVICES["vision"]["networks"]) & set(SERVICES["worker-providers"]["networks"])


def test_callbacks_go_to_a_route_of_the_api() -> None:
    url = urlsplit(_environment("sandbox")["LOANFLOW_SANDBOX_CALLBACK_URL"])

    assert (url.hostname, str(url.port)) == ("api", _environment("api")["LOANFLOW_API_PORT"])
    assert ("POST", url.path) in RULES


def test_the_ui_asks_the_codec_through_its_own_gate() -> None:
    gate = (ROOT / "deploy/Caddyfile").read_text()
    ui = _environment("api")["LOANFLOW_TEMPORAL_UI_URL"]

    assert _environment("temporal-ui")["TEMPORAL_CODEC_ENDPOINT"] == f"{ui}/codec"
    assert set(re.findall(r"\{\$(\w+)\}", gate)) == set(_environment("ui-gate"))
    assert set(re.findall(r"reverse_proxy ([a-z-]+):", gate)) == {"api", "temporal-ui"}
    assert f"reverse_proxy api:{_environment('api')['LOANFLOW_API_PORT']} " in gate


def _scrape_targets() -> Iterator[tuple[str, str, str]]:
    """Job, service and port of all that Prometheus scrapes."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        for group in job.get("static_configs", []):
            for target in group["targets"]:
                yield job["job_name"], *target.split(":")
        for group in job.get("dns_sd_configs", []):
            for name in group["names"]:
                yield job["job_name"], name, str(group["port"])


def test_prometheus_scrapes_where_metrics_are() -> None:
    served = {
        "api": ("LOANFLOW_API_PORT", ("api",)),
        "worker": ("LOANFLOW_METRICS_PORT", ("worker-core", "worker-providers")),
        "worker-sdk": ("LOANFLOW_SDK_METRICS_PORT", ("worker-core", "worker-providers")),
    }
    expected = {
        (job, service, _environment(service)[setting])
        for job, (setting, services) in served.items()
        for service in services
    }
    temporal = _environment("temporal")["PROMETHEUS_ENDPOINT"].split(":")[1]

    assert set(_scrape_targets()) == expected | {("temporal", "temporal", temporal)}
    assert ("GET", "/metrics") in RULES
    for _, service, _ in _scrape_targets():
        assert set(SERVICES[service]["networks"]) & set(SERVICES["prometheus"]["networks"])


def test_alerts_watch_metrics_that_exist() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    rules = [rule for group in config["groups"] for rule in group["rules"]]
    source = "".join(
        Path(path).read_text() for path in (metrics.__file__, enquiry_metrics.__file__)
    )
    operations = (ROOT / "docs/operations.md").read_text()
    writers = "".join(
        (ROOT / path).read_text()
        for path in (
            *("providers/http/transport.py", "providers/http/verdict.py"),
            "activities/payments.py",
            *("activities/sources/enquiries.py", "storage/sources.py"),
        )
    )

    for rule in rules:
        for name in re.findall(r"loanflow_\w+", rule["expr"]):
            assert f'"{name}"' in source, name
        for outcomes in re.findall(r'outcome=~?"([\w|]+)"', rule["expr"]):
            for outcome in outcomes.split("|"):
                assert f'"{outcome}"' in writers, outcome
        assert f"\n## {rule['annotations']['section']}\n" in operations


def test_the_namespace_is_the_one_that_is_made() -> None:
    namespaces = {
        _environment(service)["TEMPORAL_NAMESPACE"]
        for service in (*PROCESSES, "temporal-namespace", "search-attributes")
    }

    assert namespaces == {_environment("temporal-ui")["TEMPORAL_DEFAULT_NAMESPACE"]}


def test_the_image_holds_what_its_processes_import() -> None:
    allowed = re.findall(r"^!(\w+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert set(allowed) == IMAGE_PACKAGES | {"catalogue", "requirements", "worker"}
    for path in [ROOT / "worker.py", *_modules_of_the_image()]:
        for name in _imports(path):
            top = name.split(".")[0]
            assert top in IMAGE_PACKAGES or not (ROOT / top).is_dir(), f"{path} imports {name}"


def _modules_of_the_image() -> Iterator[Path]:
    for package in sorted(IMAGE_PACKAGES):
        yield from (ROOT / package).rglob("*.py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
