"""Pieces that both networks are built of: all plain convolutions, safe in half precision."""

from __future__ import annotations

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


def double(features: Tensor) -> Tensor:
    """Twice the height and width."""
    return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
