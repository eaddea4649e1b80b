"""CPU time of processes and of all their children, read from /proc."""

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name in brackets (proc(5) counts them from 3).
_PARENT, _FIRST_TIME, _AFTER_TIMES = 1, 11, 15


def cpu_ms(root: int, *, without: frozenset[int] = frozenset()) -> float:
    """Return the CPU milliseconds that `root`, its children and theirs have used so far.

    User and system time, that of children which have ended included. `without` are processes left
    out with all below them.
    """
    stats = {pid: fields for pid in _pids() if (fields := _stat(pid)) is not None}
    below: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        below.setdefault(int(fields[_PARENT]), []).append(pid)
    ticks, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        if pid in without or pid not in stats:
            continue
        ticks += sum(int(field) for field in stats[pid][_FIRST_TIME:_AFTER_TIMES])
        waiting += below.get(pid, [])
    return ticks * 1000 / _TICKS_PER_SECOND


def _pids() -> list[int]:
    return [int(one.name) for one in _PROC.iterdir() if one.name.isdecimal()]


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
