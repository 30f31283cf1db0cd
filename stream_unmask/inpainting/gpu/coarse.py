"""Crops seen on a coarse grid; see :mod:`stream_unmask.inpainting.cpu.coarse`."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stream_unmask.inpainting.geometry import on_face
from stream_unmask.inpainting.gpu.pictures import resized
from stream_unmask.inpainting.parameters import CELL, GAP_SIDE, MASKED_CELL, RING_SIDE


def to_coarse(planes: Tensor) -> Tensor:
    """Means over the cells of (N, C, S, S): (N, C, S / 4, S / 4)."""
    return functional.avg_pool2d(planes, CELL)


def from_coarse(coarse: Tensor, size: int) -> Tensor:
    """(N, C, S / 4, S / 4) enlarged to (N, C, S, S), bilinearly."""
    return resized(coarse, size)


def face_ring(coarse_masks: Tensor) -> Tensor:
    """Cells around the masks, (N, c, c); see :func:`stream_unmask.inpainting.cpu.coarse.face_ring`."""
    near = _near(coarse_masks, 1)
    ring = (_dilated(near, _ellipse(RING_SIDE, coarse_masks.device)) > near).float()
    return functional.pad(ring[:, 2:-2, 2:-2], (2, 2, 2, 2)) > 0


def visible_face(coarse_masks: Tensor) -> Tensor:
    """Cells that show face, (N, c, c); see :func:`stream_unmask.inpainting.cpu.coarse.visible_face`."""
    return (_near(coarse_masks, 2) == 0) & (likely_face(coarse_masks.shape[-1], coarse_masks.device) > 0.5)


@cache
def likely_face(side: int, device: torch.device) -> Tensor:
    """(side, side); see :func:`stream_unmask.inpainting.geometry.on_face`."""
    return torch.from_numpy(on_face(side).astype(np.float32)).to(device)


def _near(coarse_masks: Tensor, cells: int) -> Tensor:
    """(N, c, c) of 0 and 1: the masks' cells, and those at most so many away."""
    near = (coarse_masks > MASKED_CELL).float()
    for _ in range(cells):
        near = _dilated(near, _ellipse(GAP_SIDE, coarse_masks.device))
    return near


@cache
def _ellipse(side: int, device: torch.device) -> Tensor:
    """(1, 1, side, side) of 0 and 1."""
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return torch.from_numpy(shape.astype(np.float32)).to(device)[None, None]


def _dilated(planes: Tensor, element: Tensor) -> Tensor:
    """(N, c, c) of 0 and 1: 1 wherever the element, put there, meets a 1."""
    # The elements are symmetric, else a convolution would be a dilation by their mirror images.
    met = functional.conv2d(planes[:, None], element, padding=element.shape[-1] // 2)
    return (met[:, 0] > 0.5).float()
