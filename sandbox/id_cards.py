"""Fictional identity cards drawn as pictures: the front with a portrait, and the back.

The layout is that of a resident's card; there is no emblem, and both sides say that they are
samples. They are for who reads cards: the simulator sees nothing in them.
"""

from functools import cache

from PIL import Image, ImageDraw, ImageFont

from sandbox import camera, expressions, portraits
from sandbox.personas import Person
from sandbox.pictures import Quality

WIDTH, HEIGHT = 1011, 638
"""Pixels of a side: 85.6 mm by 54 mm at 300 dots an inch."""

_FONT = ("pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf")
_PAPER = (236, 242, 245)
_LINES = (208, 224, 232)
_LABEL = (58, 110, 165)
_INK = (25, 25, 28)
_SAMPLE = "示例样本 SPECIMEN"
_ADDRESS_CHARACTERS = 11
_SEX = {"male": "男", "female": "女"}


def card_front(person: Person, quality: Quality = "clear") -> bytes:
    """Return a photograph (JPEG) of the front."""
    return _photograph(draw_front(person, portraits.portrait(person)), person, quality)


def card_back(person: Person, quality: Quality = "clear") -> bytes:
    """Return a photograph (JPEG) of the back."""
    return _photograph(draw_back(person), person, quality)


def draw_front(of: Person, portrait: Image.Image) -> Image.Image:
    """Draw the side with the person's data."""
    side, draw = _blank()
    born = of.birth_date
    _label(draw, 70, 72, "姓名")
    _value(draw, 170, 64, of.name, 40)
    _label(draw, 70, 152, "性别")
    _value(draw, 170, 148, _SEX[of.sex])
    _label(draw, 290, 152, "民族")
    _value(draw, 380, 148, of.ethnicity)
    _label(draw, 70, 228, "出生")
    for left, value, unit in (
        (170, born.year, "年"),
        (300, born.month, "月"),
        (380, born.day, "日"),
    ):
        _value(draw, left, 224, str(value))
        _label(draw, left + (86 if unit == "年" else 46), 228, unit)
    _label(draw, 70, 304, "住址")
    for line, part in enumerate(_lines(of.address)):
        _value(draw, 170, 300 + 52 * line, part)
    _label(draw, 70, 538, "公民身份号码")
    _value(draw, 345, 528, of.identity_number, 44, spacing=6)
    side.paste(portrait.resize((280, 350), Image.Resampling.LANCZOS), (670, 90))
    return side


def draw_back(of: Person) -> Image.Image:
    """Draw the side with issuer and validity."""
    side, draw = _blank()
    _value(draw, 330, 92, "中华人民共和国", 58, spacing=10)
    _value(draw, 330, 210, "居民身份证", 78, spacing=24)
    _label(draw, 180, 452, "签发机关")
    _value(draw, 400, 446, of.issuer)
    _label(draw, 180, 536, "有效期限")
    until = f"{of.valid_until:%Y.%m.%d}" if of.valid_until else "长期"
    _value(draw, 400, 530, f"{of.valid_from:%Y.%m.%d}-{until}")
    return side


def _photograph(side: Image.Image, person: Person, quality: Quality) -> bytes:
    return portraits.photograph(camera.on_a_desk(side), person, quality)


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    side = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(side)
    for top in range(18, HEIGHT, 22):
        draw.arc((-300, top - 160, WIDTH + 300, top + 160), 20, 160, fill=_LINES, width=1)
    draw.text((WIDTH - 300, HEIGHT - 36), _SAMPLE, font=_font(20), fill=_LABEL)
    return side, draw


def _label(draw: ImageDraw.ImageDraw, left: int, top: int, text: str) -> None:
    draw.text((left, top), text, font=_font(30), fill=_LABEL)


def _value(
    draw: ImageDraw.ImageDraw, left: float, top: int, text: str, size: int = 36, spacing: int = 2
) -> None:
    font = _font(size)
    for character in text:
        draw.text((left, top), character, font=font, fill=_INK)
        left += font.getlength(character) + spacing


def _lines(address: str) -> list[str]:
    return [
        address[start : start + _ADDRESS_CHARACTERS]
        for start in range(0, len(address), _ADDRESS_CHARACTERS)
    ]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(expressions.package_file(*_FONT), size)
