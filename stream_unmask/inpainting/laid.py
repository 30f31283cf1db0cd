"""A face's picture laid on a head: what the guided generator reads, whoever's face it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Angles, Points, head_angles
from stream_unmask.faces.trusting import bare_skin, laid_trust
from stream_unmask.faces.warping import WarpSource, backward_map, warp_source
from stream_unmask.pixels.geometry import Box, same_place

_BESIDE = 2
"""Crop pixels of the face beside what is trusted that are drawn, too: its rim, shrunk, has a part of them."""


@dataclass(frozen=True, eq=False)
class PicturedFace:
    """A bare face to be laid on heads.

    Attributes:
        picture: (S, S, 3) uint8 RGB crop.
        points: (468, 3) its mesh in the crop's pixels.
    """

    picture: NDArray[np.uint8]
    points: Points

    @cached_property
    def angles(self) -> Angles:
        """How the head is turned."""
        return head_angles(self.points)

    @cached_property
    def with_bare(self) -> NDArray[np.uint8]:
        """(S, S, 4) the picture, and how surely each pixel shows bare skin, 0..255."""
        return np.dstack([self.picture, bare_skin(self.picture, self.points)])


@dataclass(frozen=True, slots=True)
class LaidFace:
    """A face laid on a head, in crop pixels.

    Attributes:
        picture: (S, S, 3) float32 RGB in 0..1, matched to nothing; black outside the box.
        trust: (S, S) float32 in 0..1: how far it is to be shown; 0 outside the box.
        box: where there may be some of it.
        source: what was drawn, to tell whether two frames show the same; None while it fades in or out.
    """

    picture: NDArray[np.float32]
    trust: NDArray[np.float32]
    box: Box
    source: object = None

    def faded(self, share: float) -> LaidFace:
        """The same face, trusted by a ``share`` of 0..1."""
        return self if share >= 1 else LaidFace(self.picture, self.trust * np.float32(share), self.box)

    def shrunk(self, side: int) -> LaidFace:
        """The same face, ``side`` pixels wide: as the generator reads it."""
        here, there = same_place(self.box, len(self.trust), side)
        picture, trust = np.zeros((side, side, 3), np.float32), np.zeros((side, side), np.float32)
        if not there.empty:
            size = (there.x1 - there.x0, there.y1 - there.y0)
            for large, small in ((self.picture, picture), (self.trust, trust)):
                small[there.slices] = cv2.resize(large[here.slices], size, interpolation=cv2.INTER_AREA)
        return LaidFace(picture, trust, there)

    def as_inputs(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(3, S, S) RGB in [-1, 1], 0 where nothing is trusted, and (S, S) trust, as networks take them."""
        picture = np.zeros((3, *self.trust.shape), np.float32)
        _as_planes(self.picture, self.trust, self.box, picture)
        return picture, self.trust


@numba.njit(nogil=True, cache=True, fastmath=True)
def _as_planes(picture: Any, trust: Any, box: Any, out: Any) -> None:
    """Fill (3, S, S) ``out`` in a box with a picture in [-1, 1] where it is trusted."""
    two, one = np.float32(2), np.float32(1)
    for row in range(box[1], box[3]):
        for column in range(box[0], box[2]):
            if trust[row, column] > 0:
                for channel in range(3):
                    out[channel, row, column] = picture[row, column, channel] * two - one


@dataclass(frozen=True, slots=True)
class Drawable:
    """A face, ready to be drawn in crops of one side.

    Attributes:
        size: of the crops.
        picture: (s, s, 3) float32 RGB in 0..1.
        bare: (s, s) float32 in 0..1: how surely it shows bare skin.
        source: of both.
    """

    size: int
    picture: NDArray[np.float32]
    bare: NDArray[np.float32]
    source: WarpSource

    @classmethod
    def of(cls, face: PicturedFace, size: int) -> Drawable:
        """Get a face ready."""
        zoom = size / len(face.picture)
        pixels, source = warp_source(face.with_bare, face.points, zoom)
        picture = pixels.astype(np.float32) * np.float32(1 / 255)
        colours, bare = picture[:, :, :3], picture[:, :, 3]
        return cls(size, np.ascontiguousarray(colours), np.ascontiguousarray(bare), source)

    def draw(self, laid: Points) -> LaidFace:
        """Draw it.

        Args:
            laid: (468, 3) where its mesh lies, in pixels of a crop of this size.
        """
        size = self.size
        picture, trust = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
        mapped = backward_map(self.source, laid, size)
        if mapped is None:
            return LaidFace(picture, trust, Box(0, 0, 0, 0), self)
        box, part = mapped.box, trust[mapped.box.slices]
        bare = np.asarray(mapped.read(self.bare), np.float32)
        part[:] = laid_trust(mapped.trust, bare, laid - (box.x0, box.y0, 0), size)
        x, y, width, height = cv2.boundingRect((part > 0).view(np.uint8))
        shown = Box(x, y, x + width, y + height).moved(box.x0, box.y0).widened(_BESIDE).within(box)
        if not shown.empty:
            np.clip(mapped.read(self.picture, shown), 0, 1, out=picture[shown.slices])
        return LaidFace(picture, trust, shown, self)


def warm_up() -> None:
    """Compile (or load from numba's cache) what drawing a laid face runs."""
    LaidFace(np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.float32), Box(0, 0, 4, 4)).as_inputs()
