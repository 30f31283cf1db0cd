"""Pieces that the networks are built of, all safe in half precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm and ReLU: after training the norm is folded into the convolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def plain(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution and ReLU, without a norm: a norm over few pictures makes colours waver.

    The weights begin so that the signal keeps its strength (He et al., 2015).
    """
    layer = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.ReLU(inplace=True))


def entering(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """6x6 convolution and ReLU, to an even ``stride``-th of the side; begins as :func:`plain` does.

    It reads each block of 2x2 pixels as a 3x3 convolution of a pixel unshuffle does (Shi et al., 2016), but
    for the regrouping, which takes a CPU as long as many of the convolutions.
    """
    layer = nn.Conv2d(inputs, outputs, 6, stride, 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions around which the input passes by (He et al., 2016); begins as doing nothing."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = plain(width, width, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, 1, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, features: Tensor) -> Tensor:
        """N,C,H,W to the same."""
        return functional.relu(features + self.second(self.first(features)))


class Gated(nn.Module):
    """3x3 convolution whose every value passes a learnt gate.

    Yu et al., "Free-Form Image Inpainting with Gated Convolution", 2019: a hole tells the layers after it
    nothing, and the gates learn which places do. There is no norm that could overflow in half precision.
    """

    # So much stronger than He et al. (2015) that ELU times gate keeps a signal's strength: measured.
    _GAIN = 2.0

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.both = nn.Conv2d(inputs, 2 * outputs, 3, stride, dilation, dilation)
        nn.init.kaiming_normal_(self.both.weight, nonlinearity="relu")
        with torch.no_grad():
            self.both.weight[:outputs] *= self._GAIN
            self.both.weight[outputs:] /= 4

    def forward(self, features: Tensor) -> Tensor:
        """N,C,H,W to N,outputs,H/stride,W/stride."""
        value, gate = self.both(features).chunk(2, 1)
        out: Tensor = functional.elu(value) * gate.sigmoid()
        return out


def enlarged(field: Tensor, side: int) -> Tensor:
    """N,C,S,S of a small field N,C,s,s, bilinear, as two matrix products: a CPU resizes more slowly."""
    cells = field.shape[-1]
    steps = torch.eye(cells, dtype=field.dtype, device=field.device)[None, None]
    weights = functional.interpolate(steps, (side, cells), mode="bilinear", align_corners=False)[0, 0]
    return torch.matmul(torch.matmul(weights, field), weights.t())


def double(features: Tensor) -> Tensor:
    """Twice the height and width."""
    return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def fitted(picture: Tensor, like: Tensor) -> Tensor:
    """``picture`` at the height and width of ``like``."""
    if picture.shape[2:] == like.shape[2:]:
        return picture
    return functional.interpolate(picture, like.shape[2:], mode="bilinear", align_corners=False)
