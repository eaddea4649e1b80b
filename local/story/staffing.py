"""What the command line does with the staff directory, over the public HTTP API as ops."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from local.story.client import Api, Refusal

Result = dict[str, Any]

_OPS: Final = "ops"
_SHOWN: Final = ("handle", "name", "state", "roles", "teams", "skills", "id")


async def people(api: Api) -> Result:
    """List everybody."""
    rows = [person async for person in api.pages(_OPS, "/v1/staff", limit=100)]
    return {"staff": [{name: _text(person[name]) for name in _SHOWN} for person in rows]}


async def show(api: Api, handle: str) -> Result:
    """Show one person with deputies."""
    return _object(await api.get(_OPS, await _path(api, handle)))


async def add(
    api: Api, handle: str, name: str, roles: Sequence[str], skills: Sequence[str]
) -> Result:
    """Add a person."""
    body = {"handle": handle, "name": name, "roles": list(roles), "skills": list(skills)}
    return _object(await api.post(_OPS, "/v1/staff", body))


async def role(api: Api, handle: str, role: str, *, held: bool) -> Result:
    """Give a person a role, or take it."""
    path = f"{await _path(api, handle)}/roles/{role}"
    return _object(await api.put(_OPS, path) if held else await api.delete(_OPS, path))


async def skills(api: Api, handle: str, skills: Sequence[str]) -> Result:
    """Set what a person can do."""
    path = f"{await _path(api, handle)}/skills"
    return _object(await api.put(_OPS, path, {"skills": list(skills)}))


async def team(api: Api, handle: str, team: str, *, member: bool) -> Result:
    """Put a person in a team, or take them out."""
    path = f"{await _path(api, handle)}/teams/{team}"
    return _object(await api.put(_OPS, path) if member else await api.delete(_OPS, path))


async def new_team(api: Api, code: str, name: str) -> Result:
    """Add a team."""
    return _object(await api.post(_OPS, "/v1/teams", {"code": code, "name": name}))


async def deputy(api: Api, handle: str, deputy: str, first_day: date, last_day: date) -> Result:
    """Let somebody act in a person's roles for some days."""
    ids = await _ids(api)
    body = {
        "deputy_id": _known(ids, deputy),
        "first_day": first_day.isoformat(),
        "last_day": last_day.isoformat(),
    }
    return _object(await api.post(_OPS, f"/v1/staff/{_known(ids, handle)}/deputies", body))


async def withdraw(api: Api, handle: str, deputyship: str) -> Result:
    """End a deputyship."""
    path = f"{await _path(api, handle)}/deputies/{deputyship}"
    return _object(await api.delete(_OPS, path))


async def leave(api: Api, handle: str) -> Result:
    """Record that a person left."""
    return _object(await api.post(_OPS, f"{await _path(api, handle)}/leave"))


async def _path(api: Api, handle: str) -> str:
    return f"/v1/staff/{_known(await _ids(api), handle)}"


async def _ids(api: Api) -> dict[str, str]:
    """Return the ids by handle: handles stay out of addresses, which are logged on the way."""
    people = api.pages(_OPS, "/v1/staff", limit=100)
    return {person["handle"]: person["id"] async for person in people}


def _known(ids: dict[str, str], handle: str) -> str:
    try:
        return ids[handle]
    except KeyError:
        raise Refusal("unknown_person", f"there is nobody with the handle {handle}") from None


def _text(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


def _object(answer: Any) -> Result:
    return dict(answer)
