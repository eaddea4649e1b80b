"""One worker of the vision service by itself: how much memory it takes, loaded and at work.

`benchmarks.vision` starts it as a process of its own, because what draws the pictures takes memory
too. It reads requests from its input, a JSON object `{"operation", "body"}` a line, and prints the
most memory in MB before the first and after the last one. It reads /proc: Linux only.
"""

import json
import re
import sys
from contextlib import closing
from pathlib import Path

from vision.jobs import Operations


def _peak_megabytes() -> int:
    """Return the most memory that this process had; its parent's is not counted."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def main() -> None:
    """Answer the requests."""
    with closing(Operations(int(sys.argv[1]))) as operations:
        loaded = _peak_megabytes()
        for line in sys.stdin:
            request = json.loads(line)
            operations.answer(request["operation"], request["body"].encode())
    print(json.dumps({"loaded": loaded, "at_work": _peak_megabytes()}))


if __name__ == "__main__":
    main()
