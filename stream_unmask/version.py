"""The program's version, said in one place."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def program_version() -> str:
    """The version that is installed; in a source tree that is not, what its ``pyproject.toml`` says."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("stream-unmask")
    except PackageNotFoundError:
        return _source_version(Path(__file__).parents[1] / "pyproject.toml")


def _source_version(project: Path) -> str:
    import tomllib

    try:
        said = tomllib.loads(project.read_text(encoding="utf-8"))
    except OSError:
        return "unknown"
    return str(said["project"]["version"])
