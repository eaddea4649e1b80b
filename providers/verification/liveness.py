"""Liveness: is a living person in front of the camera, and is it the registered one."""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.images import Image
from providers.http.verdict import Answer, Verdict
from providers.http.wire import PersonalWire

Action = Literal["neutral", "blink", "open_mouth", "nod", "shake"]
Score = Annotated[float, Field(ge=0, le=1)]


class LivenessResult(Answer):
    """`score` is the confidence that the frames show one living person, 0 to 1; None: no say.

    `scores` are the same by action, `models` what judged, with versions.
    Reasons: `not_live`, `wrong_action`, `different_person`, `no_face_found`, `image_blurred`.
    """

    score: Score | None = None
    scores: dict[str, Score] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _a_match_has_a_score(self) -> Self:
        if self.passed and self.score is None:
            raise ValueError("a match carries its score")
        return self


class FaceComparison(Answer):
    """`similarity` of the face to the reference against the provider's `threshold`.

    The reference is the photo that came with the question, else the registered one.

    Reasons: `different_person`, `no_face_found`, `image_blurred`, `no_registered_photo`.
    """

    similarity: Score | None = None
    threshold: Score | None = None
    models: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _figures_bear_out_the_match(self) -> Self:
        if self.verdict is Verdict.MATCH and (
            self.similarity is None or self.threshold is None or self.similarity < self.threshold
        ):
            raise ValueError("a match needs a similarity at or above its threshold")
        return self


class Liveness(Protocol):
    """A judge of faces."""

    async def check(
        self, *, request_id: str, frames: Sequence[bytes], actions: Sequence[Action]
    ) -> LivenessResult:
        """Judge frames, each with what it belongs to; raises ProviderUnavailable or Rejected."""

    async def compare(
        self,
        *,
        request_id: str,
        face: bytes,
        identity_number: str,
        reference: bytes | None = None,
    ) -> FaceComparison:
        """Compare with `reference`, the front of a card or a photo, else the registered photo.

        Raises ProviderUnavailable or ProviderRejected.
        """


class LivenessRequest(PersonalWire):
    """Frames in the order of the actions, as sent."""

    frames: list[Image]
    actions: list[Action]


class CompareRequest(PersonalWire):
    """A face and whose it should be, as sent."""

    face: Image
    identity_number: str
    reference: Image | None = None


class HttpLiveness:
    """Liveness over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def check(
        self, *, request_id: str, frames: Sequence[bytes], actions: Sequence[Action]
    ) -> LivenessResult:
        """See Liveness.check."""
        request = LivenessRequest(frames=list(frames), actions=list(actions))
        return await self._client.call("liveness", "check", request, LivenessResult, request_id)

    async def compare(
        self,
        *,
        request_id: str,
        face: bytes,
        identity_number: str,
        reference: bytes | None = None,
    ) -> FaceComparison:
        """See Liveness.compare."""
        request = CompareRequest(face=face, identity_number=identity_number, reference=reference)
        return await self._client.call("liveness", "compare", request, FaceComparison, request_id)
