"""The documents name things that exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
import yaml
from pydantic import BaseModel
from temporalio.workflow import _Definition
from typer.core import TyperGroup

import starter
from activities.common.refusals import OrderConflict
from api.http.access import RULES
from domain.common.errors import DomainError
from messages import calls, ids
from messages.search_attributes import ALL as SEARCH_ATTRIBUTES
from runtime import enquiry_metrics, metrics
from runtime.settings import Settings
from workflows.registry import WORKFLOWS

ROOT: Final = Path(__file__).parents[3]
ARCHITECTURE: Final = (ROOT / "docs/architecture.md").read_text()
API: Final = (ROOT / "docs/api.md").read_text()
OPERATIONS: Final = (ROOT / "docs/operations.md").read_text()
ENQUIRIES: Final = (ROOT / "docs/enquiries.md").read_text()
README: Final = (ROOT / "README.md").read_text()
DOCUMENTS: Final = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SCHEMA: Final = "\n".join(
    path.read_text() for path in (ROOT / "storage/migrations/versions").glob("*.sql")
)
RENAMED: Final = dict(re.findall(r"alter table (\w+) rename to (\w+)", SCHEMA))
DROPPED: Final = set(re.findall(r"drop table (\w+)", SCHEMA))
TABLES: Final = {
    RENAMED.get(table, table) for table in re.findall(r"create table (\w+)", SCHEMA)
} - DROPPED
CALLS: Final = {value.name for value in vars(calls).values() if isinstance(value, calls.Call)}
ROW: Final = re.compile(
    r"^\| `(\w+)` \| `([a-z-]+):[^|]*\| [^|]*\| [^|]*\| ([^|]*) \|$", re.MULTILINE
)
"""A row of the table of workflows: name, first part of the id, what it takes."""


def _definition(workflow: type) -> Any:
    definition = _Definition.from_class(workflow)
    assert definition is not None
    return definition


def _settings_of(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _settings_of(nested, f"{prefix}{name}__".upper())
        else:
            yield "DATABASE_URL" if name == "database_url" else f"{prefix}{name}".upper()


def test_every_setting_is_told_and_no_other() -> None:
    table = OPERATIONS.split("## Settings")[1].split("\n## ")[0]
    told = set(re.findall(r"`(DATABASE_URL|LOANFLOW_\w+)`", table))

    assert told == set(_settings_of(Settings, "LOANFLOW_"))


def test_defaults_are_told_as_they_are() -> None:
    defaults = {
        "LOANFLOW_DATABASE_POOL_SIZE": Settings.model_fields["database_pool_size"].default,
        "LOANFLOW_ENVIRONMENT": Settings.model_fields["environment"].default,
        "LOANFLOW_LOG_LEVEL": Settings.model_fields["log_level"].default,
        "LOANFLOW_MAX_CONCURRENT_ACTIVITIES": Settings.model_fields[
            "max_concurrent_activities"
        ].default,
        "LOANFLOW_MAX_CACHED_WORKFLOWS": Settings.model_fields["max_cached_workflows"].default,
        "LOANFLOW_PUBLIC_URL": Settings.model_fields["public_url"].default,
    }
    for name, default in defaults.items():
        assert f"| `{name}` | `{default}` |" in OPERATIONS


def _routes(text: str) -> set[tuple[str, str]]:
    """Return the routes that a text names, whatever it calls their ids."""
    named = re.findall(r"`(GET|POST|PUT|DELETE) (/[\w/{}.-]+)", text)
    return {(method, re.sub(r"{\w+}", "{}", path)) for method, path in named}


def test_every_command_is_told_and_which_need_no_key() -> None:
    moving = {
        (method, re.sub(r"{\w+}", "{}", path)): rule.keyed
        for (method, path), rule in RULES.items()
        if method != "GET"
    }
    assert set(moving) <= _routes("\n".join(path.read_text() for path in DOCUMENTS))
    section = API.split("## Commands are safe to repeat")[1].split("With a key:")[0]
    assert _routes(section) == {route for route, keyed in moving.items() if not keyed}


def test_every_metric_is_told_and_no_other() -> None:
    source = Path(metrics.__file__).read_text()

    assert set(re.findall(r"\bloanflow_[a-z_]+", OPERATIONS)) == set(
        re.findall(r'"(loanflow_\w+)"', source)
    )
    assert metrics.STUCK_QUERY in OPERATIONS


def test_every_metric_of_enquiries_is_told() -> None:
    source = Path(enquiry_metrics.__file__).read_text()

    told = set(re.findall(r"^\| `(loanflow_[a-z_]+)`", ENQUIRIES, re.MULTILINE))
    assert told == set(re.findall(r'"(loanflow_\w+)"', source))


def test_each_alert_is_told_where_it_says() -> None:
    """A rule names a section, which names the rule or what it watches."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}

    for name, rule in rules.items():
        section = OPERATIONS.split(f"\n## {rule['annotations']['section']}\n")[1].split("\n## ")[0]
        assert name in section or name in ("WorkflowsStuck", "MoneyInDoubt"), name


def test_the_table_of_workflows_is_the_code() -> None:
    told = {name: (kind, takes) for name, kind, takes in ROW.findall(ARCHITECTURE)}

    assert set(told) == {workflow.__name__ for workflow in WORKFLOWS}
    for workflow in WORKFLOWS:
        definition = _definition(workflow)
        kind, takes = told[workflow.__name__]
        accepted = set(definition.updates) | set(definition.signals)
        assert set(re.findall(r"`(\w+)`", takes)) == accepted - {None}, workflow.__name__
        maker = getattr(ids, f"{kind.replace('-', '_')}_workflow")
        arguments = ("x", 1) if kind == "collections" else ("x",)
        assert maker(*arguments).startswith(f"{kind}:x")


def test_the_diagram_of_data_names_tables_and_their_writers() -> None:
    diagram = ARCHITECTURE.split("erDiagram")[1].split("```")[0]
    lines = re.findall(r"^\s+(\w+) [|o}{]+--[|o}{]+ (\w+) : \"([^\"]*)\"$", diagram, re.MULTILINE)

    assert lines
    drawn = {name for left, right, _ in lines for name in (left, right)}
    beside = set(
        re.findall(
            r"`(outbox|audit|callbacks|api_requests|calendars_applied|process_checks)` \(",
            ARCHITECTURE,
        )
    )
    assert drawn | beside == TABLES
    for _, _, label in lines:
        for word in re.findall(r"\b[a-z]+_[a-z_]+\b", label):
            assert word in CALLS, word


def test_links_lead_somewhere(subtests: pytest.Subtests) -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
            with subtests.test(document=document.name, target=target):
                assert target.startswith("http") or (document.parent / target).exists()


def test_paths_exist(subtests: pytest.Subtests) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    named = re.compile(r"`([\w-]+/[\w./-]*|[\w-]+\.(?:py|yml|toml|in))`")
    for document in DOCUMENTS:
        for path in named.findall(document.read_text()):
            if "/" not in path or path.split("/")[0] in folders:
                with subtests.test(document=document.name, path=path):
                    assert (ROOT / path).exists()


def test_make_targets_exist(subtests: pytest.Subtests) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        with subtests.test(document=document.name):
            assert set(re.findall(r"\bmake ([a-z-]+)`", document.read_text())) <= targets


def test_commands_of_the_command_line_exist(subtests: pytest.Subtests) -> None:
    line = typer.main.get_group(starter.app)
    for document in DOCUMENTS:
        text = document.read_text()
        with subtests.test(document=document.name):
            assert set(re.findall(r"starter\.py ([a-z-]+)", text)) <= set(line.commands)
            for name, group in line.commands.items():
                if isinstance(group, TyperGroup):
                    named = re.findall(rf"starter\.py {name} ([a-z-]+)", text)
                    assert set(named) <= set(group.commands)


def test_dotted_names_exist() -> None:
    for document in DOCUMENTS:
        for name in re.findall(
            r"`((?:domain|messages|workflows|activities|storage|runtime|api)(?:\.\w+)+)`",
            document.read_text(),
        ):
            assert _exists(name), f"{document.name}: {name}"


def _exists(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:length])
        rest = parts[length:]
        if base.with_suffix(".py").is_file():
            source = base.with_suffix(".py").read_text()
            return len(rest) <= 1 and all(
                re.search(rf"\b(def|class) {word}\b|^{word}\b.*=", source, re.MULTILINE)
                for word in rest
            )
        if base.is_dir() and not rest:
            return True
    return False


def test_failures_that_park_a_process_exist() -> None:
    known = {error.__name__ for error in _descendants(DomainError)}
    assert OrderConflict.__name__ in known  # the refusals of activities are among them

    repairable = re.findall(r"`NeedsIntervention: \.\.\. (\w+)`", OPERATIONS)
    assert repairable
    assert set(repairable) <= known
    assert set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", _errors_named())) <= known


def _errors_named() -> str:
    """The refusals that the story of a command names."""
    return " ".join(re.findall(r"\((`\w+`, `\w+`)\): nothing is written", ARCHITECTURE))


def _descendants(of: type[DomainError]) -> Iterator[type[DomainError]]:
    for one in of.__subclasses__():
        yield one
        yield from _descendants(one)


def test_signals_sent_by_hand_are_taken() -> None:
    taken = {name for workflow in WORKFLOWS for name in _definition(workflow).signals}

    assert set(re.findall(r"--name (\w+)", OPERATIONS)) <= taken


def test_search_attributes_in_queries_exist() -> None:
    system = {"TemporalReportedProblems", "ExecutionStatus", "WorkflowType"}
    queries = re.findall(r'--query "([^"]*)"', OPERATIONS)
    named = {name for query in queries for name in re.findall(r"(\w+) (?:=|IN|IS)", query)}

    assert named <= system | {key.name for key in SEARCH_ATTRIBUTES}


def test_services_named_in_operations_exist() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    named = re.findall(r"`(worker-\w+|temporal-\w+|search-attributes|migrate)`", OPERATIONS)
    assert set(named) <= set(services)
    assert set(re.findall(r"--scale ([\w-]+)=", OPERATIONS)) <= set(services)


def test_the_readme_shows_the_two_commands() -> None:
    assert "make run" in README
    assert "make demo" in README
