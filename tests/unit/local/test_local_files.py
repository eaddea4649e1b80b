"""The parts of the local stack that are files and settings: ports, secrets, state, lock."""

import base64
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from api.credit_analysis.clients import client_of
from local import development_secrets as secrets_file
from local.clean import remove_data
from local.commands import SANDBOX, explicit_ports, inherited
from local.errors import LocalStackError
from local.ports import HOST, choose_ports, is_free
from local.state import (
    FolderLock,
    StackState,
    process_start,
    running_stack,
    stack_environment,
    write_stack,
)
from local.story.stage import tokens_by_role
from runtime.keyring import Keyring
from runtime.settings import Settings

NO_PROCESS = 2**22 + 1
"""Above every process id that Linux gives."""


def output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 -- ours
    return done.stdout


def listening() -> socket.socket:
    server = socket.create_server((HOST, 0))
    server.listen()
    return server


class TestPorts:
    def test_the_same_folder_gets_the_same_ports_again(self, tmp_path: Path) -> None:
        first = choose_ports(tmp_path, ["api", "temporal"])
        assert len(set(first.values())) == 2
        assert choose_ports(tmp_path, ["temporal", "api"]) == first

    def test_a_port_taken_since_is_replaced(self, tmp_path: Path) -> None:
        port = choose_ports(tmp_path, ["api"])["api"]
        with socket.create_server((HOST, port)):
            assert not is_free(port)
            assert choose_ports(tmp_path, ["api"])["api"] != port

    def test_a_new_name_does_not_get_a_remembered_port(self, tmp_path: Path) -> None:
        api = choose_ports(tmp_path, ["api"])["api"]
        assert choose_ports(tmp_path, ["worker"])["worker"] != api

    def test_a_wanted_port_in_use_is_refused_by_name(self, tmp_path: Path) -> None:
        with listening() as server:
            port = server.getsockname()[1]
            with pytest.raises(LocalStackError, match=rf"port {port}, asked for api, is in use"):
                choose_ports(tmp_path, ["api"], {"api": port})

    def test_a_damaged_memory_is_forgotten(self, tmp_path: Path) -> None:
        (tmp_path / "ports.json").write_text("[1, 2")
        assert choose_ports(tmp_path, ["api"])["api"] > 1024

    def test_two_folders_differ(self, tmp_path: Path) -> None:
        one = choose_ports(tmp_path / "one", ["a", "b", "c"])
        two = choose_ports(tmp_path / "two", ["a", "b", "c"])
        assert not set(one.values()) & set(two.values())


class TestSecrets:
    def test_made_once_private_and_read_back(self, tmp_path: Path) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        assert secrets_file.ensure_secrets(tmp_path) == made
        assert secrets_file.read_secrets(tmp_path) == made
        mode = (tmp_path / secrets_file.FILE).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600

    def test_an_opened_file_is_closed_again(self, tmp_path: Path) -> None:
        secrets_file.ensure_secrets(tmp_path)
        (tmp_path / secrets_file.FILE).chmod(0o644)
        secrets_file.ensure_secrets(tmp_path)
        assert stat.S_IMODE((tmp_path / secrets_file.FILE).stat().st_mode) == 0o600

    def test_missing_names_are_added_and_others_kept(self, tmp_path: Path) -> None:
        kept = f"old-1:{base64.b64encode(bytes(32)).decode()}"
        (tmp_path / secrets_file.FILE).write_text(f"LOANFLOW_PII_KEYS={kept}\n")
        made = secrets_file.ensure_secrets(tmp_path)
        assert made["LOANFLOW_PII_KEYS"] == kept
        assert made["LOANFLOW_PAYLOAD_KEYS"]

    def test_a_damaged_file_is_refused_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / secrets_file.FILE).write_text("LOANFLOW_PII_KEYS\n")
        with pytest.raises(LocalStackError, match="line 1"):
            secrets_file.ensure_secrets(tmp_path)
        assert (tmp_path / secrets_file.FILE).read_text() == "LOANFLOW_PII_KEYS\n"

    def test_processes_accept_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        for name, value in made.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        assert {token.role for token in settings.tokens} == set(secrets_file.SUBJECTS)
        keyring = Keyring.parse(settings.pii_keys.get_secret_value())
        assert keyring.primary == "local-1"
        assert len(base64.b64decode(settings.blind_index_key.get_secret_value())) == 32

    def test_the_key_is_that_of_the_client_of_the_credit_analysis(self, tmp_path: Path) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        given = json.loads(made["LOANFLOW_CREDIT_ANALYSIS_CLIENTS"])
        settings = Settings.model_validate({"credit_analysis_clients": given})
        known = client_of(settings, made["LOANFLOW_LOCAL_ANALYSIS_KEY"])
        assert (known.client, known.webhook_url) == ("local", "")

    def test_clients_that_somebody_wrote_are_kept(self, tmp_path: Path) -> None:
        kept = "LOANFLOW_CREDIT_ANALYSIS_CLIENTS='[]'\n"
        (tmp_path / secrets_file.FILE).write_text(kept)
        assert secrets_file.ensure_secrets(tmp_path)["LOANFLOW_CREDIT_ANALYSIS_CLIENTS"] == "[]"

    def test_a_shell_reads_the_same(self, tmp_path: Path) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        script = f'. "{tmp_path}/{secrets_file.FILE}"; printf %s "$LOANFLOW_TOKENS"'
        assert output(["/bin/sh", "-c", script]) == made["LOANFLOW_TOKENS"]


class TestEnvironment:
    def test_a_simulator_gets_its_secrets_and_none_of_ours(self, tmp_path: Path) -> None:
        environment = {
            **secrets_file.ensure_secrets(tmp_path),
            "DATABASE_URL": "postgresql://x",
            "TEMPORAL_ADDRESS": "127.0.0.1:1",
        }
        given = SANDBOX.spec(environment, 1234, tmp_path).environment
        assert given["LOANFLOW_SANDBOX_PORT"] == "1234"
        assert given["LOANFLOW_PROVIDERS__SIGNING_SECRET"]
        withheld = {*secrets_file.OUR_KEYS, "DATABASE_URL", "TEMPORAL_ADDRESS"}
        assert not withheld & set(given)

    def test_the_callers_temporal_profile_does_not_reach_an_own_server(self) -> None:
        caller = {"TEMPORAL_API_KEY": "k", "TEMPORAL_PROFILE": "cloud", "NO_PROXY": "corp"}
        own = inherited(caller, own_temporal=True)
        assert "TEMPORAL_API_KEY" not in own
        assert "TEMPORAL_PROFILE" not in own
        assert own["NO_PROXY"] == f"corp,{HOST},localhost"
        assert inherited(caller, own_temporal=False)["TEMPORAL_API_KEY"] == "k"

    def test_the_caller_may_fix_ports(self) -> None:
        assert explicit_ports({"LOANFLOW_API_PORT": "8001", "HOME": "/"}) == {"api": 8001}


def a_state(pid: int, started: str) -> StackState:
    return StackState(
        pid=pid,
        pid_started=started,
        started_at="2026-01-01T00:00:00+00:00",
        api_url="http://127.0.0.1:1",
        sandbox_url="http://127.0.0.1:2",
        temporal_address="127.0.0.1:3",
        temporal_ui_url="http://127.0.0.1:4",
        processes={"api": 1},
        environment={"LOANFLOW_API_PORT": "1"},
    )


class TestState:
    def test_a_running_stack_is_found_with_its_settings_and_tokens(self, tmp_path: Path) -> None:
        secrets_file.ensure_secrets(tmp_path)
        state = a_state(os.getpid(), process_start(os.getpid()) or "")
        write_stack(tmp_path, state)
        assert running_stack(tmp_path) == state
        environment = stack_environment(tmp_path)
        assert environment["LOANFLOW_API_PORT"] == "1"
        assert tokens_by_role(environment)["reviewer"].startswith("reviewer-")
        assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600

    def test_what_a_dead_supervisor_left_is_stale(self, tmp_path: Path) -> None:
        write_stack(tmp_path, a_state(NO_PROCESS, "1"))
        assert running_stack(tmp_path) is None
        with pytest.raises(LocalStackError, match="no stack is running"):
            stack_environment(tmp_path)

    def test_a_process_id_used_again_is_not_the_supervisor(self, tmp_path: Path) -> None:
        write_stack(tmp_path, a_state(os.getpid(), "another start"))
        assert running_stack(tmp_path) is None

    @pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"pid": 1}'])
    def test_a_damaged_file_is_no_stack(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "stack.json").write_text(text)
        assert running_stack(tmp_path) is None

    async def test_a_second_lock_is_refused_with_the_holders_id(self, tmp_path: Path) -> None:
        first, second = FolderLock(tmp_path), FolderLock(tmp_path)
        await first.acquire()
        with pytest.raises(LocalStackError, match=rf"already runs .* \(process {os.getpid()}\)"):
            await second.acquire()
        first.release()
        await second.acquire()
        second.release()


async def test_data_is_not_deleted_under_a_running_stack(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    await lock.acquire()
    (tmp_path / "secrets.env").touch()
    with pytest.raises(LocalStackError, match="already runs"):
        await remove_data(tmp_path)
    lock.release()
    choose_ports(tmp_path, ["api"])
    assert await remove_data(tmp_path) == [tmp_path / "secrets.env"]
    assert json.loads((tmp_path / "ports.json").read_text())
