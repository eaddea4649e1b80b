"""Model files inside installed packages: where they are, and exactly which ones."""

import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


def package_file(package: str, path: str) -> Path:
    """Return where an installed package keeps a file, without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{path} comes with the package {package}")
    return Path(spec.submodule_search_locations[0]) / path


def identity(distribution: str, file: Path) -> str:
    """Return `<distribution> <version> sha256:<first 12 digits>` of a model's weights."""
    with file.open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    return f"{distribution} {version(distribution)} sha256:{digest[:12]}"
