"""The API's reference as one page at `/docs`: made of the OpenAPI document, no script, no network.

It is there in the local environment only; `/openapi.json` beside it feeds other tools.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from api.http.access import RULES
from api.http.routing import StrictRoute

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 3rem; border-bottom: 1px solid #8884 }
code, pre { font: 13px/1.45 ui-monospace, monospace; background: #8881; border-radius: 3px }
code { padding: .1rem .3rem } pre { padding: .6rem; overflow: auto }
details { margin: .4rem 0 } summary { cursor: pointer } b { display: inline-block; min-width: 3rem }
small { opacity: .7 } @media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"


def reference_router(app: FastAPI) -> APIRouter:
    """Return the route of the reference page of `app`."""
    router = APIRouter(route_class=StrictRoute, include_in_schema=False)

    @router.get("/docs")
    async def reference() -> HTMLResponse:
        page = "".join(_page(app.openapi()))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    return router


def _page(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])} API"
    yield f"</title><style>{_STYLE}</style><h1>{escape(info['title'])} API</h1>"
    yield f"<pre>{escape(info['description'].strip())}</pre>"
    yield "<p>For other tools: <a href=/openapi.json>openapi.json</a></p>"
    tag = None
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{escape(tag)}</h2>"
            yield from _operation(document, method.upper(), path, operation)


def _operation(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> Iterator[str]:
    roles = RULES[method, path].roles
    callers = ", ".join(sorted(roles)) if roles else "anybody"
    yield f"<details><summary><b>{method}</b> <code>{escape(path)}</code> "
    yield f"{escape(operation.get('summary', ''))} <small>{callers}</small></summary>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    for parameter in operation.get("parameters", []):
        needed = "required" if parameter.get("required") else "optional"
        yield f"<p><code>{escape(parameter['name'])}</code> <small>{parameter['in']}, {needed}"
        yield f"</small> {escape(parameter.get('description', ''))}</p>"
    for example in _examples(document, operation):
        yield f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"
    for status, answer in operation["responses"].items():
        yield f"<p><code>{status}</code> {escape(answer.get('description', ''))}</p>"
    yield "</details>"


def _examples(document: dict[str, Any], operation: dict[str, Any]) -> list[Any]:
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = document["components"]["schemas"].get(reference.rpartition("/")[2], {})
    examples: list[Any] = schema.get("examples", [])
    return examples
