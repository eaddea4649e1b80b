"""Pictures are known by content, measured without decoding, and freed of all but their pixels.

Files are made with Pillow, and what is left of them is read with Pillow: neither shares code with
`domain.verification.pictures`.
"""

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any, Final

import pytest
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from domain.verification import pictures
from domain.verification.pictures import BadPicture, PictureFault, cleaned
from tests.unit.picture_files import (
    DEVICE,
    FILES,
    HEIGHT,
    LATITUDE,
    NOTE,
    SECRETS,
    WIDTH,
    XMP,
    exif,
    jpeg,
    opened,
    png,
    saved,
    view,
    webp,
)
from vision import images

MEDIA: Final = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}

every_file = pytest.mark.parametrize("name", FILES)


def fault(content: bytes) -> PictureFault | None:
    try:
        cleaned(content)
    except BadPicture as error:
        return error.fault
    return None


@every_file
def test_pixels_and_what_colours_mean_stay_as_they_were(name: str) -> None:
    before, after = opened(FILES[name]), opened(cleaned(FILES[name]).content)
    assert (before.format, before.mode, before.size) == (after.format, after.mode, after.size)
    assert before.tobytes() == after.tobytes()
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()
    for kept in ("icc_profile", "transparency", "gamma", "adobe_transform"):
        assert before.info.get(kept) == after.info.get(kept)


@every_file
def test_type_and_size_are_those_of_the_file(name: str) -> None:
    picture = cleaned(FILES[name])
    assert (picture.media_type, picture.width, picture.height) == (
        MEDIA[name.split()[0]],
        WIDTH,
        HEIGHT,
    )


@every_file
def test_nothing_tells_where_when_and_with_what_it_was_taken(name: str) -> None:
    after = cleaned(FILES[name]).content
    for secret in SECRETS:
        assert secret not in after
    left = opened(after)
    assert not left.getexif()
    assert not {"exif", "xmp", "comment", "Comment", "XML:com.adobe.xmp"} & left.info.keys()


def test_the_files_do_tell_before() -> None:
    for name in ("jpeg told", "png told", "webp told"):
        assert DEVICE in FILES[name]
        assert LATITUDE in FILES[name]


@every_file
def test_cleaning_again_changes_nothing(name: str) -> None:
    once = cleaned(FILES[name])
    assert cleaned(once.content) == once


@every_file
def test_what_follows_the_end_is_dropped(name: str) -> None:
    assert cleaned(FILES[name] + b"PK\3\4" + NOTE) == cleaned(FILES[name])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("told", ["exif", "xmp"])
def test_the_picture_stays_upright(kind: str, orientation: int, told: str) -> None:
    if told == "exif":
        options: dict[str, Any] = {"exif": exif(orientation)}
    elif kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", (XMP % orientation).decode())
        options = {"pnginfo": info}
    else:
        options = {"xmp": XMP % orientation}
    before = saved(view(), kind, **options)
    after = cleaned(before)
    upright = [ImageOps.exif_transpose(opened(content)) for content in (before, after.content)]
    assert upright[0].tobytes() == upright[1].tobytes()
    assert upright[0].size == upright[1].size
    assert dict(opened(after.content).getexif()) == (
        {ExifTags.Base.Orientation: orientation} if orientation > 1 else {}
    )
    assert DEVICE not in after.content
    assert cleaned(after.content) == after


@pytest.mark.parametrize("compressed", [False, True])
def test_the_orientation_is_found_in_a_text_of_older_writers(compressed: bool) -> None:
    data = exif(6).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", compressed)
    before = saved(view(), "PNG", pnginfo=info)
    after = cleaned(before).content
    upright = [ImageOps.exif_transpose(opened(content)) for content in (before, after)]
    assert upright[0].size == upright[1].size == (HEIGHT, WIDTH)
    assert upright[0].tobytes() == upright[1].tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_found_in_either_byte_order(order: str) -> None:
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(f"{order}HHIHxx", 0x0112, 3, 1, 6)
    tiff = mark + struct.pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)
    picture = cleaned(saved(view(), "JPEG", exif=b"Exif\0\0" + tiff))
    assert opened(picture.content).getexif()[ExifTags.Base.Orientation] == 6


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_none(value: int) -> None:
    picture = cleaned(saved(view(), "JPEG", exif=exif(value), xmp=XMP % 6))
    assert not opened(picture.content).getexif()


def test_the_second_view_of_a_telephone_is_dropped_with_its_own_data() -> None:
    first, second = view(), view().transpose(Image.Transpose.ROTATE_180)
    second.encoderinfo = {"exif": exif()}
    both = saved(first, "MPO", save_all=True, append_images=[second], exif=exif(3))
    assert opened(both).format == "MPO"
    picture = cleaned(both)
    assert (opened(picture.content).format, picture.media_type) == ("JPEG", "image/jpeg")
    assert opened(picture.content).tobytes() == opened(both).tobytes()
    assert picture.content.count(b"\xff\xd8\xff") == 1
    assert DEVICE not in picture.content


def test_the_thumbnail_of_a_jpeg_is_dropped() -> None:
    plain = FILES["jpeg plain"]
    assert plain[2:4] == b"\xff\xe0"
    thumbnail = plain[6:18] + bytes((4, 4)) + bytes(range(48))
    with_one = plain[:4] + struct.pack(">H", len(thumbnail) + 2) + thumbnail + plain[20:]
    assert opened(with_one).tobytes() == opened(plain).tobytes()
    assert cleaned(with_one) == cleaned(plain)


def test_bytes_between_the_markers_of_a_jpeg_are_no_picture() -> None:
    plain = FILES["jpeg plain"]
    filled = plain[:2] + b"\xff\xff" + plain[2:]
    assert cleaned(filled) == cleaned(plain)
    assert fault(plain[:20] + b"junk" + plain[20:]) is PictureFault.DAMAGED


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("front.jpg", FILES["jpeg plain"])
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"RIFF\4\0\0\0WAVE" + bytes(90),
        zipped(),
        saved(view(), "GIF"),
        saved(view(), "BMP"),
        saved(view(), "TIFF"),
        b"<!doctype html><img src=x onerror=alert(1)>" + FILES["jpeg plain"],
        b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="72"></svg>',
        b"%PDF-1.7" + FILES["jpeg plain"],
        b"\0" + FILES["png plain"],
    ],
    ids=range(11),
)
def test_other_files_are_no_pictures(content: bytes) -> None:
    assert fault(content) is PictureFault.NOT_AN_IMAGE


@pytest.mark.parametrize("make", [png, jpeg, webp])
@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (9_999, 9_999, PictureFault.TOO_LARGE),
        (10_001, 64, PictureFault.TOO_LARGE),
        (64, 10_001, PictureFault.TOO_LARGE),
        (6_000, 4_001, PictureFault.TOO_LARGE),
        (6_000, 4_000, None),
        (10_000, 64, None),
        (63, 2_000, PictureFault.TOO_SMALL),
        (2_000, 63, PictureFault.TOO_SMALL),
        (64, 64, None),
    ],
)
def test_a_picture_is_neither_too_large_nor_too_small(
    make: Callable[[int, int], bytes], width: int, height: int, expected: PictureFault | None
) -> None:
    assert fault(make(width, height)) is expected


def test_a_bomb_is_refused_by_what_it_declares() -> None:
    assert fault(png(50_000, 50_000)) is PictureFault.TOO_LARGE
    assert fault(png(2**31 - 1, 2**31 - 1)) is PictureFault.TOO_LARGE
    assert fault(jpeg(65_535, 65_535)) is PictureFault.TOO_LARGE
    assert fault(png(0, 100)) is PictureFault.DAMAGED
    assert fault(jpeg(100, 0)) is PictureFault.DAMAGED


def test_limits_and_codes_are_those_of_the_vision_service() -> None:
    assert (pictures.MOST_PIXELS, pictures.LONGEST_SIDE, pictures.SHORTEST_SIDE) == (
        images.MOST_PIXELS,
        images.LONGEST_SIDE,
        images.SHORTEST_SIDE,
    )
    told = images.BadPictureError.__doc__ or ""
    assert {fault.value for fault in PictureFault} == set(told.split("`")[1::2])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_moves_is_no_picture(kind: str) -> None:
    frames = [view(), view().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    moving = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert fault(moving) is PictureFault.ANIMATED


def test_many_scans_of_one_picture_are_refused() -> None:
    progressive = FILES["jpeg progressive"]
    last = progressive.rindex(b"\xff\xda")
    scans = progressive[last:-2] * 80
    assert fault(progressive[:last] + scans + b"\xff\xd9") is PictureFault.DAMAGED


@pytest.mark.parametrize(
    "content",
    [
        png(96, 72, (b"IHDR", bytes(13))),
        png(96, 72, (b"CgBI", bytes(4))),
        png(96, 72, (b"IDAT", b""), (b"tEXt", b"a\0b")),
        png(96, 72, (b"gAMA", bytes(4)), (b"gAMA", bytes(4))),
        png(96, 72).replace(b"IEND", b"IENd"),
        png(96, 72)[:-3],
        png(96, 72)[:-12] + b"\xff\xff\xff\xff" + png(96, 72)[-8:],
        FILES["jpeg plain"][:-2],
        FILES["jpeg plain"].replace(b"\xff\xda", b"\xff\xd9"),
        FILES["jpeg plain"].replace(b"\xff\xc0", b"\xff\xc3"),
        FILES["webp lossy"][:-2],
        FILES["webp told"].replace(b"VP8 ", b"ABCD"),
    ],
    ids=range(12),
)
def test_a_wrong_structure_is_refused(content: bytes) -> None:
    assert fault(content) is PictureFault.DAMAGED


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_short_is_refused(name: str) -> None:
    content = FILES[name]
    if name.startswith("webp"):
        # The last byte may be one that fills up the last part.
        content = cleaned(content).content
    for length in {*range(200), *range(200, len(content) - 1, 97), len(content) - 2}:
        assert fault(content[:length]) is not None, length


@every_file
def test_a_refusal_says_nothing_of_the_content(name: str) -> None:
    with pytest.raises(BadPicture) as refused:
        cleaned(FILES[name][:40] + NOTE)
    assert NOTE.decode() not in str(refused.value)
    assert refused.value.__context__ is None
