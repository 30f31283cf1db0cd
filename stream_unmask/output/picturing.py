"""The pictures of one file on their way into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stream_unmask.output.masks import mask_picture
from stream_unmask.output.watermark import Watermark
from stream_unmask.output.writing import OutputOptions
from stream_unmask.pipeline import Stream
from stream_unmask.video.images import Image, as_frame, paste_back
from stream_unmask.video.pictures import Pictures

_MILLISECOND = Fraction(1, 1000)


class PictureJob:
    """Unmasks the pictures of a file: those of an animation as a video's, pages each by itself.

    Args:
        make_stream: begins a video; ``still`` says that there will be one frame alone.
        options: what is written; ``encoder`` has no meaning here.

    Attributes:
        streams: those that were begun.
        mask: (H, W, 3) where masks were found in the first picture.
    """

    def __init__(self, make_stream: Callable[..., Stream], options: OutputOptions) -> None:
        self.streams: list[Stream] = []
        self.mask: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self._make_stream = make_stream
        self._options = options

    def process(self, pictures: Pictures) -> Pictures:
        """The same pictures, unmasked."""
        done, time = [], 0
        for index, image in enumerate(pictures.images):
            if not pictures.durations or not self.streams:
                self.streams.append(self._make_stream(still=not pictures.durations))
            done.append(self._one(image, index, time))
            time += round(pictures.durations[index]) if pictures.durations else 0
        return replace(pictures, images=tuple(done))

    def _one(self, image: Image, index: int, time: int) -> Image:
        frame = replace(as_frame(image), index=index, pts=time, time_base=_MILLISECOND)
        faces = self.streams[-1].process(frame)
        if not index and self._options.save_masks:
            self.mask = mask_picture(frame, faces)
        if self._options.watermark:
            Watermark().draw(frame)
        unmasked = paste_back(image, frame)
        return image.beside(unmasked) if self._options.compare else unmasked
