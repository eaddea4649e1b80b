"""Is a picture in focus, and is there anything on it."""

import cv2
import numpy as np

from vision.images import Pixels
from vision.thresholds import BUSY, BUSY_PART, SHARPNESS

_SIDE = 640
_COARSE = 256
_SQUARE = 16


def sharpness(picture: Pixels) -> float:
    """Return the variance of the Laplacian at a common size: high for crisp edges."""
    scale = _SIDE / max(picture.shape[:2])
    common = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(common, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def is_blurred(picture: Pixels) -> bool:
    """Say whether a picture is too blurred to be read."""
    return sharpness(picture) < SHARPNESS


def is_empty(picture: Pixels) -> bool:
    """Say whether a picture shows a bare surface: nothing that better focus would make readable."""
    scale = _COARSE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float64)
    rows, columns = (max(1, length // _SQUARE) for length in grey.shape)
    squares = [
        square
        for strip in np.array_split(grey, rows)
        for square in np.array_split(strip, columns, axis=1)
    ]
    busy = sum(bool(square.std() > BUSY) for square in squares)
    return busy < BUSY_PART * len(squares)
