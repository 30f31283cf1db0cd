"""The mesh that the network would see on a bare face if it wore somebody's mask.

The network's error on masked faces depends on the mask far more than on the face. Seen on both sides it
cancels.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points, Rigid, fit_rigid
from stream_unmask.faces.mesh import FaceMesh, Mesh, fit_settled
from stream_unmask.pixels.geometry import similarity
from stream_unmask.video.images import as_frame

_RIM = 1.2
"""Blur of the mask's rim in pixels of the picture: a hard one would be an edge of its own."""


_SEEN_ANEW = 10.0
"""Degrees of yaw after which the mesh's error under the mask is found anew: it changes as the head turns."""

_FIRST_ROUNDS = 2
"""Times that the error is found at first: each needs to know where the face lies, which the last one told."""


class MeshAsWorn:
    """The mesh of a bare face as the network sees it with a head's mask on, found anew as the head turns."""

    def __init__(self, network: FaceMesh, picture: NDArray[np.uint8], points: Points) -> None:
        """Take a bare face, (H, W, 3) RGB, its mesh in the picture's pixels, and what fits meshes."""
        self._network, self._picture, self._points = network, picture, points
        self._worn: Points | None = None
        self._yaw = 0.0

    def on(
        self,
        head: Points,
        weights: NDArray[np.float64],
        yaw: float,
        crop: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.float32],
    ) -> Points:
        """The mesh on a head as a frame shows it.

        Args:
            head: (468, 3) the masked head's mesh in crop pixels.
            weights: (468,) how far each of its points counts.
            yaw: of the head, in degrees.
            crop: gives the (3, S, S) RGB crop in [-1, 1]; asked for when the mesh is found anew.
            mask: (S, S) soft mask of the crop.

        Returns:
            (468, 3) in the picture's pixels.
        """
        if self._worn is not None and abs(yaw - self._yaw) < _SEEN_ANEW:
            return self._worn
        rounds = _FIRST_ROUNDS if self._worn is None else 1
        worn = self._points if self._worn is None else self._worn
        seen = crop()
        for _ in range(rounds):
            laid = fit_rigid(worn, head, weights)
            worn = masked_mesh(self._network, self._picture, self._points, seen, mask, laid)
        self._worn, self._yaw = worn, yaw
        return worn


def masked_mesh(
    network: FaceMesh,
    picture: NDArray[np.uint8],
    points: Points,
    crop: NDArray[np.float32],
    mask: NDArray[np.float32],
    laid: Rigid,
    fits: int = 4,
) -> Points:
    """Put a masked head's mask on a bare face, and fit the mesh.

    Args:
        network: fits meshes.
        picture: (H, W, 3) RGB of the bare face.
        points: its mesh in the picture's pixels.
        crop: (3, S, S) RGB in [-1, 1] of the masked head.
        mask: (S, S) soft mask of the crop.
        laid: takes ``points`` to the crop's pixels, as far as is known.
        fits: runs of the network; it needs a few to settle.

    Returns:
        (468, 3) in the picture's pixels.
    """
    to_picture = similarity(laid(points)[:, :2], points[:, :2])
    size = (picture.shape[1], picture.shape[0])
    worn = cv2.warpAffine(crop.transpose(1, 2, 0), to_picture, size, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.GaussianBlur(cv2.warpAffine(mask, to_picture, size), (0, 0), _RIM)[:, :, None]
    composite = picture * (1 - share) + (worn * 127.5 + 127.5) * share
    planes = as_frame(np.clip(composite + 0.5, 0, 255).astype(np.uint8)).planes()
    return fit_settled(network, planes, Mesh(points, 1.0).region(), fits).points
