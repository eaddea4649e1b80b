"""Loopback ports: chosen once for a folder, remembered, and used again while they are free."""

import hashlib
import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.errors import LocalStackError

HOST = "127.0.0.1"
_FILE = "ports.json"
# Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152
# elsewhere), so that none of those can sit on a remembered port.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_ports(
    folder: Path, names: Iterable[str], wanted: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return a free port for each name, the same as last time where that is still free.

    Ports in `wanted` are taken as they are and not remembered; LocalStackError when one is in use.
    The search for a new port begins at a place that the folder decides, so that two folders rarely
    look at the same one.
    """
    wanted = wanted or {}
    before = _remembered(folder)
    remembered = dict(before)
    chosen: dict[str, int] = {}
    for name in names:
        if (port := wanted.get(name)) is not None:
            if not is_free(port):
                raise LocalStackError(
                    f"port {port}, asked for {name}, is in use: stop its user or take another port"
                )
        else:
            taken = {*chosen.values(), *wanted.values()}
            port = remembered.get(name, 0)
            if port == 0 or port in taken or not is_free(port):
                port = _next_free(folder, taken | set(remembered.values()))
            remembered[name] = port
        chosen[name] = port
    if remembered != before:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _FILE).write_text(json.dumps(remembered, indent=2) + "\n")
    return chosen


def _remembered(folder: Path) -> dict[str, int]:
    try:
        ports = json.loads((folder / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(ports, dict):
        return {}
    return {str(name): port for name, port in ports.items() if isinstance(port, int)}


def _next_free(folder: Path, taken: set[int]) -> int:
    digest = hashlib.sha256(str(folder.resolve()).encode()).digest()
    start = int.from_bytes(digest[:4], "big")
    for step in range(_LAST - _FIRST):
        port = _FIRST + (start + step) % (_LAST - _FIRST)
        if port not in taken and is_free(port):
            return port
    raise LocalStackError(f"no port between {_FIRST} and {_LAST} is free: stop some servers first")
