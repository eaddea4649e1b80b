"""`python -m deploy.probe READY --alive URL`: the health check of a container of ours.

Exits 0 if READY answers 2xx, else 1; the image has no curl. Docker marks a container that is
unhealthy and leaves it as it is. So a process that listens and does not answer the second URL, six
checks in a row, is killed here: the container ends, and its restart policy starts it again. One
that does not listen is starting, or draining, and is left alone.
"""

import argparse
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_TIMEOUT_SECONDS: Final = 2
HUNG_CHECKS: Final = 6
_HERE: Final = "http://127.0.0.1:"
_COUNT: Final = Path("/tmp/unanswered")  # noqa: S108 -- the container's own, gone with it
_INIT: Final = 1


def answers(url: str) -> bool | None:
    """Say whether `url` answers 2xx; None if nobody listens there."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS):  # noqa: S310 -- checked below
            return True
    except ConnectionRefusedError:
        return None
    except urllib.error.URLError as error:
        return None if isinstance(error.reason, ConnectionRefusedError) else False
    except OSError:
        return False


def unanswered(alive: bool | None, count: Path) -> int:
    """Count checks in a row that found somebody listening and had no answer."""
    if alive is not False:
        count.unlink(missing_ok=True)
        return 0
    before = count.read_text() if count.exists() else ""
    number = int(before) + 1 if before.isdecimal() else 1
    count.write_text(str(number))
    return number


def children_of(parent: int, processes: Path = Path("/proc")) -> Iterator[int]:
    """Yield the processes that `parent` started."""
    for stat in processes.glob("[0-9]*/stat"):
        try:
            # The name stands in brackets and may hold anything: the state comes behind it.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            yield int(stat.parent.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and return the exit code."""
    parser = argparse.ArgumentParser(prog="probe")
    parser.add_argument("ready")
    parser.add_argument("--alive", required=True)
    options = parser.parse_args(arguments)
    if not all(url.startswith(_HERE) for url in (options.ready, options.alive)):
        sys.stderr.write("only this container itself is probed\n")
        return 1
    if unanswered(answers(options.alive), _COUNT) >= HUNG_CHECKS:
        sys.stderr.write(f"{options.alive} was not answered {HUNG_CHECKS} times: killed\n")
        for process in children_of(_INIT):
            if process != os.getpid():
                os.kill(process, signal.SIGKILL)
        return 1
    if answers(options.ready):
        return 0
    sys.stderr.write(f"{options.ready} does not answer 2xx\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
