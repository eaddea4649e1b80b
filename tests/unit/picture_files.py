"""Picture files as cameras and programs write them, with everything that they tell besides."""

import io
import struct
import zlib
from typing import Any, Final

import numpy as np
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin
from pillow_heif import register_heif_opener

register_heif_opener()

WIDTH, HEIGHT = 96, 72
DEVICE, PLACE, NOTE = b"Pocketcam 9", b"2026:03:01", b"taken at home"
DEGREES: Final = (31_230_417, 1_000_003)
LATITUDE: Final = struct.pack(">II", *DEGREES)
SECRETS: Final = (DEVICE, PLACE, NOTE, LATITUDE, b"XMLsecret", b"xap", b"Photoshop")
XMP: Final = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"'
    b' xmp:CreatorTool="XMLsecret"/></x:xmpmeta>'
)


def view(mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """A picture of which every corner differs, so that turning it shows."""
    across, down = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 200, size[1]))
    pixels = np.stack([across, down, (across + 2 * down) / 4], axis=2).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[ExifTags.Base.Make] = DEVICE.decode()
    data[ExifTags.Base.DateTime] = PLACE.decode()
    data[ExifTags.Base.Orientation] = orientation
    data.get_ifd(ExifTags.IFD.GPSInfo)[2] = (TiffImagePlugin.IFDRational(*DEGREES), 0.0, 0.0)
    data.get_ifd(ExifTags.IFD.Exif)[0x9286] = b"ASCII\0\0\0" + NOTE
    return data


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def texts() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", NOTE.decode())
    info.add_itxt("XML:com.adobe.xmp", (XMP % 1).decode(), zip=True)
    info.add(b"tIME", bytes(7))
    info.add(b"prVt", DEVICE)
    return info


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def deep() -> Image.Image:
    return Image.fromarray(np.asarray(view("L"), dtype=np.uint16) * 257)


def palette() -> Image.Image:
    picture = view().quantize(16)
    picture.info["transparency"] = 3
    return picture


JPEG: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "progressive": {"progressive": True},
    "profile": {"icc_profile": profile()},
    "large profile": {"icc_profile": profile() + bytes(70_000)},
    "not converted": {"keep_rgb": True},
    "restarts": {"restart_marker_blocks": 2, "optimize": True},
    "resolution": {"dpi": (300, 300)},
    "told": {"exif": exif(), "xmp": XMP % 1, "comment": NOTE},
}
FILES: Final[dict[str, bytes]] = {
    **{f"jpeg {name}": saved(view(), "JPEG", **options) for name, options in JPEG.items()},
    "jpeg gray": saved(view("L"), "JPEG", comment=NOTE),
    "jpeg cmyk": saved(view("CMYK"), "JPEG", comment=NOTE),
    "png plain": saved(view(), "PNG"),
    "png told": saved(view(), "PNG", exif=exif(), pnginfo=texts(), icc_profile=profile()),
    "png 16 bit": saved(deep(), "PNG", pnginfo=texts()),
    "png palette": saved(palette(), "PNG", pnginfo=texts()),
    "png one bit": saved(view("1"), "PNG"),
    "png alpha": saved(view("RGBA"), "PNG", exif=exif()),
    "webp lossy": saved(view(), "WEBP", quality=70),
    "webp lossless": saved(view(), "WEBP", lossless=True),
    "webp told": saved(view(), "WEBP", exif=exif(), xmp=XMP % 1, icc_profile=profile()),
    "webp alpha": saved(view("RGBA"), "WEBP", exif=exif()),
    "heic plain": saved(view(), "HEIF", quality=90),
    "heic told": saved(view(), "HEIF", quality=90, exif=exif(), xmp=XMP % 1),
    "heic several": saved(
        view(), "HEIF", quality=90, save_all=True, append_images=[view("L")], exif=exif()
    ),
    "avif plain": saved(view(), "AVIF", quality=90),
    "avif told": saved(view(), "AVIF", quality=90, exif=exif(), icc_profile=profile()),
    "webp told lossless": saved(view("RGBA"), "WEBP", lossless=True, exif=exif(), xmp=XMP % 1),
}


def chunk(name: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def png(width: int, height: int, *more: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), *more, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def jpeg(width: int, height: int) -> bytes:
    """A JPEG file of small size that says that it is of another."""
    plain = FILES["jpeg plain"]
    at = plain.index(b"\xff\xc0") + 5
    return plain[:at] + struct.pack(">HH", height, width) + plain[at + 4 :]


def webp(width: int, height: int) -> bytes:
    plain = FILES["webp lossless"]
    packed = (width - 1) | (height - 1) << 14
    return plain[:21] + struct.pack("<I", packed) + plain[25:]
