"""Whatever file is given as a picture, it is cleaned for good or refused: no other error."""

import struct
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.verification.pictures import BadPicture, check, clean
from tests.unit.picture_files import FILES, opened, png

# As `domain.verification.pictures` sets it for processes that are no tests.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@given(
    name=st.sampled_from(sorted(FILES)),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=6)), max_size=8
    ),
    length=st.floats(0, 1.2),
)
@example(name="jpeg told", edits=[(0.0, 0, b"")], length=1.0)
def test_whatever_comes_is_cleaned_for_good_or_refused(
    name: str, edits: list[tuple[float, int, bytes]], length: float
) -> None:
    content = FILES[name]
    for place, removed, inserted in edits:
        # Structure is at the beginning: most edits go there.
        at = round(place**3 * len(content))
        content = content[:at] + inserted + content[at + removed :]
    content = content[: round(length * len(content))]
    assert_for_good(content)


CHUNKS: Final = st.tuples(
    st.sampled_from(
        [b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"iTXt", b"zTXt", b"tEXt", b"abCd"]
    ),
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"XML:com.adobe.xmp\0", b"Raw profile type exif\0"]).flatmap(
            lambda start: st.binary(max_size=30).map(lambda rest: start + rest)
        ),
        st.binary(max_size=40).map(lambda rest: b"MM\0*\0\0\0\x08" + rest),
    ),
)
SEGMENTS: Final = st.tuples(
    st.sampled_from([0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE, 0x01, 0xFF]),
    st.sampled_from([b"", b"JFIF\0", b"Exif\0\0MM\0*", b"Adobe", b"\x08\0\x60\0\x60\x01\1\x11\0"]),
    st.binary(max_size=30),
)


@given(chunks=st.lists(CHUNKS, max_size=6))
def test_whatever_chunks_come_they_are_cleaned_for_good_or_refused(
    chunks: list[tuple[bytes, bytes]],
) -> None:
    assert_for_good(png(96, 72, *chunks))


@given(segments=st.lists(SEGMENTS, max_size=6), at=st.sampled_from([2, 20]))
def test_whatever_segments_come_they_are_cleaned_for_good_or_refused(
    segments: list[tuple[int, bytes, bytes]], at: int
) -> None:
    made = b"".join(
        struct.pack(">BBH", 0xFF, code, len(start + rest) + 2) + start + rest
        for code, start, rest in segments
    )
    plain = FILES["jpeg plain"]
    assert_for_good(plain[:at] + made + plain[at:])


def assert_for_good(content: bytes) -> None:
    """What is refused is refused as a bad picture; what is taken is taken again as it is stored."""
    try:
        picture = clean(content)
    except BadPicture:
        return
    check(content)
    stored = opened(picture.content)
    assert stored.size == (picture.width, picture.height)
    assert stored.mode in ("L", "RGB")
    assert not stored.getexif()
    assert 64 <= min(stored.size) <= max(stored.size) <= 10_000
    again = clean(picture.content)
    assert (again.media_type, again.width, again.height) == (
        picture.media_type,
        picture.width,
        picture.height,
    )
    if picture.media_type == "image/png":
        assert again == picture


@given(
    start=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8X"]),
    rest=st.binary(max_size=200),
)
def test_a_right_beginning_alone_is_no_picture(start: bytes, rest: bytes) -> None:
    with pytest.raises(BadPicture):
        clean(start + rest)
