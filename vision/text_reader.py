"""Reading text: from pixels to lines, with the place and the confidence of each."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rapidocr.utils.output import RapidOCROutput

from vision.images import Pixels
from vision.packages import identity, package_file

_MODELS: Final = ("PP-OCRv6_det_small", "PP-OCRv6_rec_small")


@dataclass(frozen=True)
class Line:
    """A line of text: its middle, its width along the text and its height, and a score, 0 to 1."""

    text: str
    score: float
    x: float
    y: float
    width: float
    height: float
    angle: float

    @property
    def left(self) -> float:
        """Where the line begins."""
        return self.x - self.width / 2


class TextReader:
    """The text detector and recogniser, loaded once."""

    def __init__(self, threads: int) -> None:
        self.models = {
            name: identity("rapidocr", package_file("rapidocr", f"models/{name}.onnx"))
            for name in _MODELS
        }
        self._engine = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,
                "Det.limit_type": "max",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        # The first reading loads the weights.
        self.read(np.full((64, 64, 3), 255, np.uint8), 64)

    def read(self, picture: Pixels, side: int) -> list[Line]:
        """Return the lines, looked for at most at `side` pixels a side, top to bottom."""
        detector = self._engine.text_det
        if detector is not None:
            detector.limit_side_len = side
        result = self._engine(np.ascontiguousarray(picture[:, :, ::-1]))
        if not isinstance(result, RapidOCROutput):
            return []
        if result.boxes is None or result.txts is None or result.scores is None:
            return []
        found = zip(result.boxes, result.txts, result.scores, strict=True)
        return _straightened([_line(*one) for one in found])


def _line(box: NDArray[np.float32], text: str, score: float) -> Line:
    corners = np.asarray(box, float)
    along = (corners[1] + corners[2] - corners[0] - corners[3]) / 2
    down = (corners[2] + corners[3] - corners[0] - corners[1]) / 2
    middle = corners.mean(axis=0)
    return Line(
        text=text,
        score=float(min(max(score, 0.0), 1.0)),
        x=float(middle[0]),
        y=float(middle[1]),
        width=float(np.hypot(*along)),
        height=float(np.hypot(*down)),
        angle=float(np.arctan2(along[1], along[0])),
    )


def _straightened(lines: list[Line]) -> list[Line]:
    """Turn the page so that its long lines run level."""
    long = [line for line in lines if line.width > 2 * line.height]
    if not long:
        return lines
    angle = float(np.median([line.angle for line in long]))
    cos, sin = np.cos(-angle), np.sin(-angle)
    return sorted(
        (
            Line(
                text=line.text,
                score=line.score,
                x=float(line.x * cos - line.y * sin),
                y=float(line.x * sin + line.y * cos),
                width=line.width,
                height=line.height,
                angle=line.angle - angle,
            )
            for line in lines
        ),
        key=lambda line: line.y,
    )
