"""Is a picture in focus."""

import cv2

from vision.images import Pixels
from vision.thresholds import SHARPNESS

_SIDE = 640


def sharpness(picture: Pixels) -> float:
    """Return the variance of the Laplacian at a common size: high for crisp edges."""
    scale = _SIDE / max(picture.shape[:2])
    common = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(common, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def is_blurred(picture: Pixels) -> bool:
    """Say whether a picture is too blurred to be read."""
    return sharpness(picture) < SHARPNESS
