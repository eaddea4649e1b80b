"""Liveness: is a living person in front of the camera, and is it the registered one."""

from typing import Literal, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from providers.http.images import Image
from providers.http.requests import SourceRequest
from providers.http.verdict import Verdict, VerificationResponse
from providers.verification.recognition import Models, Score, Scores

Action = Literal["neutral", "blink", "open_mouth", "nod", "shake"]


class LivenessResult(VerificationResponse):
    """`score` is the confidence that the frames show one living person, 0 to 1; None: no say.

    `scores` are the same by action, `models` what assessed them, with versions.
    Reasons: `not_live`, `wrong_action`, `different_person`, `no_face_found`, `image_blurred`.
    """

    score: Score | None = None
    scores: Scores = Field(default_factory=dict)
    models: Models = Field(default_factory=dict)

    @model_validator(mode="after")
    def _a_match_has_a_score(self) -> Self:
        if self.passed and self.score is None:
            raise ValueError("a match carries its score")
        return self


class FaceComparison(VerificationResponse):
    """`similarity` of the face to the reference against the provider's `threshold`.

    The reference is the photo that came with the request, else the registered one.

    Reasons: `different_person`, `no_face_found`, `image_blurred`, `no_registered_photo`.
    """

    similarity: Score | None = None
    threshold: Score | None = None
    models: Models = Field(default_factory=dict)

    @model_validator(mode="after")
    def _figures_bear_out_the_match(self) -> Self:
        if self.verdict is Verdict.MATCH and (
            self.similarity is None or self.threshold is None or self.similarity < self.threshold
        ):
            raise ValueError("a match needs a similarity at or above its threshold")
        return self


class LivenessRequest(SourceRequest[LivenessResult]):
    """Have frames assessed, each with the action that it shows."""

    capability = Capability.LIVENESS
    operation = "check"

    frames: list[Image]
    actions: list[Action]


class CompareRequest(SourceRequest[FaceComparison]):
    """Compare a face with `reference`, the front of a card or a photo, else the registered photo.

    The provider is the one that assesses frames, under another capability.
    """

    capability = Capability.FACE
    provider = "liveness"
    operation = "compare"

    face: Image
    identity_number: str
    reference: Image | None = None
