"""Where the networks of other authors lie that find and follow faces."""

from __future__ import annotations

from pathlib import Path

from stream_unmask.errors import WeightsError

FOLDER = Path(__file__).parents[1] / "weights" / "third_party"
"""Filled when the package is built (``hatch_build.py``), together with the authors' licences."""


def centerface() -> Path:
    """The face detector's network.

    Raises:
        WeightsError: it was not put there when the package was built.
    """
    return _find("centerface.onnx")


def face_landmark() -> Path:
    """The face mesh's network.

    Raises:
        WeightsError: it was not put there when the package was built.
    """
    return _find("face_landmark.tflite")


def _find(name: str) -> Path:
    path = FOLDER / name
    if not path.is_file():
        raise WeightsError(
            f"The face network {name} is missing from {FOLDER}; it is fetched when the package is built from "
            "its source folder, online.",
            path=path,
            hint="pip install --force-reinstall --no-deps .",
        )
    return path
