"""Cropping that Matroska asks players for, and which FFmpeg leaves to them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.filter

from stream_unmask.video.ebml import elements, inside, matroska_track

# RFC 9559 (Matroska), the numbers of elements as they are stored.
_VIDEO = 0xE0
_CROP_BOTTOM, _CROP_TOP, _CROP_LEFT, _CROP_RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD


@dataclass(frozen=True, slots=True)
class Cropping:
    """Pixels that are not to be seen at the sides of a picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def fits(self, width: int, height: int) -> bool:
        """Whether it leaves something of a picture."""
        return self.left + self.right < width and self.top + self.bottom < height


def file_cropping(path: Path, track: int) -> Cropping:
    """How a Matroska file wants a track cropped; not at all, if it is none.

    Args:
        path: any file.
        track: which one, counted from 0.
    """
    video = inside(matroska_track(path, track), _VIDEO)
    sides = {number: int.from_bytes(value, "big") for number, value in elements(video)}
    found = (sides.get(number, 0) for number in (_CROP_LEFT, _CROP_TOP, _CROP_RIGHT, _CROP_BOTTOM))
    return Cropping(*found)


class Cropper:
    """Cuts off what is not to be seen, by FFmpeg's filter: all else that a picture carries stays with it."""

    def __init__(self, cropping: Cropping) -> None:
        self._cropping = cropping
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[int, int, str] | None = None

    def crop(self, picture: av.VideoFrame) -> av.VideoFrame:
        """A picture's visible part, of whole chroma samples: up to a pixel more stays at the left and top."""
        cropping = self._cropping
        if not cropping.fits(picture.width, picture.height):
            return picture
        kind = (picture.width, picture.height, picture.format.name)
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._made(picture), kind
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _made(self, picture: av.VideoFrame) -> av.filter.Graph:
        cropping, graph = self._cropping, av.filter.Graph()
        width = picture.width - cropping.left - cropping.right
        height = picture.height - cropping.top - cropping.bottom
        time_base = picture.time_base or Fraction(1, 90_000)
        buffer = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=time_base
        )
        # Not exact: half a chroma sample cannot be cut.
        crop = graph.add("crop", f"{width}:{height}:{cropping.left}:{cropping.top}:exact=0")
        sink = graph.add("buffersink")
        buffer.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph
