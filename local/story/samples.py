"""Sample input as files: pictures of a fictional person, and the elements that carry them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, get_args

import typer

from domain.verification.liveness_challenge import Action
from local.story.cameras import Camera, photographed
from local.story.client import Answer, Refusal
from local.story.command_line import command
from local.story.commands import Member, Persona
from local.story.handing_in import actions_asked
from local.story.people import elements, someone
from local.story.stage import Stage
from local.vision import missing_libraries
from sandbox.personas import Person

_ELEMENTS: Final = "elements.json"
_ENDINGS: Final = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpg"))

Folder = Annotated[Path, typer.Argument(file_okay=False, help="Where the files go.")]
For = Annotated[
    str | None,
    typer.Option(metavar="ID", help="The application whose challenge the face answers."),
]

files = typer.Typer()


@command(files)
async def samples(
    stage: Stage,
    folder: Folder,
    person: Persona = "approved",
    index: Member = 0,
    application: For = None,
) -> Answer:
    """Write pictures of a fictional person, and a body with all elements, ready to be sent.

    With an application the face does what that one asks for; without, a frame of each action.
    """
    of = someone(person, index or 0)
    actions: Sequence[str] = get_args(Action)
    camera = _camera(stage)
    if application is not None:
        actions = await actions_asked(stage.api, application)
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        _write(folder, "card_front", camera.card_front(of, "clear")),
        _write(folder, "card_back", camera.card_back(of)),
        *_frames(folder, camera, of, actions),
    ]
    body = folder / _ELEMENTS
    given = elements(of, actions, camera)
    body.write_text(
        json.dumps({"elements": given, "submit": True}, ensure_ascii=False), encoding="utf-8"
    )
    return {
        "folder": str(folder),
        "name": of.name,
        "identity_number": of.identity_number,
        "mobile": of.mobile,
        "card_number": of.card_number,
        "files": [*written, _ELEMENTS],
    }


def _camera(stage: Stage) -> Camera:
    """Return the camera of the installation; photographs where there is none, if they can be made.

    Raises Refusal.
    """
    try:
        return stage.camera
    except Refusal:
        if missing := missing_libraries():
            raise Refusal(
                "libraries_missing", f"to take photographs, install {' and '.join(missing)}"
            ) from None
        return photographed()


def _frames(folder: Path, camera: Camera, of: Person, actions: Sequence[str]) -> list[str]:
    taken = camera.frames(of, actions)
    return [
        _write(folder, f"face_{number:02d}_{shown}", frame)
        for number, (shown, frame) in enumerate(taken, start=1)
    ]


def _write(folder: Path, name: str, picture: bytes) -> str:
    ending = next(ending for begins, ending in _ENDINGS if picture.startswith(begins))
    file = folder / f"{name}.{ending}"
    file.write_bytes(picture)
    return file.name
