"""What local vision reads right on generated pictures, how fast, and with how much memory.

`python -m benchmarks.vision --sides 200` draws identity cards of fictional people, photographs each
under one of the conditions of `sandbox.camera`, and compares what is read with what was printed;
then it compares all sample faces with one another and asks for right and wrong movements. A number
that passes its check digit and is not the printed one is counted by itself: there must be none.
Times are those of the processor, which others on the machine do not lengthen. It exits with 1 below
the limits: the number exact on 98 % of the cards, no wrong number, no face taken for another
person's, no movement taken that was not made.
"""

import argparse
import base64
import itertools
import json
import platform
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
from PIL import Image

from sandbox import camera, id_cards, portraits
from sandbox.personas import Person, identity_digit, stranger
from vision.card_reading import read_card
from vision.faces import Embedding, distance
from vision.images import decoded
from vision.jobs import CARD_SIDE, Operations
from vision.text_reader import TextReader
from vision.thresholds import FACE_DISTANCE

MIN_EXACT = 98.0
"""Percent of the cards, under all conditions but the hard ones."""

FIELDS = (
    "identity_number",
    "name",
    "sex",
    "ethnicity",
    "birth_date",
    "address",
    "issuer",
    "valid_from",
    "valid_until",
)
Condition = Callable[[Image.Image], Image.Image]

FACE_CONDITIONS: dict[str, Condition] = {
    "as it is": lambda face: face,
    "mirrored": lambda face: face.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "bright": lambda face: camera.darkened(face, 1.4),
    "dark": lambda face: camera.darkened(face, 0.45),
    "blur 2": lambda face: camera.blurred(face, 2),
    "noise 18": lambda face: camera.with_noise(face, 18, seed=2),
    "jpeg 20": lambda face: camera.compressed(face, 20),
    "turned 12": lambda face: camera.turned(face, 12),
    "half size": lambda face: camera.narrowed(face, 240),
}

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂辉玲志建华国庆梅鑫宇浩然子涵欣怡博文雨泽梓萱"
)
_PROVINCES = (
    ("11", "北京市", "海淀区"),
    ("31", "上海市", "浦东新区"),
    ("44", "广东省广州市", "天河区"),
    ("51", "四川省成都市", "武侯区"),
    ("33", "浙江省杭州市", "西湖区"),
    ("42", "湖北省武汉市", "洪山区"),
    ("61", "陕西省西安市", "雁塔区"),
    ("65", "新疆维吾尔自治区乌鲁木齐市", "天山区"),
)
_STREETS = ("中山路", "解放大街", "学院南路", "科华北路", "人民东路", "滨江大道", "文一西路")
_ESTATES = ("", "阳光花园", "锦绣家园", "翠湖小区", "金桂苑")
_ETHNICITIES = ("汉", "汉", "汉", "满", "回", "壮", "维吾尔", "土家", "蒙古", "朝鲜")


@dataclass
class Tally:
    """What became of the cards of one condition."""

    cards: int = 0
    right: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong_number: int = 0
    seconds: float = 0.0


def fictional_card(number: int) -> Person:
    """Return who is on card `number` of an endless row of different ones."""
    chance = np.random.default_rng(number)

    def one_of(choices: str | tuple[str, ...]) -> str:
        return choices[int(chance.integers(len(choices)))]

    code, province, district = _PROVINCES[number % len(_PROVINCES)]
    born = date(1955, 1, 1) + timedelta(days=int(chance.integers(18_000)))
    sequence = int(chance.integers(100, 999))
    issued = date(2012, 1, 1) + timedelta(days=int(chance.integers(4_500)))
    estate = one_of(_ESTATES)
    # The area code of a whole province is issued to nobody.
    body = f"{code}0000{born:%Y%m%d}{sequence}"
    return replace(
        stranger(number),
        name=one_of(_SURNAMES) + "".join(one_of(_GIVEN) for _ in range(1 + number % 2)),
        sex="male" if sequence % 2 else "female",
        ethnicity=one_of(_ETHNICITIES),
        birth_date=born,
        address=f"{province}{district}{one_of(_STREETS)}{chance.integers(1, 999)}号{estate}"
        + (f"{chance.integers(1, 30)}栋{chance.integers(101, 2500)}室" if estate else ""),
        identity_number=body + identity_digit(body),
        issuer=f"{province[-3:] if len(province) > 3 else province}公安局{district[:-1]}分局",
        valid_from=issued,
        valid_until=None if number % 9 == 0 else issued.replace(year=issued.year + 20, day=1),
    )


def read_cards(reader: TextReader, cards: int, named: Mapping[str, Condition]) -> dict[str, Tally]:
    """Read so many cards, each under the next condition."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    conditions = itertools.cycle(named.items())
    samples = (*portraits.ACTING, *portraits.OTHERS)
    for number in range(cards):
        card, (name, shoot) = fictional_card(number), next(conditions)
        face = portraits.picture(samples[number % len(samples)])
        front = camera.jpeg(shoot(id_cards.draw_front(card, face)))
        back = camera.jpeg(shoot(id_cards.draw_back(card)))
        started = time.process_time()
        reply = read_card(reader, decoded(front, CARD_SIDE), decoded(back, CARD_SIDE))
        tallies[name].seconds += time.process_time() - started
        _count(tallies[name], card, reply)
    return tallies


def _count(tally: Tally, card: Person, reply: dict[str, object]) -> None:
    tally.cards += 1
    fields = reply.get("fields")
    if not isinstance(fields, dict):
        tally.reasons[str(reply["reasons"])] += 1
        return
    for name in FIELDS:
        printed = getattr(card, name)
        printed = printed.isoformat() if isinstance(printed, date) else printed
        tally.right[name] += fields[name] == printed
    tally.wrong_number += fields["identity_number"] != card.identity_number


def print_cards(tallies: dict[str, Tally], min_exact: float) -> list[str]:
    """Print a row for each condition and one for all; return which limits are not held."""
    if not tallies:
        return []
    print("\n| condition | cards | read |", " | ".join(FIELDS), "| CPU s a side | not read |")
    print("|---|---|---|", "---|" * (len(FIELDS) + 2))
    total = Tally()
    for name, tally in tallies.items():
        total.cards += tally.cards
        total.right += tally.right
        total.reasons += tally.reasons
        total.wrong_number += tally.wrong_number
        total.seconds += tally.seconds
        _print_row(name, tally)
    _print_row("all", total)
    exact = 100 * total.right["identity_number"] / total.cards
    print(f"\n{2 * total.cards} sides; identity number exact: {exact:.1f} %")
    print(f"wrong numbers with a right check digit: {total.wrong_number}")
    return [
        *([f"identity number exact on {exact:.1f} %"] if exact < min_exact else []),
        *([f"{total.wrong_number} wrong numbers"] if total.wrong_number else []),
    ]


def _print_row(name: str, tally: Tally) -> None:
    rates = [f"{100 * tally.right[one] / tally.cards:.0f}" for one in FIELDS]
    read = tally.cards - sum(tally.reasons.values())
    missed = ", ".join(f"{reason} {times}" for reason, times in tally.reasons.items())
    seconds = tally.seconds / tally.cards / 2
    print(
        f"| {name} | {tally.cards} | {read} |", " | ".join(rates), f"| {seconds:.2f} | {missed} |"
    )


def compare_faces(operations: Operations) -> list[str]:
    """Compare every sample face, under every condition, with every other; as `print_cards`."""
    found: list[tuple[int, Embedding]] = []
    missed, seconds = 0, 0.0
    samples = (*portraits.ACTING, *portraits.OTHERS)
    for person, sample in enumerate(samples):
        for shoot in FACE_CONDITIONS.values():
            picture = np.array(shoot(portraits.picture(sample)))
            started = time.process_time()
            faces = operations.landmarker.faces(picture)
            if faces:
                found.append((person, operations.embedder.embedding(picture, faces[0])))
            seconds += time.process_time() - started
            missed += not faces
    same: list[float] = []
    other: list[float] = []
    for (one, first), (two, second) in itertools.combinations(found, 2):
        (same if one == two else other).append(distance(first, second))
    print(f"\nfaces: {len(samples)} people, {len(found)} pictures, {missed} without a face found")
    print(f"same person: {len(same)} pairs, distance {min(same):.3f} to {max(same):.3f}")
    print(f"different people: {len(other)} pairs, distance from {min(other):.3f}")
    accepted = sum(d <= FACE_DISTANCE for d in other)
    print(
        f"at {FACE_DISTANCE}: {accepted} false accepts, "
        f"{sum(d > FACE_DISTANCE for d in same)} false rejects; "
        f"{seconds / len(samples) / len(FACE_CONDITIONS):.2f} CPU s a picture"
    )
    return [f"{accepted} false accepts of a face"] if accepted else []


def check_liveness(operations: Operations) -> list[str]:
    """Ask for every movement while every movement is made, for a still, and for a swapped face.

    Returns as `print_cards`: whatever is not the movement asked for must be refused.
    """
    taken = 0
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    seconds, checked = 0.0, 0
    for case, expected, frames in _sequences():
        body = {
            "frames": [_wired(picture) for _, picture in frames],
            "actions": [action for action, _ in frames],
        }
        started = time.process_time()
        reply = operations.answer("liveness/check", json.dumps(body).encode())
        seconds += time.process_time() - started
        checked += len(frames)
        reasons = reply["reasons"]
        answer = str(reasons[0]) if isinstance(reasons, list) and reasons else "match"
        outcomes[f"{case} (wanted: {expected})"][answer] += 1
        taken += expected != "match" and answer == "match"
    print("\nliveness:")
    for case, answers in outcomes.items():
        print(f"  {case}:", ", ".join(f"{answer} {times}" for answer, times in answers.items()))
    print(f"  {seconds / checked:.2f} CPU s a frame")
    return [f"{taken} movements taken that were not made"] if taken else []


def print_worker_memory(threads: int) -> None:
    """Print what one worker of the service takes, without the generator beside it."""
    card, face = fictional_card(0), portraits.picture(portraits.ACTING[0])
    front, back = (
        _wired(camera.on_a_desk(side))
        for side in (id_cards.draw_front(card, face), id_cards.draw_back(card))
    )
    still = _wired(face)
    requests = (
        ("identity_card/read", {"front": front, "back": back}),
        ("liveness/check", {"frames": [still] * 6, "actions": ["neutral"] * 3 + ["blink"] * 3}),
        ("liveness/compare", {"face": still, "identity_number": "-", "reference": front}),
    )
    lines = [json.dumps({"operation": name, "body": json.dumps(body)}) for name, body in requests]
    done = subprocess.run(  # noqa: S603 -- our own module, no word of another's
        [sys.executable, "-m", "benchmarks.vision_worker", str(threads)],
        input="\n".join(lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    used = json.loads(done.stdout)
    print(f"memory of a worker: {used['loaded']} MB loaded, {used['at_work']} MB at work")


def _wired(picture: Image.Image) -> str:
    return base64.b64encode(camera.jpeg(picture)).decode()


def _sequences() -> Iterator[tuple[str, str, list[tuple[str, Image.Image]]]]:
    for sample in portraits.ACTING:
        rest = [("neutral", portraits.acted(sample, "neutral", at)) for at in range(2)]
        other = next(one for one in portraits.ACTING if one != sample)
        for asked, made in itertools.product(portraits.ACTIONS, repeat=2):
            course = [(asked, portraits.acted(sample, made, at)) for at in range(3)]
            right = asked == made
            yield (
                "the action asked for" if right else "another action",
                "match" if right else "wrong_action",
                rest + course,
            )
        for asked in portraits.ACTIONS:
            still = [(asked, camera.compressed(rest[0][1], 70 + 5 * at)) for at in range(3)]
            yield "a still picture", "not_live", rest + still
            swapped = [(asked, portraits.acted(other, asked, at)) for at in range(3)]
            yield "another face", "different_person", rest + swapped


def main() -> None:
    """Run what is asked and print it; exits with 1 where a limit is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, default=200, help="pictures of cards, two a card")
    parser.add_argument("--hard", type=int, default=24, help="pictures under hard conditions")
    parser.add_argument("--only", choices=("cards", "faces", "liveness"), help="one part of it")
    parser.add_argument("--threads", type=int, default=1, help="threads of the text models")
    options = parser.parse_args()
    started, broken = time.process_time(), list[str]()
    with closing(Operations(options.threads)) as operations:
        print(f"models loaded in {time.process_time() - started:.1f} CPU s on {platform.machine()}")
        for name, which in operations.models.items():
            print(f"  {name}: {which}")
        if options.only in (None, "cards"):
            usual = read_cards(operations.reader, options.sides // 2, camera.CONDITIONS)
            broken += print_cards(usual, MIN_EXACT)
            hard = read_cards(operations.reader, options.hard // 2, camera.HARD)
            broken += print_cards(hard, 0)
        if options.only in (None, "faces"):
            broken += compare_faces(operations)
        if options.only in (None, "liveness"):
            broken += check_liveness(operations)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nmost memory at a time: {peak:.0f} MB, generator included")
    print_worker_memory(options.threads)
    if broken:
        sys.exit(f"below the limits: {'; '.join(broken)}")


if __name__ == "__main__":
    main()
