"""A container whose process hangs is started again: Docker by itself only marks it."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy import probe


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/health"


def test_who_answers_is_alive_and_who_does_not_listen_is_starting(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probe.answers(url_of(server.server_port)) is True
    monkeypatch.setattr(Answering, "status", 503)
    assert probe.answers(url_of(server.server_port)) is False
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert probe.answers(url_of(free.getsockname()[1])) is None


def test_who_listens_and_says_nothing_has_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert probe.answers(url_of(silent.getsockname()[1])) is False


def test_only_checks_in_a_row_are_counted(tmp_path: Path) -> None:
    count = tmp_path / "unanswered"
    assert [probe.unanswered(False, count) for _ in range(3)] == [1, 2, 3]
    assert probe.unanswered(True, count) == 0
    assert probe.unanswered(False, count) == 1
    assert probe.unanswered(None, count) == 0
    assert probe.unanswered(False, count) == 1


def test_the_sixth_check_in_a_row_kills_what_init_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(probe, "_COUNT", tmp_path / "unanswered")
    monkeypatch.setattr(probe, "_INIT", os.getpid())
    hung = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setattr(probe, "children_of", lambda _: iter([hung.pid]))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = url_of(silent.getsockname()[1])
        for _ in range(probe.HUNG_CHECKS - 1):
            assert probe.main([url, "--alive", url]) == 1
        assert hung.poll() is None
        assert probe.main([url, "--alive", url]) == 1
    assert hung.wait(10) == -9


def test_children_are_those_that_a_process_started() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert child.pid in set(probe.children_of(os.getpid()))
        assert os.getpid() not in set(probe.children_of(os.getpid()))
    finally:
        child.kill()
        child.wait()


def test_other_machines_are_not_probed() -> None:
    assert probe.main(["http://example.com/", "--alive", "http://127.0.0.1:1/"]) == 1
