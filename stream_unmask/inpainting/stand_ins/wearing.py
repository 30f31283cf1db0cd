"""One stand-in on one head, frame after frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.laying import (
    Points,
    bend,
    fit_rigid,
    fitting_weights,
    head_angles,
    mask_edge,
    measure_bend,
    to_crop,
)
from stream_unmask.faces.laying_limits import Refusal, refusal
from stream_unmask.faces.laying_smoothing import LayingFilter
from stream_unmask.faces.masked_mesh import MeshAsWorn
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.laid import Drawable, LaidFace
from stream_unmask.inpainting.stand_ins.bank import StandIn


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
        self._filter = LayingFilter(stand_in.points)
        self._as_worn = MeshAsWorn(network, stand_in.picture, stand_in.points)
        self._laid = False
        self._drawable: Drawable | None = None

    def lay(
        self,
        points: Points,
        alignment: Alignment,
        crop: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.float32],
        elapsed: float,
        *,
        beneath: bool = False,
    ) -> Points | Refusal:
        """Lay it on the head as the next frame shows it.

        Args:
            points: (468, 3) the masked head's mesh in frame pixels.
            alignment: of the crop.
            crop: gives the (3, S, S) RGB crop in [-1, 1]; asked for when the head is met for the first time,
                or has turned.
            mask: (S, S) soft mask of the crop.
            elapsed: seconds since the last frame of this head, above 0 but for the first one.
            beneath: the head's mesh was fitted beneath the mask, which has no part in its errors.

        Returns:
            (468, 3) its mesh in crop pixels, or why it must not be shown in this frame.
        """
        head = to_crop(points, alignment)
        weights = fitting_weights(head, mask)
        yaw = head_angles(head, weights).yaw
        why = refusal(head, mask, yaw - self.stand_in.angles.yaw, held=self._laid, beneath=beneath)
        self._laid = why is None
        if why is not None:
            return why
        own = self.stand_in.points
        worn = own if beneath else self._as_worn.on(head, weights, yaw, crop, mask)
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
        if self._drawable is None or self._drawable.size != size:
            self._drawable = Drawable.of(self.stand_in, size)
        return self._drawable.draw(laid)
