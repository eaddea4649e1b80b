"""The public HTTP API as its callers use it: a token by role, a key for every command."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, TypeVar

import httpx

Answer = dict[str, Any]
"""An object that the API answers with."""

Read = TypeVar("Read")

NOBODY: Final = ""
"""The role of a caller without a token, for what needs none."""

_CHECK: Final = "is LOANFLOW_PUBLIC_URL the address of its API?"
_PATIENCE_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.5
_AGAIN: Final = frozenset({429, 502, 503})
_ENDED: Final = frozenset({"disbursed", "settled", "failed"})
_PASSING: Final = frozenset({"request_in_progress", "unreachable"})


class Refusal(Exception):
    """A request was refused; `code` is for programs, `detail` for people.

    `errors` are the fields that are wrong, as the API lists them.
    """

    def __init__(
        self, code: str, detail: str, status: int = 0, errors: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code
        self.detail = detail
        self.status = status
        self.errors = tuple(errors)


class ApiError(Refusal):
    """The API refused, with an HTTP status, or cannot be reached."""


class Late(Refusal):
    """Something did not happen in time."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            "late",
            f"{what} did not come within {seconds:.0f} s, but may still come: look again later",
        )


class Api:
    """A caller with a token for each role."""

    def __init__(self, http: httpx.AsyncClient, tokens: Mapping[str, str]) -> None:
        self._http = http
        self._tokens = tokens

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, role: str, path: str, **parameters: Any) -> Answer:
        """Read a resource in a role; raises Refusal."""
        return _object(await self._answer("GET", role, path, {"params": parameters}))

    async def rows(self, role: str, path: str, **parameters: Any) -> list[Answer]:
        """Read a plain list, which only the simulators answer with; raises Refusal."""
        return list(await self._answer("GET", role, path, {"params": parameters}))

    async def text(self, role: str, path: str, **parameters: Any) -> AsyncIterator[str]:
        """Yield a text as it comes, however long it is; raises Refusal."""
        try:
            async with self._http.stream(
                "GET", path, params=parameters, headers=self._proof(role)
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise _error(response)
                async for part in response.aiter_text():
                    yield part
        except httpx.TransportError as cause:
            raise ApiError(
                "unreachable", f"{self._http.base_url} cannot be reached ({cause!r}): does it run?"
            ) from cause

    async def post(
        self, role: str, path: str, body: Mapping[str, Any] | None = None, key: str = ""
    ) -> Answer:
        """Send a command in a role; raises Refusal.

        A repeat for the same reason carries the same key, so that it has one effect. `key` is made
        up unless the caller has one.
        """
        return await self._command("POST", role, path, body, key)

    async def put(self, role: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a command that sets something, like `post`."""
        return await self._command("PUT", role, path, body)

    async def put_row(self, role: str, path: str, body: Mapping[str, Any]) -> list[Answer]:
        """Add to a plain list, which only the simulators keep; return it; raises Refusal."""
        return list(await self._answer("PUT", role, path, {"json": dict(body)}))

    async def delete(self, role: str, path: str) -> Answer:
        """Send a command that takes something away, like `post`."""
        return await self._command("DELETE", role, path, None)

    async def pages(self, role: str, path: str, **parameters: Any) -> AsyncIterator[Answer]:
        """Yield every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get(
                role, path, **parameters, **({"cursor": cursor} if cursor else {})
            )
            for item in page["items"]:
                yield item
            cursor = page["next"]
            if not cursor:
                return

    async def ended(self, path: str, what: str) -> Answer:
        """Read a drawdown or repayment, as ops, until it has ended; raises Late."""
        return await until(
            lambda: self.get("ops", path), lambda found: found["state"] in _ENDED, what
        )

    async def _command(
        self, method: str, role: str, path: str, body: Mapping[str, Any] | None, key: str = ""
    ) -> Answer:
        headers = {"Idempotency-Key": key or secrets.token_urlsafe(18)}
        options: dict[str, Any] = {"headers": headers}
        if body is not None:
            options["json"] = dict(body)
        return _object(await self._answer(method, role, path, options))

    async def _answer(self, method: str, role: str, path: str, options: dict[str, Any]) -> Any:
        """Return the body of the answer, asking again while the API cannot answer yet."""
        deadline = monotonic() + _PATIENCE_SECONDS
        headers = {**options.pop("headers", {}), **self._proof(role)}
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                response = await self._http.request(method, path, headers=headers, **options)
                if response.is_success:
                    return response.json() if response.content else {}
                error = _error(response)
            except httpx.TransportError as cause:
                place = self._http.base_url
                error = ApiError(
                    "unreachable", f"{place} cannot be reached ({cause!r}): does it run?"
                )
            if not _may_pass(error) or monotonic() > deadline:
                raise error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _proof(self, role: str) -> dict[str, str]:
        if role == NOBODY:
            return {}
        try:
            return {"Authorization": f"Bearer {self._tokens[role]}"}
        except KeyError:
            raise Refusal(
                "no_token", f"there is no token for the role {role}: add one to LOANFLOW_TOKENS"
            ) from None


def http_client(url: str) -> httpx.AsyncClient:
    """Return a client for the API at `url`. A proxy on the way is not asked: it is our own API."""
    return httpx.AsyncClient(base_url=url, timeout=_PATIENCE_SECONDS, trust_env=False)


@asynccontextmanager
async def api_at(url: str, tokens: Mapping[str, str]) -> AsyncIterator[Api]:
    """Yield a caller of the API at `url`."""
    async with http_client(url) as http:
        yield Api(http, tokens)


async def until(
    read: Callable[[], Awaitable[Read]],
    ready: Callable[[Read], bool],
    what: str,
    seconds: float = 20.0,
) -> Read:
    """Read again and again until the answer is ready; raises Late, saying `what` was waited for."""
    deadline = monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        answer = await read()
        if ready(answer):
            return answer
        if monotonic() > deadline:
            raise Late(what, seconds)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _object(body: Any) -> Answer:
    """Return a body that must be an object."""
    if not isinstance(body, dict):
        raise ApiError("not_the_api", f"the answer is no JSON object: {_CHECK}")
    return body


def _may_pass(error: ApiError) -> bool:
    return error.status in _AGAIN or error.code in _PASSING


def _error(response: httpx.Response) -> ApiError:
    """Read a problem (RFC 9457), or say with which status something else answered."""
    try:
        problem = response.json()
        return ApiError(
            str(problem["code"]),
            str(problem["detail"]),
            response.status_code,
            problem.get("errors", ()),
        )
    except (ValueError, KeyError, TypeError):
        status = response.status_code
        return ApiError(
            "not_the_api",
            f"{response.url} answered {status}, not as Loanflow does: {_CHECK}",
            status,
        )
