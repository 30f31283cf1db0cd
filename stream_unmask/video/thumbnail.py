"""The small upright picture that the detector sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from stream_unmask.video.frame import Frame


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A letterboxed picture and the way back into its frame.

    Attributes:
        rgb: (height, width, 3) uint8, black where the frame does not reach.
        to_frame: (2, 3) float64 affine from thumbnail pixels to frame pixels as coded (before any display
            rotation). Pixel centres lie on integers in both.
    """

    rgb: NDArray[np.uint8]
    to_frame: NDArray[np.float64]


class Thumbnailer:
    """Shrinks the frames of one stream to one size.

    Args:
        width: of the thumbnails, in pixels.
        height: of the thumbnails, in pixels.
        rotation: degrees clockwise that show the frames upright: 0, 90, 180 or 270.
    """

    def __init__(self, width: int = 640, height: int = 384, rotation: int = 0) -> None:
        if rotation not in (0, 90, 180, 270):
            raise ValueError(f"rotation must be 0, 90, 180 or 270 degrees, got {rotation}")
        self._width, self._height = width, height
        self._quarter_turns = rotation // 90
        self._reformatter = VideoReformatter()

    def shrink(self, frame: Frame) -> Thumbnail:
        """Make the thumbnail of a frame."""
        picture = frame.picture
        sideways = self._quarter_turns % 2 == 1
        box_width, box_height = (self._height, self._width) if sideways else (self._width, self._height)
        scale = min(box_width / picture.width, box_height / picture.height)
        width = max(1, round(picture.width * scale))
        height = max(1, round(picture.height * scale))
        small = self._reformatter.reformat(picture, width, height, "rgb24", interpolation="AREA", threads=1)
        plane = small.planes[0]
        pixels = np.ndarray((height, width, 3), np.uint8, memoryview(plane), 0, (plane.line_size, 3, 1))
        upright = np.rot90(pixels, -self._quarter_turns)

        rgb = np.zeros((self._height, self._width, 3), np.uint8)
        left = (self._width - upright.shape[1]) // 2
        top = (self._height - upright.shape[0]) // 2
        rgb[top : top + upright.shape[0], left : left + upright.shape[1]] = upright
        step_x, step_y = picture.width / width, picture.height / height
        to_frame = (
            np.array([[step_x, 0.0, (step_x - 1) / 2], [0.0, step_y, (step_y - 1) / 2], [0, 0, 1]])
            @ _unrotate(self._quarter_turns, width, height)
            @ np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0, 0, 1]])
        )
        return Thumbnail(rgb, to_frame[:2])


def _unrotate(quarter_turns: int, width: int, height: int) -> NDArray[np.float64]:
    """From pixels of a picture turned clockwise to pixels of the ``width`` x ``height`` one it was."""
    matrices = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, 1, 0], [-1, 0, height - 1]],
        2: [[-1, 0, width - 1], [0, -1, height - 1]],
        3: [[0, -1, width - 1], [1, 0, 0]],
    }
    return np.array([*matrices[quarter_turns], [0, 0, 1]], np.float64)
