"""Did this person do what was asked: an assessment of signals of faces, without any pixels.

Every signal is measured against the person's own neutral frames, since eyes and mouths at rest
differ from person to person. What can be refused is a still picture, a wrong action, and another
face; whether the camera looks at a person or at a screen cannot be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Final

from vision.answers import Reply, match, mismatch
from vision.faces import Embedding, distance
from vision.landmarks import Face
from vision.thresholds import ACTION_CHANGES, FACE_DISTANCE, OTHER_ACTION, STILL

NEUTRAL: Final = "neutral"
_ONE_SIDED: Final = ("blink", "open_mouth")


@dataclass(frozen=True)
class Frame:
    """A frame with its one face, and the action that it belongs to."""

    action: str
    face: Face
    embedding: Embedding


def assess(frames: Sequence[Frame]) -> Reply:
    """Return the verdict on frames in the order of time.

    Reasons: `different_person`, `no_neutral_frame`, `not_live` (nothing moves), `wrong_action`.
    `score` is the confidence in what decided: of a match the weakest link, 0.5 at its threshold.
    """
    apart = max(distance(frames[0].embedding, frame.embedding) for frame in frames)
    sameness = _confidence(FACE_DISTANCE, apart)
    if apart > FACE_DISTANCE:
        return mismatch("different_person", score=sameness, scores={"same_face": sameness})
    neutral = [frame.face for frame in frames if frame.action == NEUTRAL]
    if not neutral:
        return mismatch("no_neutral_frame")
    courses = [
        (action, _changes(neutral, [frame.face for frame in course]))
        for action, course in groupby(frames, key=lambda frame: frame.action)
        if action != NEUTRAL
    ]
    if not courses:
        return mismatch("wrong_action", scores={"same_face": sameness})
    return _assess_actions(courses, sameness)


def _assess_actions(courses: list[tuple[str, dict[str, float]]], sameness: float) -> Reply:
    scores = {"same_face": sameness}
    for action, changes in courses:
        seen = _confidence(changes[action], 1.0)
        scores[action] = min(seen, scores.get(action, 1.0))
    score = min(scores.values())
    if max(max(changes.values()) for _, changes in courses) < STILL:
        return mismatch("not_live", score=score, scores=scores)
    if not all(_performed(action, changes) for action, changes in courses):
        return mismatch("wrong_action", score=score, scores=scores)
    return match(score=score, scores=scores)


def _performed(action: str, changes: dict[str, float]) -> bool:
    """Say whether the action's signal changed enough, and was not drowned by another's."""
    loudest = max(change for other, change in changes.items() if other != action)
    return changes[action] >= 1 and loudest <= OTHER_ACTION * changes[action]


def _changes(neutral: Sequence[Face], course: Sequence[Face]) -> dict[str, float]:
    """Return each signal's largest change in a course, in multiples of its threshold."""
    changes = {}
    for action, threshold in ACTION_CHANGES.items():
        rest = median(getattr(face, action) for face in neutral)
        moves = [getattr(face, action) - rest for face in course]
        if action not in _ONE_SIDED:
            moves = [abs(move) for move in moves]
        changes[action] = max(0.0, *moves) / threshold
    return changes


def _confidence(better: float, worse: float) -> float:
    """Return a confidence of 0.5 where both are equal, towards 1 as `better` outweighs."""
    return round(better / (better + worse), 4) if better + worse > 0 else 1.0
