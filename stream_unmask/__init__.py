"""Take the face masks off the people in a video: video in, video out.

from stream_unmask import unmask_video

unmask_video("video.mp4", "out.mp4")

What ``__all__`` names is public and keeps its meaning; everything else may change.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream_unmask.api import Unmasker, unmask_image, unmask_video
    from stream_unmask.errors import (
        EngineError,
        InputError,
        MissingExtraError,
        OutputError,
        OutputExistsError,
        UnmaskError,
        WeightsError,
    )
    from stream_unmask.inpainting.face import UnmaskedFace
    from stream_unmask.inpainting.references.reference import Reference
    from stream_unmask.output.codecs import EncoderSettings
    from stream_unmask.output.live.options import LiveOptions
    from stream_unmask.output.writing import OutputOptions, Progress
    from stream_unmask.pipeline import Stream, UnmaskedFrame
    from stream_unmask.report import FaceReport, Report
    from stream_unmask.settings import Settings
    from stream_unmask.video.camera_options import CameraOptions
    from stream_unmask.video.frame import Frame

    __version__: str

_HOMES = {
    "CameraOptions": "video.camera_options",
    "EncoderSettings": "output.codecs",
    "EngineError": "errors",
    "FaceReport": "report",
    "Frame": "video.frame",
    "InputError": "errors",
    "LiveOptions": "output.live.options",
    "MissingExtraError": "errors",
    "OutputError": "errors",
    "OutputExistsError": "errors",
    "OutputOptions": "output.writing",
    "Progress": "output.writing",
    "Reference": "inpainting.references.reference",
    "Report": "report",
    "Settings": "settings",
    "Stream": "pipeline",
    "UnmaskError": "errors",
    "UnmaskedFace": "inpainting.face",
    "UnmaskedFrame": "pipeline",
    "Unmasker": "api",
    "WeightsError": "errors",
    "unmask_image": "api",
    "unmask_video": "api",
}

__all__ = [
    "CameraOptions",
    "EncoderSettings",
    "EngineError",
    "FaceReport",
    "Frame",
    "InputError",
    "LiveOptions",
    "MissingExtraError",
    "OutputError",
    "OutputExistsError",
    "OutputOptions",
    "Progress",
    "Reference",
    "Report",
    "Settings",
    "Stream",
    "UnmaskError",
    "UnmaskedFace",
    "UnmaskedFrame",
    "Unmasker",
    "WeightsError",
    "__version__",
    "unmask_image",
    "unmask_video",
]

# Who wants to read what is logged says where to; without that it goes nowhere.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    """Load what is asked for, and only then: training needs the alignment, not the engines and codecs."""
    if name == "__version__":
        from stream_unmask.version import program_version

        return program_version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
