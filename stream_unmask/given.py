"""The faces that a user gives as references: photos, and frames of the video itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stream_unmask.errors import InputError
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.settings import Settings
from stream_unmask.video.files import is_address
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source

_FRAME = "frame:"
"""What a frame's number follows in :attr:`Settings.reference`."""


def frames_named(settings: Settings) -> dict[int, int]:
    """Which frames of a video are to be references, by the people's numbers."""
    if not isinstance(settings.reference, Mapping):
        return {}
    return {
        number: int(each.removeprefix(_FRAME))
        for number, each in settings.reference.items()
        if isinstance(each, str) and each.startswith(_FRAME)
    }


def photo_references(settings: Settings) -> dict[int, Reference]:
    """The photos that are to be references, by the people's numbers."""
    if not isinstance(settings.reference, Mapping):
        return {}
    frames = frames_named(settings)
    return {
        number: each if isinstance(each, Reference) else Reference.from_image(each)
        for number, each in settings.reference.items()
        if number not in frames
    }


def photos_named(settings: Settings) -> list[Path]:
    """The files of the photos that are to be references, each once."""
    if not isinstance(settings.reference, Mapping):
        return []
    frames = frames_named(settings)
    given = settings.reference.items()
    return list(
        dict.fromkeys(
            Path(each) for number, each in given if number not in frames and isinstance(each, str | Path)
        )
    )


def frame_references(settings: Settings, source: str | Path) -> dict[int, Reference]:
    """The frames of a video that are to be references, by the people's numbers.

    Raises:
        InputError: the source cannot be read twice, ends before one of them, or that does not show one bare
            face.
    """
    wanted = frames_named(settings)
    if not wanted:
        return {}
    if is_address(source) or str(source) == "-":
        raise InputError("Only a file has frames that can be looked up before it is unmasked.")
    found: dict[int, Reference] = {}
    with open_source(source) as opened:
        rotation = opened.info.rotation
        for frame in opened:
            if isinstance(frame, Frame) and frame.index in wanted.values():
                reference = Reference.from_frame(frame, f"frame {frame.index}", rotation=rotation)
                found |= {number: reference for number, index in wanted.items() if index == frame.index}
                if len(found) == len(wanted):
                    return found
    missing = max(wanted.values())
    raise InputError(f"{source} ends before frame {missing}.", path=Path(source))
