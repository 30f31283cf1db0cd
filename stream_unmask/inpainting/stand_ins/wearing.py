"""One stand-in on one head, frame after frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.laying import (
    Points,
    bend,
    fit_rigid,
    head_angles,
    mask_edge,
    measure_bend,
    to_crop,
    visible_weights,
)
from stream_unmask.faces.laying_limits import Refusal, refusal
from stream_unmask.faces.laying_smoothing import LayingFilter
from stream_unmask.faces.masked_mesh import masked_mesh
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.faces.warping import WarpSource, backward_map, warp_source
from stream_unmask.inpainting.stand_ins.bank import StandIn
from stream_unmask.inpainting.stand_ins.trusting import laid_trust
from stream_unmask.pixels.geometry import Box, same_place

_SEEN_ANEW = 10.0
"""Degrees of yaw after which the mesh's error under the mask is found anew: it changes as the head turns."""

_FIRST_ROUNDS = 2
"""Times that the error is found at first: each needs to know where the face lies, which the last one told."""

_LEAST_WEIGHT = 1e-9

_BESIDE = 2
"""Crop pixels of the face beside what is trusted that are drawn, too: its rim, shrunk, has a part of them."""


@dataclass(frozen=True, slots=True)
class LaidFace:
    """A face laid on a head, in crop pixels.

    Attributes:
        picture: (S, S, 3) float32 RGB in 0..1, matched to nothing; black outside the box.
        trust: (S, S) float32 in 0..1: how far it is to be shown; 0 outside the box.
        box: where there may be some of it.
    """

    picture: NDArray[np.float32]
    trust: NDArray[np.float32]
    box: Box

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
class _Drawable:
    """A stand-in, ready to be drawn in crops of one side.

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
    def of(cls, stand_in: StandIn, size: int) -> _Drawable:
        """Get a stand-in ready."""
        zoom = size / len(stand_in.picture)
        pixels, source = warp_source(stand_in.with_bare, stand_in.points, zoom)
        picture = pixels.astype(np.float32) * np.float32(1 / 255)
        colours, bare = picture[:, :, :3], picture[:, :, 3]
        return cls(size, np.ascontiguousarray(colours), np.ascontiguousarray(bare), source)


def warm_up() -> None:
    """Compile (or load from numba's cache) what drawing a stand-in runs."""
    LaidFace(np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.float32), Box(0, 0, 4, 4)).as_inputs()


class WornStandIn:
    """A stand-in that one track wears, from the frame on in which it was chosen.

    Attributes:
        stand_in: which.
    """

    def __init__(self, stand_in: StandIn, network: FaceMesh) -> None:
        """Put it on.

        Args:
            stand_in: of the bank.
            network: fits meshes; used while the head is met for the first time, or has turned.
        """
        self.stand_in = stand_in
        self._network = network
        self._filter = LayingFilter(stand_in.points)
        self._worn: Points | None = None
        self._worn_yaw = 0.0
        self._laid = False
        self._drawable: _Drawable | None = None

    def lay(
        self,
        points: Points,
        alignment: Alignment,
        crop: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.float32],
        elapsed: float,
    ) -> Points | Refusal:
        """Lay it on the head as the next frame shows it.

        Args:
            points: (468, 3) the masked head's mesh in frame pixels.
            alignment: of the crop.
            crop: gives the (3, S, S) RGB crop in [-1, 1]; asked for when the head is met for the first time,
                or has turned.
            mask: (S, S) soft mask of the crop.
            elapsed: seconds since the last frame of this head, above 0 but for the first one.

        Returns:
            (468, 3) its mesh in crop pixels, or why it must not be shown in this frame.
        """
        head = to_crop(points, alignment)
        weights = visible_weights(head, mask) + _LEAST_WEIGHT
        yaw = head_angles(head, weights).yaw
        why = refusal(head, mask, yaw - self.stand_in.angles.yaw, held=self._laid)
        self._laid = why is None
        if why is not None:
            return why
        own, worn = self.stand_in.points, self._as_worn(head, weights, crop, mask, yaw)
        in_crop = fit_rigid(worn, head, weights)
        by = measure_bend(in_crop, own, worn, head, mask_edge(mask, in_crop(own)))
        rigid, by = self._filter.update(fit_rigid(worn, points, weights), by, elapsed)
        return to_crop(bend(rigid, own, by), alignment)

    def draw(self, laid: Points, size: int) -> LaidFace:
        """Draw it where it was laid.

        Args:
            laid: from :meth:`lay`.
            size: side S of the crop that ``laid`` is in.
        """
        picture, trust = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
        if self._drawable is None or self._drawable.size != size:
            self._drawable = _Drawable.of(self.stand_in, size)
        mapped = backward_map(self._drawable.source, laid, size)
        if mapped is None:
            return LaidFace(picture, trust, Box(0, 0, 0, 0))
        box, part = mapped.box, trust[mapped.box.slices]
        bare = np.asarray(mapped.read(self._drawable.bare), np.float32)
        part[:] = laid_trust(mapped.trust, bare, laid - (box.x0, box.y0, 0), size)
        x, y, width, height = cv2.boundingRect((part > 0).view(np.uint8))
        shown = Box(x, y, x + width, y + height).moved(box.x0, box.y0).widened(_BESIDE).within(box)
        if not shown.empty:
            np.clip(mapped.read(self._drawable.picture, shown), 0, 1, out=picture[shown.slices])
        return LaidFace(picture, trust, shown)

    def _as_worn(
        self,
        head: Points,
        weights: NDArray[np.float64],
        crop: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.float32],
        yaw: float,
    ) -> Points:
        """The stand-in's mesh as the network sees it with this mask on, in the stand-in's pixels."""
        if self._worn is not None and abs(yaw - self._worn_yaw) < _SEEN_ANEW:
            return self._worn
        rounds = _FIRST_ROUNDS if self._worn is None else 1
        worn = self.stand_in.points if self._worn is None else self._worn
        picture = crop()
        for _ in range(rounds):
            laid = fit_rigid(worn, head, weights)
            worn = masked_mesh(
                self._network, self.stand_in.picture, self.stand_in.points, picture, mask, laid
            )
        self._worn, self._worn_yaw = worn, yaw
        return worn
