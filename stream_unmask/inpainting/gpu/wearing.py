"""Face masks for bare faces; see :mod:`stream_unmask.inpainting.cpu.wearing`."""

from __future__ import annotations

from torch import Tensor

from stream_unmask.inpainting.parameters import FAINT, FULL


def opaque(alphas: Tensor) -> Tensor:
    """Alphas without their doubts; see :func:`stream_unmask.inpainting.cpu.wearing.opaque`."""
    share = ((alphas - FAINT) * (1 / (FULL - FAINT))).clamp(0, 1)
    return share * share * (3 - 2 * share)
