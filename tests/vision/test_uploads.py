"""What may be uploaded: by content, with limits, and nothing but pixels goes further."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from vision.images import BadPictureError, decoded


def saved(picture: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def striped(width: int = 200, height: int = 100) -> Image.Image:
    picture = Image.new("RGB", (width, height), "white")
    picture.paste((200, 0, 0), (0, 0, width // 2, height))
    return picture


def bomb(side: int = 30_000) -> bytes:
    """A PNG of a few hundred bytes that says it has 900 million pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 200_000)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    )


def animated() -> bytes:
    first, second = striped(), striped().rotate(180)
    return saved(first, "WEBP", save_all=True, append_images=[second], duration=100)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "text": (lambda: b"<html>It works!</html>" * 10, "not_an_image"),
    "nothing": (lambda: b"", "not_an_image"),
    "gif": (lambda: saved(striped(), "GIF"), "not_an_image"),
    "pdf": (lambda: b"%PDF-1.7\n" + b"0" * 500, "not_an_image"),
    "jpeg by its first bytes only": (lambda: b"\xff\xd8\xff" + b"x" * 500, "not_an_image"),
    "film": (lambda: b"\0\0\0\x18ftypmp42" + b"\0" * 500, "not_an_image"),
    "truncated heic": (lambda: saved(striped(800, 800), "HEIF")[:-200], "image_damaged"),
    "truncated avif": (lambda: saved(striped(800, 800), "AVIF")[:-100], "image_damaged"),
    "riff that is no webp": (lambda: b"RIFF" + b"\0" * 500, "not_an_image"),
    "bomb": (bomb, "image_too_large"),
    "bomb below the library's own limit": (lambda: bomb(5_000), "image_too_large"),
    "long and thin": (lambda: saved(Image.new("RGB", (11_000, 80)), "PNG"), "image_too_large"),
    "tiny": (lambda: saved(striped(40, 40), "PNG"), "image_too_small"),
    "truncated jpeg": (lambda: saved(striped(800, 800), "JPEG")[:-2000], "image_damaged"),
    "truncated png": (lambda: saved(striped(800, 800), "PNG")[:-60], "image_damaged"),
    "animated": (animated, "image_animated"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_usable_picture_is_named(name: str) -> None:
    make, code = BAD[name]
    with pytest.raises(BadPictureError) as refused:
        decoded(make(), 640)
    assert refused.value.code == code


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_a_broken_file_is_a_picture_or_is_named(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole, chance = saved(striped(), kind, exif=exif), np.random.default_rng(7)
    codes = set()
    for _ in range(300):
        broken = bytearray(whole)
        for place in chance.integers(3, len(whole), size=4):
            broken[place] = chance.integers(256)
        del broken[chance.integers(60, 2 * len(whole)) :]
        try:
            assert decoded(bytes(broken), 100).shape[2] == 3
        except BadPictureError as refused:
            codes.add(refused.code)
    assert codes <= {code for _, code in BAD.values()}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_what_telephones_write_is_decoded(kind: str) -> None:
    pixels = decoded(saved(striped(), kind), 640)
    assert pixels.shape == (100, 200, 3)
    assert pixels[50, 20, 0] > 150 > pixels[50, 20, 1]


def test_a_picture_is_turned_as_its_file_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker of the telephone"
    pixels = decoded(saved(striped(), "JPEG", exif=exif), 640)
    assert pixels.shape == (200, 100, 3)
    assert pixels[20, 50, 1] < 100 < pixels[180, 50, 1]


def test_transparency_becomes_paper() -> None:
    pixels = decoded(saved(Image.new("RGBA", (100, 100), (0, 0, 0, 0)), "PNG"), 640)
    assert (pixels == 255).all()


def test_large_pictures_are_reduced() -> None:
    assert decoded(saved(striped(4000, 3000), "JPEG"), 1000).shape == (750, 1000, 3)
