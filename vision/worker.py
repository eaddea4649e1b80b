"""`python -m vision.worker THREADS`: one process with its own models, fed through a pipe.

It announces itself with its models, then answers one message after another until its input ends,
which also happens when the service dies.
"""

import json
import logging
import os
import signal
import sys
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

from vision.answers import Reply
from vision.pipe import packed, received
from vision.refusal import RefusalError

if TYPE_CHECKING:
    from vision.jobs import Operations

_logger = logging.getLogger("vision.worker")


def main() -> None:
    """Load the models and work."""
    # Ctrl-C reaches the whole group: the service finishes its calls, then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Libraries that print must not write into the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # A file with broken metadata is worth no line in the log.
    warnings.simplefilter("ignore")
    _work(int(sys.argv[1]), sys.stdin.buffer, answers)


def _work(threads: int, calls: BinaryIO, answers: BinaryIO) -> None:
    # Not before stdout is out of its libraries' reach.
    from vision.jobs import Operations

    with closing(Operations(threads)) as operations:
        _send(answers, 200, dict(operations.models))
        while (call := received(calls)) is not None:
            status, reply = _answer(operations, *call)
            _send(answers, status, reply)


def _answer(operations: "Operations", operation: str, body: bytes) -> tuple[int, Reply]:
    try:
        return 200, operations.answer(operation, body)
    except RefusalError as refusal:
        return refusal.status, {"code": refusal.code}
    except Exception as error:  # noqa: BLE001 -- whatever a picture provokes must end the call only
        # Neither message nor values: they could quote what a picture shows.
        _logger.error("operation %s failed: %s", operation, type(error).__name__)
        return 500, {"code": "internal_error"}


def _send(answers: BinaryIO, status: int, reply: Reply) -> None:
    body = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()
    answers.write(packed(str(status), body))
    answers.flush()


if __name__ == "__main__":
    main()
