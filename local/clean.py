"""Deletes a stack's data, on request only: `python -m local.clean`."""

import asyncio
import shutil
import sys
from pathlib import Path

from local.errors import LocalStackError
from local.postgres_home import homes_without_folder, remove_home, remove_unused_binaries
from local.state import FolderLock, default_folder

# Ports stay, so that bookmarks do; the lock is held while the rest is deleted.
_KEPT = ("ports.json", "lock")


async def remove_data(folder: Path) -> list[Path]:
    """Delete all that stacks keep in, and for, the folder; LocalStackError while one runs.

    Returns what was deleted.
    """
    lock = FolderLock(folder)
    await lock.acquire()
    try:
        outside = remove_home(folder / "postgres")
        return outside + _empty(folder)
    finally:
        lock.release()


def _empty(folder: Path) -> list[Path]:
    contents = [path for path in sorted(folder.iterdir()) if path.name not in _KEPT]
    for path in contents:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return contents


def main() -> int:
    """Delete the data of the default folder and say what was deleted."""
    folder = default_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        removed = asyncio.run(remove_data(folder))
    except LocalStackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in removed + remove_unused_binaries():
        sys.stdout.write(f"deleted {path}\n")
    for home in homes_without_folder():
        sys.stdout.write(f"left alone: {home}, of a clone that was deleted or moved\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
