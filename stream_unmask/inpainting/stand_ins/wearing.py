"""One stand-in on one head, frame after frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
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
from stream_unmask.faces.warping import warp_face
from stream_unmask.inpainting.stand_ins.bank import StandIn
from stream_unmask.inpainting.stand_ins.trusting import laid_trust

_SEEN_ANEW = 10.0
"""Degrees of yaw after which the mesh's error under the mask is found anew: it changes as the head turns."""

_FIRST_ROUNDS = 2
"""Times that the error is found at first: each needs to know where the face lies, which the last one told."""

_LEAST_WEIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class LaidFace:
    """A face laid on a head, in crop pixels.

    Attributes:
        picture: (S, S, 3) float32 RGB in 0..1, matched to nothing; black where there is none of it.
        trust: (S, S) float32 in 0..1: how far it is to be shown.
    """

    picture: NDArray[np.float32]
    trust: NDArray[np.float32]

    def shrunk(self, side: int) -> LaidFace:
        """The same face, ``side`` pixels wide: as the generator reads it."""
        picture, trust = (
            cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA)
            for each in (self.picture, self.trust)
        )
        return LaidFace(np.asarray(picture, np.float32), np.asarray(trust, np.float32))

    def as_inputs(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(3, S, S) RGB in [-1, 1], 0 where nothing is trusted, and (S, S) trust, as networks take them."""
        picture = (self.picture.transpose(2, 0, 1) * np.float32(2) - np.float32(1)) * (self.trust > 0)
        return np.asarray(picture, np.float32), self.trust


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

    def draw(self, laid: Points, size: int, side: int) -> LaidFace:
        """Draw it where it was laid.

        Args:
            laid: from :meth:`lay`.
            size: side S of the crop that ``laid`` is in.
            side: of the picture wanted, of the same part of the frame.
        """
        zoom = side / size
        target = laid * zoom
        target[:, :2] += (zoom - 1) / 2
        warped = warp_face(self.stand_in.with_bare, self.stand_in.points, target, side)
        picture = np.clip(warped.picture * np.float32(1 / 255), 0, 1)
        trust = laid_trust(warped.trust, picture[:, :, 3], target)
        return LaidFace(np.ascontiguousarray(picture[:, :, :3]), trust)

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
