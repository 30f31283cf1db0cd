"""The face beneath a face mask, made by the generator."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from stream_unmask.inpainting.cpu.detail import put_back_detail
from stream_unmask.inpainting.laid import LaidFace

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Made:
    """What the network made of one crop, at its own side T, and the guide that it was given.

    Attributes:
        picture: (3, T, T) RGB, not clipped.
        guide: (3, T, T) RGB in [-1, 1].
        trust: (T, T) in 0..1; 0 everywhere where there was no guide.
    """

    picture: Picture
    guide: Picture
    trust: Picture

    def finished(self, size: int, laid: LaidFace | None = None) -> Picture:
        """The inpainted crop at full size.

        Args:
            size: S, the crop's side.
            laid: the guide at that side, if there was one: as it was laid for the network, or a moment later,
                when the face lies a little otherwise in its crop.

        Returns:
            (3, S, S) RGB in [-1, 1], C-contiguous, a new array.
        """
        if laid is not None:
            return put_back_detail(self.picture, self.guide, self.trust, laid.picture, laid.trust, laid.box)
        inpainted = np.empty((3, size, size), np.float32)
        resize(self.picture, inpainted)
        return np.asarray(np.clip(inpainted, -1.0, 1.0, out=inpainted), np.float32)


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
        self._nothing = np.zeros((3, side, side), np.float32), np.zeros((side, side), np.float32)

    def make(
        self, crop: Picture, mask: Picture, guide: LaidFace | None = None, *, still: bool = False
    ) -> Made:
        """Make the face without its face mask.

        Args:
            crop: (3, S, S) RGB in [-1, 1], C-contiguous.
            mask: (S, S) where the face mask is, 0..1, C-contiguous.
            guide: a face laid on at the crop's side, if there is one.
            still: it is for a single picture: the mean of what the network makes of the crop and of the crop
                in a mirror has fewer of its inventions. It is smoother, too: before a video's further frames
                one would see that.
        """
        given = self._nothing if guide is None else guide.shrunk(self._guide.shape[-1]).as_inputs()
        self._guide[0], self._trust[0, 0] = given
        made = self._run(crop, mask).copy()
        if still:
            for shown in (self._guide, self._trust):
                shown[:] = shown[..., ::-1].copy()
            mirrored = np.ascontiguousarray(crop[:, :, ::-1]), np.ascontiguousarray(mask[:, ::-1])
            made += self._run(*mirrored)[:, :, ::-1]
            made *= 0.5
        return Made(made, *given)

    def _run(self, crop: Picture, mask: Picture) -> Picture:
        """(3, T, T) at the network's side; its buffer may be used again by the next run."""
        resize(crop, self._crop[0])
        resize(mask[None], self._mask[0])
        (made,) = self._engine.run(self._crop, self._mask, self._guide, self._trust)
        return np.asarray(made[0], np.float32)


def resize(planes: Picture, out: Picture) -> None:
    """(C, S, S) pictures brought to the side of ``out`` (C, T, T), bilinearly."""
    if planes.shape == out.shape:
        out[:] = planes
        return
    for plane, resized in zip(planes, out, strict=True):
        cv2.resize(plane, resized.shape[::-1], dst=resized, interpolation=cv2.INTER_LINEAR)
