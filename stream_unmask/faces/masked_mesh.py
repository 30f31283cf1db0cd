"""The mesh that the network would see on a bare face if it wore somebody's mask.

The network's error on masked faces depends on the mask far more than on the face. Seen on both sides it
cancels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points, Rigid
from stream_unmask.faces.mesh import FaceMesh, Mesh
from stream_unmask.video.images import as_frame

_RIM = 1.2
"""Blur of the mask's rim in pixels of the picture: a hard one would be an edge of its own."""


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
    to_picture = _similarity(laid(points)[:, :2], points[:, :2])
    size = (picture.shape[1], picture.shape[0])
    worn = cv2.warpAffine(crop.transpose(1, 2, 0), to_picture, size, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.GaussianBlur(cv2.warpAffine(mask, to_picture, size), (0, 0), _RIM)[:, :, None]
    composite = picture * (1 - share) + (worn * 127.5 + 127.5) * share
    planes = as_frame(np.clip(composite + 0.5, 0, 255).astype(np.uint8)).planes()
    mesh = Mesh(points, 1.0)
    for _ in range(fits):
        mesh = network.fit(planes, mesh.region())
    return mesh.points


def _similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) turn, size and shift that take points (n, 2) to others with the least squares."""
    from_middle, to_middle = source.mean(0), target.mean(0)
    first, second = (source - from_middle) @ (1, 1j), (target - to_middle) @ (1, 1j)
    factor = complex(np.vdot(first, second) / np.vdot(first, first).real)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turn, to_middle - turn @ from_middle])
