"""What tests of the command line share: an API that answers as told, and running a command."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.commands import FakeApi


@pytest.fixture
def fake_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """An API on a port of its own that the command line's settings name."""
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply("GET")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fake.bodies.append(json.loads(body) if body else None)
            self.reply("POST")

        def do_PUT(self) -> None:
            self.reply("PUT")

        def do_DELETE(self) -> None:
            self.reply("DELETE")

        def reply(self, method: str) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content = fake.answer(method, self.path, headers)
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    tokens = [{"role": role, "token": f"{role}-secret"} for role in ("partner", "ops", "analyst")]
    monkeypatch.setenv("LOANFLOW_PUBLIC_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LOANFLOW_TOKENS", json.dumps(tokens))
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LOANFLOW_PUBLIC_URL", raising=False)
    monkeypatch.delenv("LOANFLOW_TOKENS", raising=False)
    monkeypatch.setenv("LOANFLOW_LOCAL_FOLDER", str(tmp_path))
