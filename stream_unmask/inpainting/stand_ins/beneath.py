"""The mesh of a masked head, found beneath its mask: fitted to the face that the generator paints there.

A patterned mask, or one that is pulled up high, is taken for half of a face: eyes lie on its folds and the
mesh slides down. What the generator paints without any guide is soft, but a face in its place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import Points
from stream_unmask.faces.laying_limits import is_lost
from stream_unmask.faces.mesh import FaceMesh, Mesh, fit_settled
from stream_unmask.video.images import as_frame

_FITS = 3
"""Runs of the network: it begins where the mesh was lost, and needs some to settle."""

_LEAST_PRESENCE = 0.9
"""Of the painted face."""


def mesh_beneath(
    network: FaceMesh,
    crop: NDArray[np.float32],
    painted: NDArray[np.float32],
    mask: NDArray[np.float32],
    head: Points,
) -> Points | None:
    """Fit the mesh to a head as if it wore no mask.

    Args:
        network: fits meshes.
        crop: (3, S, S) RGB in [-1, 1] of the masked head.
        painted: (3, S, S) likewise, what the generator paints of it.
        mask: (S, S) soft mask of the crop.
        head: (468, 3) the mesh of the masked head in crop pixels.

    Returns:
        (468, 3) in crop pixels; None where it is lost all the same.
    """
    bare = crop + np.clip(2 * mask, 0, 1) * (painted - crop)
    picture = np.ascontiguousarray(bare.transpose(1, 2, 0) * 127.5 + 128)
    planes = as_frame(np.clip(picture, 0, 255).astype(np.uint8)).planes()
    mesh = fit_settled(network, planes, Mesh(head, 1.0).region(), _FITS)
    if mesh.presence < _LEAST_PRESENCE or is_lost(mesh.points, mask, beneath=True):
        return None
    return mesh.points
