"""Marking a picture with who looks at it and when, so that a copy of it says where it came from.

Like `domain.verification.pictures.clean` this takes a tenth of a second: not on an event loop.
"""

from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from domain.verification.pictures import pixels_of

_OPACITY: Final = 72
"""Of 255: legible on any ground, and what is under it stays legible."""
_ANGLE: Final = 30
_QUALITY: Final = 85


def watermarked(content: bytes, text: str) -> bytes:
    """Return a picture as JPEG with `text` written across all of it, dark and light.

    Raises `BadPicture` for what cannot be decoded within the limits of pictures.
    """
    pixels = pixels_of(content).convert("RGB")
    size = max(12, min(pixels.size) // 24)
    tile = _tile(text, size)
    covering = Image.new("L", pixels.size, 0)
    step = max(tile.width * 2 // 3, 1), max(tile.height * 2 // 3, 1)
    for down, y in enumerate(range(-tile.height // 2, pixels.height, step[1])):
        for x in range(-tile.width // 2 - (down % 2) * step[0] // 2, pixels.width, step[0]):
            covering.paste(tile, (x, y), tile)
    covering = covering.point(lambda level: level * _OPACITY // 255)
    # A light line beside a dark one shows on light and on dark ground.
    pixels.paste((255, 255, 255), (1, 1), covering)
    pixels.paste((160, 0, 0), (0, 0), covering)
    file = BytesIO()
    pixels.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _tile(text: str, size: int) -> Image.Image:
    font = ImageFont.load_default(size)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), text, font)
    line = Image.new("L", (round(right - left) + size, round(bottom - top) + size), 0)
    ImageDraw.Draw(line).text((size // 2 - left, size // 2 - top), text, 255, font)
    return line.rotate(_ANGLE, expand=True)
