"""Take the face masks off the people in a video: video in, video out.

from stream_unmask import unmask_video

unmask_video("video.mp4", "out.mp4")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream_unmask.api import Unmasker, unmask_image, unmask_video
    from stream_unmask.errors import UnmaskError
    from stream_unmask.inpainting.face import UnmaskedFace
    from stream_unmask.output.codecs import EncoderSettings
    from stream_unmask.output.writing import OutputOptions, Progress
    from stream_unmask.pipeline import Stream
    from stream_unmask.report import FaceReport, Report
    from stream_unmask.settings import Settings
    from stream_unmask.video.frame import Frame

_HOMES = {
    "EncoderSettings": "output.codecs",
    "FaceReport": "report",
    "Frame": "video.frame",
    "OutputOptions": "output.writing",
    "Progress": "output.writing",
    "Report": "report",
    "Settings": "settings",
    "Stream": "pipeline",
    "UnmaskError": "errors",
    "UnmaskedFace": "inpainting.face",
    "Unmasker": "api",
    "unmask_image": "api",
    "unmask_video": "api",
}

__all__ = [
    "EncoderSettings",
    "FaceReport",
    "Frame",
    "OutputOptions",
    "Progress",
    "Report",
    "Settings",
    "Stream",
    "UnmaskError",
    "UnmaskedFace",
    "Unmasker",
    "unmask_image",
    "unmask_video",
]


def __getattr__(name: str) -> object:
    """Load what is asked for, and only then: training needs the alignment, not the engines and codecs."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
