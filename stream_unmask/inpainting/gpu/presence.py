"""How sure maps are of masks; see :mod:`stream_unmask.inpainting.presence`."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from stream_unmask.inpainting.presence import CELLS, SHARE


def mask_scores(maps: Tensor) -> Tensor:
    """(N,) of (N, 1, S, S); see :func:`stream_unmask.inpainting.presence.mask_score`."""
    weights = _area_weights(maps.shape[-1], maps.device)
    small = (weights @ maps @ weights.T).flatten(1)
    return small.topk(round(SHARE * small.shape[1]), dim=1).values.mean(dim=1)


@cache
def _area_weights(size: int, device: torch.device) -> Tensor:
    """(CELLS, S) that takes each column of a map to one of the small map that is scored."""
    unit = np.eye(size, dtype=np.float32)
    return torch.from_numpy(cv2.resize(unit, (size, CELLS), interpolation=cv2.INTER_AREA)).to(device)
