"""What a telephone's camera does to a picture: angle, focus, light, noise, compression.

Every effect is a function of its arguments alone; those that need chance take a seed.
"""

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
_DESK = (112, 92, 78)


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    """Return the picture as a JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def on_a_desk(picture: Image.Image, margin: int = 60) -> Image.Image:
    """Lay the picture on a dark table."""
    width, height = picture.size
    desk = Image.new("RGB", (width + 2 * margin, height + 2 * margin), _DESK)
    desk.paste(picture, (margin, margin))
    return desk


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    """Turn the picture counter-clockwise on the table."""
    return on_a_desk(picture).rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_DESK
    )


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    """Put the picture out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(radius))


def shaken(picture: Image.Image, pixels: int) -> Image.Image:
    """Move the camera sideways by so many pixels during the exposure."""
    kernel = np.zeros((pixels, pixels), np.float32)
    kernel[pixels // 2, :] = 1 / pixels
    return Image.fromarray(cv2.filter2D(np.asarray(picture), -1, kernel).astype(np.uint8))


def from_aside(picture: Image.Image, strength: float) -> Image.Image:
    """Look at the picture from one side: the far edge shrinks by `strength` (0 to 0.4)."""
    laid = np.asarray(on_a_desk(picture))
    height, width = laid.shape[:2]
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inset = strength * height / 2
    after = before.copy()
    after[1] += (-0.6 * inset, inset)
    after[2] += (-0.6 * inset, -inset)
    matrix = cv2.getPerspectiveTransform(before, after)
    seen = cv2.warpPerspective(laid, matrix, (width, height), borderValue=_DESK)
    return Image.fromarray(seen.astype(np.uint8))


def with_glare(picture: Image.Image, across: float, down: float, strength: float) -> Image.Image:
    """Let a lamp shine on the point (`across`, `down`), parts of width and height."""
    pixels = np.asarray(picture).astype(np.float32)
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    distance = ((columns - across * width) / (0.22 * width)) ** 2
    distance += ((rows - down * height) / (0.22 * height)) ** 2
    return _picture(pixels + (strength * np.exp(-distance))[..., None])


def darkened(picture: Image.Image, light: float) -> Image.Image:
    """Leave so much of the light, 0 to 1."""
    return _picture(np.asarray(picture).astype(np.float32) * light)


def with_noise(picture: Image.Image, deviation: float, seed: int) -> Image.Image:
    """Add the sensor's noise, in steps of brightness."""
    pixels = np.asarray(picture).astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, deviation, pixels.shape)
    return _picture(pixels + noise)


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    """Save and open the picture as a JPEG of this quality."""
    return Image.open(io.BytesIO(jpeg(picture, quality))).convert("RGB")


def narrowed(picture: Image.Image, width: int) -> Image.Image:
    """Shrink the picture to a width."""
    height = round(picture.height * width / picture.width)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _picture(pixels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


CONDITIONS: Final[Mapping[str, Callable[[Image.Image], Image.Image]]] = MappingProxyType(
    {
        "clean": lambda side: side,
        "desk": on_a_desk,
        "turned 7": lambda side: turned(side, 7),
        "turned -12": lambda side: turned(side, -12),
        "turned 90": lambda side: turned(side, 90),
        "upside down": lambda side: turned(side, 180),
        "blur 1.5": lambda side: blurred(on_a_desk(side), 1.5),
        "blur 3": lambda side: blurred(on_a_desk(side), 3),
        "shaken 7": lambda side: shaken(on_a_desk(side), 7),
        "aside 0.2": lambda side: from_aside(side, 0.2),
        "aside 0.35": lambda side: from_aside(side, 0.35),
        "glare top": lambda side: with_glare(on_a_desk(side), 0.3, 0.3, 150),
        "glare number": lambda side: with_glare(on_a_desk(side), 0.6, 0.85, 110),
        "dark": lambda side: darkened(on_a_desk(side), 0.3),
        "noise 18": lambda side: with_noise(on_a_desk(side), 18, seed=1),
        "jpeg 20": lambda side: compressed(on_a_desk(side), 20),
        "480 wide": lambda side: narrowed(on_a_desk(side), 480),
    }
)
"""Conditions that a reader is expected to cope with."""

HARD: Final[Mapping[str, Callable[[Image.Image], Image.Image]]] = MappingProxyType(
    {
        "blur 6": lambda side: blurred(on_a_desk(side), 6),
        "shaken 15": lambda side: shaken(on_a_desk(side), 15),
        "aside 0.6": lambda side: from_aside(side, 0.6),
        "glare on the number": lambda side: with_glare(on_a_desk(side), 0.6, 0.85, 255),
        "dark and noisy": lambda side: with_noise(darkened(on_a_desk(side), 0.15), 18, seed=1),
        "300 wide": lambda side: narrowed(on_a_desk(side), 300),
    }
)
"""Conditions at the limit: a reader may ask for a better picture, but not answer wrongly."""
