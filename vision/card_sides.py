"""From the lines on one side of an identity card to its fields, as far as they can be made out."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from vision.card_rules import Sex, day, numbers_in
from vision.simplified import simplified
from vision.text_reader import Line

FRONT_LABELS: Final = ("姓名", "性别", "民族", "出生", "住址", "公民身份号码")
BACK_LABELS: Final = ("中华人民共和国", "居民身份证", "签发机关", "有效期限")

_ETHNICITIES: Final = (
    *("汉", "蒙古", "回", "藏", "维吾尔", "苗", "彝", "壮", "布依", "朝鲜"),
    *("满", "侗", "瑶", "白", "土家", "哈尼", "哈萨克", "傣", "黎", "傈僳"),
    *("佤", "畲", "高山", "拉祜", "水", "东乡", "纳西", "景颇", "柯尔克孜", "土"),
    *("达斡尔", "仫佬", "羌", "布朗", "撒拉", "毛南", "仡佬", "锡伯", "阿昌", "普米"),
    *("塔吉克", "怒", "乌孜别克", "俄罗斯", "鄂温克", "德昂", "保安", "裕固", "京", "塔塔尔"),
    *("独龙", "鄂伦春", "赫哲", "门巴", "珞巴", "基诺"),
)
_NAME: Final = re.compile(r"姓?名(?P<name>[^\x00-\x7f]{2,25})$")
_SEX: Final = re.compile(r"(?:性|别)+(?P<sex>男|女)")
_ETHNICITY: Final = re.compile(
    rf"(?:民|族)+(?P<ethnicity>{'|'.join(sorted(_ETHNICITIES, key=len, reverse=True))})"
)
_BIRTH: Final = re.compile(r"(?P<year>[12]\d{3})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日?")
_ADDRESS: Final = re.compile(r"^.{0,1}住?址(?P<address>.+)$|^住(?P<rest>.+)$")
_ISSUER: Final = re.compile(r"签?发?机关(?P<issuer>.{3,})$")
_VALIDITY: Final = re.compile(
    r"(\d{4})\D?(\d{2})\D?(\d{2})\D{1,3}(?:(\d{4})\D?(\d{2})\D?(\d{2})|(?P<long>长期))"
)
_LABELS_AGREE: Final = 2
_SEX_OF: Final[dict[str, Sex]] = {"男": "male", "女": "female"}


@dataclass(frozen=True)
class Row:
    """The lines that stand beside one another, read as one."""

    text: str
    score: float
    y: float
    height: float


@dataclass
class Front:
    """What one look at the front gave: labels of this side and of the other, fields, scores.

    `cards` is how many of these sides the picture shows.
    """

    labels: int = 0
    other_labels: int = 0
    cards: int = 0
    name: str | None = None
    numbers: tuple[str, ...] = ()
    sex: Sex | None = None
    ethnicity: str | None = None
    birth_date: date | None = None
    address: str | None = None
    scores: dict[str, float] = field(default_factory=dict)


@dataclass
class Back:
    """The same of the back; `valid_until` is None for a long-term card."""

    labels: int = 0
    other_labels: int = 0
    cards: int = 0
    issuer: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    scores: dict[str, float] = field(default_factory=dict)


def rows_of(lines: list[Line]) -> list[Row]:
    """Group lines that stand beside one another, top to bottom, each row left to right."""
    groups: list[list[Line]] = []
    # Marks without a letter or a digit are of the portrait or the desk.
    written = [line for line in lines if any(map(str.isalnum, line.text))]
    for line in sorted(written, key=lambda one: one.y):
        if groups and abs(line.y - _middle(groups[-1])) < 0.55 * max(
            line.height, groups[-1][-1].height
        ):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_row(group) for group in groups]


def read_front(lines: list[Line]) -> Front:
    """Make out the fields of the side with the person's data."""
    rows = rows_of(lines)
    front = Front(
        _labels_in(rows, FRONT_LABELS),
        _labels_in(rows, BACK_LABELS),
        _cards_in(rows, FRONT_LABELS),
    )
    for row in rows:
        _read_person(front, row)
    found = [(number, row.score) for row in rows for number in numbers_in(row.text)]
    front.numbers = tuple(dict.fromkeys(number for number, _ in found))
    front.cards = max(front.cards, len(front.numbers))
    if found:
        front.scores["identity_number"] = found[0][1]
    _read_address(front, rows)
    return front


def read_back(lines: list[Line]) -> Back:
    """Make out issuer and validity."""
    rows = rows_of(lines)
    back = Back(
        _labels_in(rows, BACK_LABELS),
        _labels_in(rows, FRONT_LABELS),
        _cards_in(rows, BACK_LABELS),
    )
    for row in rows:
        issuer = _ISSUER.search(row.text)
        if issuer is not None and back.issuer is None:
            back.issuer = issuer["issuer"]
            back.scores["issuer"] = row.score
        validity = _VALIDITY.search(row.text)
        if validity is not None and back.valid_from is None:
            _read_validity(back, validity, row.score)
    return back


def _labels_in(rows: list[Row], labels: tuple[str, ...]) -> int:
    return sum(any(label in row.text for row in rows) for label in labels)


def _cards_in(rows: list[Row], labels: tuple[str, ...]) -> int:
    """Return how often two of the labels stand there: one alone may be a word of an address."""
    counts = sorted((sum(row.text.count(label) for row in rows) for label in labels), reverse=True)
    return counts[_LABELS_AGREE - 1]


def _read_person(front: Front, row: Row) -> None:
    name = _NAME.search(row.text)
    if name is not None and front.name is None:
        front.name = name["name"]
        front.scores["name"] = row.score
    sex = _SEX.search(row.text)
    if sex is not None and front.sex is None:
        front.sex = _SEX_OF[sex["sex"]]
        front.scores["sex"] = row.score
    ethnicity = _ETHNICITY.search(row.text)
    if ethnicity is not None:
        front.ethnicity = ethnicity["ethnicity"]
        front.scores["ethnicity"] = row.score
    born = _BIRTH.search(row.text)
    if born is not None:
        front.birth_date = day(born["year"], born["month"], born["day"])
        front.scores["birth_date"] = row.score


def _read_address(front: Front, rows: list[Row]) -> None:
    """Join the row of the label and those below it, down to the number."""
    parts: list[Row] = []
    for row in rows:
        start = _ADDRESS.search(row.text)
        if not parts and start is not None:
            text = start["address"] or start["rest"]
            parts.append(Row(text, row.score, row.y, row.height))
        elif parts:
            near = row.y - parts[-1].y < 2.4 * max(row.height, parts[-1].height)
            if not near or "号码" in row.text or re.search(r"\d{12}", row.text):
                break
            parts.append(row)
    if parts:
        front.address = "".join(part.text for part in parts)
        front.scores["address"] = min(part.score for part in parts)


def _read_validity(back: Back, validity: re.Match[str], score: float) -> None:
    start = day(*validity.group(1, 2, 3))
    end = None if validity["long"] else day(*validity.group(4, 5, 6))
    if start is None or (end is None and not validity["long"]):
        return
    if end is not None and end <= start:
        return
    back.valid_from, back.valid_until = start, end
    back.scores["valid_from"] = back.scores["valid_until"] = score


def _row(group: list[Line]) -> Row:
    ordered = sorted(group, key=lambda line: line.left)
    text = simplified(re.sub(r"\s", "", "".join(line.text for line in ordered)))
    return Row(
        text=text,
        score=min(line.score for line in ordered),
        y=_middle(group),
        height=max(line.height for line in group),
    )


def _middle(group: list[Line]) -> float:
    return sum(line.y for line in group) / len(group)
