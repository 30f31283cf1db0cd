"""The ``full`` generator, for a GPU: gated convolutions, finer details, crops of 256 or 512 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer.networks.blocks import Gated, double, fitted
from trainer.networks.generator import PaintingGenerator

_WIDTHS = (48, 96, 192)
_DILATIONS = (1, 2, 4, 8, 16)
_PLACES = 16


class _Thought(nn.Module):
    """A gated convolution beside which its input passes by."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.gated = Gated(width, width, dilation=dilation)

    def forward(self, features: Tensor) -> Tensor:
        """N,C,H,W to the same."""
        # Two signals alike in strength are one again.
        out: Tensor = (features + self.gated(features)) * 0.7
        return out


class FullGenerator(PaintingGenerator):
    """Gated U-Net (Yu et al., "Free-Form Image Inpainting with Gated Convolution", 2019).

    The wide-spaced convolutions in its middle see the whole face, 512 pixels across too, and the last
    convolutions work at the crop's own size, where lips and beards have their edges.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), Gated(28, fine), Gated(fine, fine))
        self.down1 = nn.Sequential(Gated(fine, middle, 2), Gated(middle, middle))
        self.down2 = nn.Sequential(Gated(middle, coarse, 2), Gated(coarse, coarse))
        self.place = nn.Parameter(torch.zeros(1, coarse, _PLACES, _PLACES))
        self.think = nn.Sequential(*(_Thought(coarse, dilation) for dilation in _DILATIONS))
        self.up2 = Gated(coarse, middle)
        self.merge1 = nn.Sequential(Gated(2 * middle, middle), Gated(middle, middle))
        self.up1 = Gated(middle, fine)
        self.merge0 = nn.Sequential(Gated(2 * fine, fine), Gated(fine, fine))
        self.finish = Gated(fine, fine // 2)
        self.head = nn.Conv2d(fine // 2, 3, 3, 1, 1)
        nn.init.normal_(self.head.weight, 0, 0.01)

    def last(self) -> nn.Conv2d:
        """See :meth:`trainer.networks.generator.PaintingGenerator.last`."""
        return self.head

    def draw(self, shown: Tensor) -> Tensor:
        """See :meth:`trainer.networks.generator.PaintingGenerator.draw`."""
        fine = self.stem(shown)
        middle = self.down1(fine)
        coarse = self.down2(middle)
        coarse = self.think(coarse + fitted(self.place, coarse))
        middle = self.merge1(torch.cat([middle, double(self.up2(coarse))], 1))
        fine = self.merge0(torch.cat([fine, double(self.up1(middle))], 1))
        painted: Tensor = self.head(self.finish(double(fine)))
        return painted
