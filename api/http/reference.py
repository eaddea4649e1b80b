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
from api.http.samples import sample_of, variants_of

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 3rem; border-bottom: 1px solid #8884 }
code, pre { font: 13px/1.45 ui-monospace, monospace; background: #8881; border-radius: 3px }
code { padding: .1rem .3rem } pre { padding: .6rem; overflow: auto }
details { margin: .4rem 0 } summary { cursor: pointer } b { display: inline-block; min-width: 3rem }
small { opacity: .7 } @media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } }
"""
_TOKENS: Final = (
    "Who may call an operation stands beside it. Send the token of such a role as <code>"
    "Authorization: Bearer ...</code>. Tokens are set with <code>LOANFLOW_TOKENS</code>; on the "
    "local stack they are in <code>.local/secrets.env</code>. Ids, names and numbers below are "
    "made up; <code>starter.py samples ./samples</code> writes pictures that are accepted."
)
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
    yield f"<p>{_TOKENS}</p>"
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
    yield from _request(document, operation)
    for status, answer in operation["responses"].items():
        yield f"<p><code>{status}</code> {escape(answer.get('description', ''))}</p>"
        schema = _schema_of(answer.get("content", {}))
        if status.startswith("2") and schema is not None:
            yield _example(sample_of(schema, document["components"]["schemas"]))
    yield "</details>"


def _request(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """Yield examples of the body: the stated ones, and one of each form that it can take."""
    schema = _schema_of(operation.get("requestBody", {}).get("content", {}))
    if schema is None:
        return
    schemas = document["components"]["schemas"]
    named = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    forms = list(variants_of(schema, schemas))
    stated = named.get("examples") or ([] if forms else [sample_of(schema, schemas)])
    yield "<p>Body</p>"
    for example in stated:
        yield _example(example)
    for form, example in forms:
        yield f"<p>Of the kind <code>{escape(form)}</code></p>{_example(example)}"


def _schema_of(content: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a body in JSON; None where there is no such body."""
    found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return found


def _example(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
