"""Pictures that applicants give: known by their content, measured, and freed of everything else.

Nothing is decoded: type and size come from the file's structure, and pixels stay as they were. What
a telephone writes beside them (where and when and with what the picture was taken, thumbnails, a
second view, texts, whatever follows the end) is not needed to show it and does not go on.
"""

from domain.verification import jpeg_files, png_files, webp_files
from domain.verification.picture_rules import (
    LONGEST_SIDE,
    MOST_PIXELS,
    SHORTEST_SIDE,
    BadPicture,
    Picture,
    PictureFault,
)

__all__ = [
    "LONGEST_SIDE",
    "MOST_PIXELS",
    "SHORTEST_SIDE",
    "BadPicture",
    "Picture",
    "PictureFault",
    "cleaned",
]


def cleaned(content: bytes) -> Picture:
    """Return the same picture without anything that is not needed to show it upright.

    JPEG, PNG and WebP. Cleaning what is clean changes nothing. Raises `BadPicture`.
    """
    if content.startswith(jpeg_files.SIGNATURE):
        return jpeg_files.cleaned_jpeg(content)
    if content.startswith(png_files.SIGNATURE):
        return png_files.cleaned_png(content)
    if webp_files.is_webp(content):
        return webp_files.cleaned_webp(content)
    raise BadPicture(PictureFault.NOT_AN_IMAGE)
