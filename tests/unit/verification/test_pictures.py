"""Pictures are known by content, measured before they are decoded, and stored as pixels alone."""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from domain.verification import pictures
from domain.verification.pictures import BadPicture, PictureFault, check, clean
from tests.unit.picture_files import (
    DEVICE,
    FILES,
    HEIGHT,
    LATITUDE,
    NOTE,
    SECRETS,
    WIDTH,
    XMP,
    deep,
    exif,
    jpeg,
    opened,
    palette,
    png,
    saved,
    view,
    webp,
)
from vision import images

# As `domain.verification.pictures` sets it for processes that are no tests.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

STORED: Final = dict.fromkeys(("jpeg", "webp", "heic", "avif"), "image/jpeg") | {"png": "image/png"}

every_file = pytest.mark.parametrize("name", FILES)


def fault(content: bytes) -> PictureFault | None:
    try:
        clean(content)
    except BadPicture as error:
        return error.fault
    return None


def declared(content: bytes) -> PictureFault | None:
    """Return what is wrong with a file by its header."""
    try:
        check(content)
    except BadPicture as error:
        return error.fault
    return None


def shades(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


def differ(one: Image.Image, other: Image.Image) -> float:
    """Return by how much the colours of two pictures differ on average, of 255."""
    assert one.size == other.size
    return float(np.abs(shades(one) - shades(other)).mean())


@every_file
def test_a_picture_looks_as_before_and_says_nothing_but_pixels(name: str) -> None:
    picture = clean(FILES[name])
    after = opened(picture.content)
    assert (picture.media_type, picture.width, picture.height) == (
        STORED[name.split()[0]],
        WIDTH,
        HEIGHT,
    )
    assert (Image.MIME[after.format or ""], after.size) == (picture.media_type, (WIDTH, HEIGHT))
    assert after.mode in ("L", "RGB")
    assert not {"icc_profile", "dpi", "transparency", "comment", "exif", "xmp"} & after.info.keys()
    if name not in ("png 16 bit", "png palette"):
        assert differ(after, opened(FILES[name])) < (0.01 if name.startswith("png") else 2)


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    before = np.asarray(deep(), dtype=np.int64) // 256
    after = np.asarray(opened(clean(FILES["png 16 bit"]).content))
    assert after.dtype == np.uint8
    assert np.abs(after - before).max() <= 1


def test_what_is_transparent_becomes_white() -> None:
    glass = view("RGBA")
    glass.putalpha(0)
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        after = opened(clean(saved(glass, kind, **options)).content)
        assert shades(after).min() >= 254
    through = palette()
    through.putpalette([0, 0, 0] * 256)
    after = opened(clean(saved(through, "PNG", transparency=3)).content)
    assert set(np.unique(shades(after))) == {0, 255}


@every_file
def test_nothing_tells_where_when_and_with_what_it_was_taken(name: str) -> None:
    after = clean(FILES[name]).content
    for secret in SECRETS:
        assert secret not in after
    left = opened(after)
    assert not left.getexif()
    assert not {"exif", "xmp", "comment", "Comment", "XML:com.adobe.xmp"} & left.info.keys()


def test_the_files_do_tell_before() -> None:
    for name in ("jpeg told", "png told", "webp told", "heic told", "avif told"):
        assert DEVICE in FILES[name]
        assert LATITUDE in FILES[name]


@every_file
def test_the_same_file_gives_the_same_bytes_whatever_follows_its_end(name: str) -> None:
    once = clean(FILES[name])
    assert clean(FILES[name]) == once
    assert clean(FILES[name] + b"PK\3\4" + NOTE) == once


def test_the_digest_is_of_size_and_upright_pixels() -> None:
    pixels = struct.pack(">II", WIDTH, HEIGHT) + view().tobytes()
    assert clean(FILES["png plain"]).digest == hashlib.sha256(pixels).hexdigest()
    other = view().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert clean(saved(other, "PNG")).digest != clean(FILES["png plain"]).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jpeg plain", "jpeg told"),
        ("jpeg plain", "jpeg profile"),
        ("jpeg plain", "jpeg resolution"),
        ("jpeg plain", "jpeg restarts"),
        ("png plain", "png told"),
        ("png plain", "webp lossless"),
        ("webp lossy", "jpeg plain"),
    ],
)
def test_the_digest_is_that_of_the_picture_however_its_file_was_dressed(
    one: str, other: str
) -> None:
    same = one.split()[0] == other.split()[0] or other == "webp lossless"
    assert (clean(FILES[one]).digest == clean(FILES[other]).digest) is same


def test_a_picture_that_was_packed_anew_without_loss_has_the_same_digest() -> None:
    lying = view().transpose(Image.Transpose.ROTATE_90)
    for again in (
        saved(view(), "PNG", compress_level=0),
        saved(lying, "PNG", exif=exif(6)),
        saved(view("RGBA"), "PNG"),
    ):
        assert clean(again).digest == clean(FILES["png plain"]).digest


@pytest.mark.parametrize(
    ("size", "stored"),
    [
        ((2_000, 1_500), (2_000, 1_500)),
        ((4_000, 3_000), (2_000, 1_500)),
        ((3_024, 4_032), (1_500, 2_000)),
        ((2_100, 70), (2_000, 67)),
        ((10_000, 64), (10_000, 64)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_is_stored_at_the_size_at_which_cards_are_read(
    kind: str, size: tuple[int, int], stored: tuple[int, int]
) -> None:
    large = view(size=size)
    picture = clean(saved(large, kind))
    assert (picture.width, picture.height) == stored
    assert differ(opened(picture.content), large.resize(stored)) < 2
    check(picture.content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_stored_is_never_larger_than_what_may_be_given(kind: str) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (2_000, 2_000, 3), dtype=np.uint8)
    picture = clean(saved(Image.fromarray(noise), kind, compress_level=0))
    assert len(picture.content) <= pictures.MAX_BYTES
    assert picture.media_type == "image/jpeg"


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
    after = clean(before)
    left = opened(after.content)
    upright = ImageOps.exif_transpose(opened(before))
    assert (after.width, after.height) == left.size
    assert differ(left, upright) < 2
    assert not left.getexif()
    assert DEVICE not in after.content


@pytest.mark.parametrize("compressed", [False, True])
def test_the_orientation_is_found_in_a_text_of_older_writers(compressed: bool) -> None:
    data = exif(6).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", compressed)
    after = opened(clean(saved(view(), "PNG", pnginfo=info)).content)
    assert after.tobytes() == view().transpose(Image.Transpose.ROTATE_270).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_found_in_either_byte_order(order: str) -> None:
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(f"{order}HHIHxx", 0x0112, 3, 1, 6)
    tiff = mark + struct.pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)
    picture = clean(saved(view(), "JPEG", exif=b"Exif\0\0" + tiff))
    assert (picture.width, picture.height) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_none(value: int) -> None:
    picture = clean(saved(view(), "JPEG", exif=exif(value), xmp=XMP % 6))
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("data", [b"", b"MM", b"MM\0*" + b"\xff" * 40, b"II*\0\x08\0\0\0\xff\xff"])
def test_exif_that_cannot_be_read_does_not_spoil_a_picture(data: bytes) -> None:
    picture = clean(saved(view(), "JPEG", exif=b"Exif\0\0" + data))
    assert picture.digest == clean(FILES["jpeg plain"]).digest


def test_the_second_view_of_a_telephone_is_dropped_with_its_own_data() -> None:
    first, second = view(), view().transpose(Image.Transpose.ROTATE_180)
    second.encoderinfo = {"exif": exif()}
    both = saved(first, "MPO", save_all=True, append_images=[second], exif=exif(3))
    assert opened(both).format == "MPO"
    picture = clean(both)
    assert (opened(picture.content).format, picture.media_type) == ("JPEG", "image/jpeg")
    upright = opened(both).transpose(Image.Transpose.ROTATE_180)
    assert differ(opened(picture.content), upright) < 2
    assert picture.content.count(b"\xff\xd8\xff") == 1
    assert DEVICE not in picture.content


def test_the_thumbnail_of_a_jpeg_is_dropped() -> None:
    plain = FILES["jpeg plain"]
    assert plain[2:4] == b"\xff\xe0"
    thumbnail = plain[6:18] + bytes((4, 4)) + bytes(range(48))
    with_one = plain[:4] + struct.pack(">H", len(thumbnail) + 2) + thumbnail + plain[20:]
    assert clean(with_one) == clean(plain)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # Without a stated time each file would be another, and so the names of the tests.
        archive.writestr(zipfile.ZipInfo("front.jpg"), FILES["jpeg plain"])
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
    assert declared(content) is PictureFault.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (saved(view(), "GIF"), "GIF"),
        (saved(view(), "BMP"), "BMP"),
        (saved(view(), "TIFF"), "TIFF"),
        (b"%PDF-1.7" + bytes(90), "PDF"),
        (b"\0\0\0\x18ftypmp42" + bytes(90), "MP4"),
        (b"\0\0\0\x18ftypqt  " + bytes(90), "MP4"),
        (b"\xff\x0a" + bytes(90), "JPEG XL"),
        (b'<svg xmlns="x" width="96" height="72"></svg>', "SVG"),
        (zipped(), "ZIP"),
        (b"RIFF\4\0\0\0WAVE" + bytes(90), None),
        (bytes(90), None),
    ],
    ids=["GIF", "BMP", "TIFF", "PDF", "MP4", "MOV", "JPEG XL", "SVG", "ZIP", "WAVE", "zeros"],
)
def test_the_format_of_another_file_is_named(content: bytes, named: str | None) -> None:
    with pytest.raises(BadPicture) as refused:
        check(content)
    assert refused.value.named == named
    said = str(refused.value)
    assert said.endswith("send a JPEG, PNG, WebP, HEIC or AVIF file")
    assert said.startswith(f"a {named} file is not taken" if named else "not a picture")


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_a_photograph_of_a_telephone_is_taken_and_stored_as_others(kind: str) -> None:
    """iPhones write HEIC by default, Android telephones may write AVIF."""
    before = FILES[f"{kind} told"]
    check(before)
    after = clean(before)
    assert (after.media_type, after.width, after.height) == ("image/jpeg", WIDTH, HEIGHT)
    assert differ(opened(after.content), view()) < 3


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
    assert declared(make(width, height)) is expected


def test_a_bomb_is_refused_by_what_it_declares() -> None:
    for content in (png(50_000, 50_000), png(2**31 - 1, 2**31 - 1), jpeg(65_535, 65_535)):
        assert declared(content) is PictureFault.TOO_LARGE
    assert declared(webp(16_383, 16_383)) is PictureFault.TOO_LARGE
    assert fault(png(0, 100)) is not None
    assert fault(jpeg(100, 0)) is PictureFault.DAMAGED


@pytest.mark.parametrize("name", [b"tEXt", b"iTXt", b"iCCP"])
def test_a_text_that_unfolds_to_very_much_is_no_part_of_a_picture(name: bytes) -> None:
    unfolding = zlib.compress(bytes(200_000_000), 9)
    head = {b"tEXt": b"a\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[name]
    plain = FILES["png plain"]
    body = head + unfolding
    made = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    content = plain[:33] + made + plain[33:]
    assert fault(content) in (None, PictureFault.DAMAGED)
    if fault(content) is None:
        assert clean(content) == clean(plain)


def test_limits_and_codes_are_those_of_the_vision_service() -> None:
    assert (pictures.MAX_PIXELS, pictures.MAX_SIDE, pictures.MIN_SIDE) == (
        images.MAX_PIXELS,
        images.MAX_SIDE,
        images.MIN_SIDE,
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
        png(96, 72),
        png(96, 72, (b"IHDR", bytes(13))),
        FILES["png plain"].replace(b"IEND", b"IENd"),
        FILES["png plain"][:-5],
        FILES["png plain"][:60] + b"\0" + FILES["png plain"][61:],
        FILES["png palette"].replace(b"PLTE", b"plTE"),
        FILES["jpeg plain"][:-2],
        FILES["jpeg plain"].replace(b"\xff\xda", b"\xff\xd9"),
        FILES["jpeg plain"].replace(b"\xff\xc0", b"\xff\xc3"),
        FILES["webp lossy"][:-2],
        FILES["webp told"].replace(b"VP8 ", b"ABCD"),
    ],
    ids=range(11),
)
def test_a_wrong_structure_is_refused(content: bytes) -> None:
    assert fault(content) is PictureFault.DAMAGED


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_short_is_refused(name: str) -> None:
    # The last four bytes of a PNG file are a checksum of nothing.
    content = FILES[name][:-4]
    for length in {*range(200), *range(200, len(content) - 1, 97), len(content) - 1}:
        assert fault(content[:length]) is not None, length


@every_file
def test_a_refusal_says_nothing_of_the_content(name: str) -> None:
    with pytest.raises(BadPicture) as refused:
        clean(FILES[name][:40] + NOTE)
    assert NOTE.decode() not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
