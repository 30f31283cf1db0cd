"""A laid face's own detail, put back on what a generator of fewer pixels made of it.

See :mod:`stream_unmask.inpainting.cpu.detail`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from stream_unmask.inpainting.gpu.pictures import filtered, gaussian, resized, wide_enough
from stream_unmask.inpainting.parameters import DETAIL_BLUR, DETAIL_FLOOR, MOST_DETAIL_GAIN

_REACH = 4.0
"""Deviations that a Gaussian is computed to."""


def put_back_detail(
    inpainted: Tensor, guide: Tensor, trust: Tensor, laid: Tensor, laid_trust: Tensor
) -> Tensor:
    """Enlarge inpainted crops with the detail of the faces that guided them.

    Args:
        inpainted: (N, 3, s, s) RGB in [-1, 1] as the generator made them.
        guide: (N, 3, s, s) RGB in [-1, 1] that it was given.
        trust: (N, 1, s, s) in 0..1 that it was given.
        laid: (N, 3, S, S) RGB in 0..1, the same faces laid at full size.
        laid_trust: (N, 1, S, S) in 0..1: how far they are shown.

    Returns:
        (N, 3, S, S) RGB in [-1, 1].
    """
    size = laid.shape[-1]
    made, given = ((each * 0.5 + 0.5).clamp(0, 1) for each in (inpainted, guide))
    ratio = (torch.log(made + DETAIL_FLOOR) - torch.log(given + DETAIL_FLOOR)) * trust
    deviation = DETAIL_BLUR * trust.shape[-1]
    taps = gaussian(deviation, wide_enough(deviation, _REACH), trust.device)
    mixed = filtered(torch.cat([ratio, trust], dim=1), taps, taps, "reflect")
    ratio = mixed[:, :3] / (mixed[:, 3:] + 1e-3)
    gain = resized(torch.exp(ratio.clamp(-MOST_DETAIL_GAIN, MOST_DETAIL_GAIN)), size)
    enlarged = functional.interpolate(made, (size, size), mode="bicubic", align_corners=False)
    face = (laid + DETAIL_FLOOR) * gain - DETAIL_FLOOR
    return (torch.lerp(enlarged, face, laid_trust) * 2 - 1).clamp(-1, 1)
