"""Pictures moved by what a network's steps know of motion."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def moved(picture: Tensor, motion: Tensor, padding: str) -> Tensor:
    """Pictures N,C,S,S, float32, seen from where each motion N,2,3 says.

    Args:
        picture: of any floating type.
        motion: as :func:`torch.nn.functional.affine_grid` takes it, -1..1 across the picture.
        padding: what is beside a picture, as :func:`torch.nn.functional.grid_sample` names it.
    """
    # Autocast would work the places out in bfloat16, whose steps near 1 are most of a pixel.
    with torch.autocast(picture.device.type, enabled=False):
        grid = functional.affine_grid(motion.float(), list(picture.shape), align_corners=False)
        return functional.grid_sample(picture.float(), grid, padding_mode=padding, align_corners=False)
