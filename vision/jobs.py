"""What a worker process does: one function for each operation, from pictures to an answer."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from pydantic import ValidationError

from vision import liveness, wire
from vision.answers import Reply, match, mismatch, unavailable
from vision.card_reading import read_card
from vision.faces import Embedder, similarity
from vision.images import BadPictureError, Pixels, decoded
from vision.landmarks import Face, Landmarker
from vision.liveness import Frame
from vision.refusal import RefusalError
from vision.sharpness import is_blurred, is_empty
from vision.text_reader import TextReader
from vision.thresholds import FACE_THRESHOLD

CARD_SIDE: Final = 2000
FRAME_SIDE: Final = 720
PHOTO_SIDE: Final = 1280


class _FaceFaultError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Operations:
    """What a process can do with its models, which are loaded once."""

    def __init__(self, threads: int) -> None:
        self.reader = TextReader(threads)
        self.landmarker = Landmarker()
        self.embedder = Embedder()
        self.models_of = {
            "identity_card": self.reader.models,
            "liveness": self.landmarker.models | self.embedder.models,
        }

    @property
    def models(self) -> dict[str, str]:
        """All models with the package and the digest that tell which they are."""
        return self.models_of["identity_card"] | self.models_of["liveness"]

    def close(self) -> None:
        """Free the models."""
        self.landmarker.close()

    def answer(self, operation: str, body: bytes) -> Reply:
        """Do an operation; raises RefusalError for a body that is not its request."""
        try:
            reply = _BY_NAME[operation](self, body)
        except ValidationError:
            raise RefusalError(422, "invalid_request") from None
        except (BadPictureError, _FaceFaultError) as fault:
            reply = mismatch(fault.code)
        return reply | {"models": self.models_of[operation.partition("/")[0]]}

    def read_card(self, body: bytes) -> Reply:
        """identity_card/read."""
        request = wire.CardPictures.model_validate_json(body)
        front, back = decoded(request.front, CARD_SIDE), decoded(request.back, CARD_SIDE)
        return read_card(self.reader, front, back)

    def check(self, body: bytes) -> Reply:
        """liveness/check."""
        request = wire.LivenessCheck.model_validate_json(body)
        if len(request.frames) != len(request.actions):
            return mismatch("wrong_action")
        frames = []
        for content, action in zip(request.frames, request.actions, strict=True):
            picture, face = self._one_face(decoded(content, FRAME_SIDE))
            frames.append(Frame(action, face, self.embedder.embedding(picture, face)))
        return liveness.assess(frames)

    def compare(self, body: bytes) -> Reply:
        """liveness/compare."""
        request = wire.FaceCompare.model_validate_json(body)
        if request.reference is None:
            return unavailable("no_registered_photo")
        picture, face = self._one_face(decoded(request.face, FRAME_SIDE))
        reference, registered = self._registered_face(decoded(request.reference, PHOTO_SIDE))
        alike = similarity(
            self.embedder.embedding(picture, face), self.embedder.embedding(reference, registered)
        )
        figures = {"similarity": round(alike, 4), "threshold": round(FACE_THRESHOLD, 4)}
        if alike < FACE_THRESHOLD:
            return mismatch("different_person", **figures)
        return match(**figures)

    def _one_face(self, picture: Pixels) -> tuple[Pixels, Face]:
        """Return the only face, and the picture turned so that it is up."""
        upright, faces = self.landmarker.upright(picture)
        blurred = is_blurred(picture) and not (is_empty(picture) and not faces)
        if not faces or blurred:
            raise _FaceFaultError("image_blurred" if blurred else "no_face_found")
        if len(faces) > 1:
            raise _FaceFaultError("several_faces")
        return upright, faces[0]

    def _registered_face(self, picture: Pixels) -> tuple[Pixels, Face]:
        """Return the largest face of a photograph or a card's front, and the part that shows it.

        A card's portrait is small, and at times found only when less is around it. The card may
        lie on its side.
        """
        for part in _parts(picture):
            upright, faces = self.landmarker.upright(part)
            if faces:
                return upright, faces[0]
        raise _FaceFaultError("no_registered_photo")


def _parts(picture: Pixels) -> Iterator[Pixels]:
    """Yield the whole picture, then its halves, the one with the portrait of a card first."""
    yield picture
    height, width = picture.shape[:2]
    for part in (
        picture[:, width // 2 :],
        picture[:, : width // 2],
        picture[height // 2 :],
        picture[: height // 2],
    ):
        yield np.ascontiguousarray(part)


_BY_NAME: Final[Mapping[str, Callable[[Operations, bytes], Reply]]] = MappingProxyType(
    {
        "identity_card/read": Operations.read_card,
        "liveness/check": Operations.check,
        "liveness/compare": Operations.compare,
    }
)
