"""The face beneath a face mask, made by the generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.inpainting.cpu.detail import put_back_detail
from stream_unmask.inpainting.laid import LaidFace

Picture = NDArray[np.float32]


class Generator:
    """Asks the generator network for the face beneath a face mask.

    The network may work on smaller pictures than the crops; resizing them here is faster than inside it, and
    what a guide loses by that comes back from the guide at full size.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        side = engine.inputs[0].shape[-1]
        self._crop = np.empty((1, 3, side, side), np.float32)
        self._mask = np.empty((1, 1, side, side), np.float32)
        self._guide = np.zeros((1, 3, side, side), np.float32)
        self._trust = np.zeros((1, 1, side, side), np.float32)

    def generate(self, crop: Picture, mask: Picture, guide: LaidFace | None = None) -> Picture:
        """Make the face without its face mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            mask: (S, S) where the face mask is, 0..1, C-contiguous.
            guide: a face laid on at the crop's side, if there is one.

        Returns:
            (3, S, S) inpainted crop, RGB in [-1, 1].
        """
        self._show(guide)
        return self._finished(self._made(crop, mask), crop, guide)

    def generate_still(self, crop: Picture, mask: Picture, guide: LaidFace | None = None) -> Picture:
        """Make the face of a single picture without its face mask.

        The mean of what the network makes of the crop and of the crop in a mirror has fewer of its
        inventions. It is smoother, too: before a video's further frames one would see that.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            mask: (S, S) where the face mask is, 0..1, C-contiguous.
            guide: a face laid on at the crop's side, if there is one.

        Returns:
            (3, S, S) inpainted crop, RGB in [-1, 1], C-contiguous.
        """
        self._show(guide)
        made = self._made(crop, mask).copy()
        for shown in (self._guide, self._trust):
            shown[:] = shown[..., ::-1].copy()
        mirrored = self._made(np.ascontiguousarray(crop[:, :, ::-1]), np.ascontiguousarray(mask[:, ::-1]))
        made += mirrored[:, :, ::-1]
        made *= 0.5
        self._show(guide)
        return self._finished(made, crop, guide)

    def _show(self, guide: LaidFace | None) -> None:
        """Bring a guide to the network's side; without one, nothing is trusted."""
        if guide is None:
            self._guide[:] = 0
            self._trust[:] = 0
            return
        small = guide.shrunk(self._guide.shape[-1])
        self._guide[0], self._trust[0, 0] = small.as_inputs()

    def _made(self, crop: Picture, mask: Picture) -> Picture:
        """(3, T, T) at the network's side; its buffer may be used again by the next run."""
        resize(crop, self._crop[0])
        resize(mask[None], self._mask[0])
        (made,) = self._engine.run(self._crop, self._mask, self._guide, self._trust)
        return np.asarray(made[0], np.float32)

    def _finished(self, made: Picture, crop: Picture, guide: LaidFace | None) -> Picture:
        """A new array of the crop's side, for the track keeps what is made."""
        if guide is not None:
            return put_back_detail(
                made, self._guide[0], self._trust[0, 0], guide.picture, guide.trust, guide.box
            )
        inpainted = np.empty(crop.shape, np.float32)
        resize(made, inpainted)
        return np.asarray(np.clip(inpainted, -1.0, 1.0, out=inpainted), np.float32)


def resize(planes: Picture, out: Picture) -> None:
    """(C, S, S) pictures brought to the side of ``out`` (C, T, T), bilinearly."""
    if planes.shape == out.shape:
        out[:] = planes
        return
    for plane, resized in zip(planes, out, strict=True):
        cv2.resize(plane, resized.shape[::-1], dst=resized, interpolation=cv2.INTER_LINEAR)
