"""Becomes a command: drops privileges, ties its life to the parent's, then executes it.

Run as a script between the supervisor and each child, with the standard library only. Doing this
in a process of its own keeps Python code out of the instant between fork and exec, which is not
safe in a supervisor that has threads.
"""

import argparse
import ctypes
import os
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_EXIT_CANNOT_RUN = 126


def _drop_privileges(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel (Linux) for `death_signal` when the parent dies.

    A change of credentials clears the request, so this comes after it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the supervisor ended before its child began")


def main() -> None:
    """Parse the supervisor's arguments and replace this process by the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--folder", required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    try:
        if options.uid is not None:
            _drop_privileges(options.uid, options.gid)
        os.chdir(options.folder)
        _die_with_parent(options.parent, options.death_signal)
        os.execv(options.command[0], options.command)  # noqa: S606 -- the supervisor's own command
    except OSError as error:
        sys.stderr.write(f"cannot run {Path(options.command[0]).name}: {error.strerror}\n")
        raise SystemExit(_EXIT_CANNOT_RUN) from None


if __name__ == "__main__":
    main()
