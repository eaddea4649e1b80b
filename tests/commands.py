"""The command line in a test, and an API that answers as it is told."""

from typing import Any

from typer.testing import CliRunner

from starter import app


class FakeApi:
    """Answers of an API by method and path, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.queries: list[str] = []
        self.bodies: list[Any] = []
        self.url = ""

    def put(self, method: str, path: str, *answers: tuple[int, Any]) -> None:
        self.answers[method, path] = list(answers)

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        self.asked.append((method, path, headers))
        path, _, query = path.partition("?")
        self.queries.append(query)
        answers = self.answers[method, path]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def problem(status: int, code: str, detail: str) -> tuple[int, dict[str, Any]]:
    return status, {"type": "urn:x", "title": "x", "status": status, "code": code, "detail": detail}


def run(*arguments: str) -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, arguments)
