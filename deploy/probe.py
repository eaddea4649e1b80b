"""`python -m deploy.probe URL`: exit 0 if the URL answers 2xx, else 1; the image has no curl."""

import sys
import urllib.request

_TIMEOUT_SECONDS = 4


def main(url: str) -> int:
    """Ask `url` and return the exit code."""
    if not url.startswith("http://127.0.0.1:"):
        sys.stderr.write("only this container itself is probed\n")
        return 1
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS):  # noqa: S310 -- checked above
            return 0
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
