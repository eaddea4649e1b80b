"""Answers with a status or headers of their own."""

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel


def created(response: Response, location: str) -> None:
    """Say where the created resource is."""
    response.headers["Location"] = location


def accepted(state_so_far: BaseModel, location: str) -> Response:
    """Return 202: the command is taken on for good, its end is to be read at `location`."""
    return JSONResponse(
        state_so_far.model_dump(mode="json"), 202, {"Location": location, "Retry-After": "2"}
    )
