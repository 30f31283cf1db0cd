"""What was made for the last crop of a face, brought into this one.

See :mod:`stream_unmask.inpainting.cpu.warping`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting.geometry import TO_COARSE, displacement
from stream_unmask.inpainting.gpu.pictures import look_up
from stream_unmask.pixels.geometry import compose, invert


def moves(last: Alignment | None, now: Alignment) -> list[float]:
    """How a face's crop has moved.

    Args:
        last: where the last crop lay; None where this is the first.
        now: where this one lies.

    Returns:
        Six numbers of the affine map from this crop's pixels to the last one's, six of that between their
        coarse grids, and how far, in crop pixels, the crop has moved.
    """
    last = now if last is None else last
    back = compose(last.matrix, invert(now.matrix))
    coarse_back = compose(compose(TO_COARSE, last.matrix), invert(compose(TO_COARSE, now.matrix)))
    return [*back.ravel().tolist(), *coarse_back.ravel().tolist(), displacement(back, now.size)]


def warp(planes: Tensor, affines: Tensor) -> Tensor:
    """Bring pictures of earlier crops into the present ones, bilinearly.

    Args:
        planes: (N, C, S, S).
        affines: (N, 6) from the present crops' pixels to the earlier ones'.

    Returns:
        (N, C, S, S), new.
    """
    place = torch.arange(planes.shape[-1], dtype=torch.float32, device=planes.device)
    a, b, x, c, d, y = affines[:, :, None, None].unbind(1)
    rows = place[:, None]
    return look_up(planes, a * place + (b * rows + x), c * place + (d * rows + y))
