"""The segmenter: a small U-Net that finds the mask in a crop."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.blocks import conv, double


class UNetSegmenter(nn.Module):
    """The soft mask of a crop (U-Net: Ronneberger et al., 2015; pixel unshuffle: Shi et al., 2016).

    What a mask is, is seen in the whole face: the U-Net works on a quarter of the crop's side and less.
    Its edge, and ear loops of two pixels, need more: a thin branch at half the side draws them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.detail = nn.Sequential(nn.PixelUnshuffle(2), conv(12, 16))
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), conv(12, 24, 2))
        self.down1 = nn.Sequential(conv(24, 48, 2), conv(48, 48))
        self.down2 = nn.Sequential(conv(48, 80, 2), conv(80, 80))
        self.down3 = nn.Sequential(conv(80, 112, 2), conv(112, 112, dilation=2), conv(112, 112))
        self.up3 = conv(112, 80)
        self.merge2 = conv(80, 80)
        self.up2 = conv(80, 48)
        self.merge1 = conv(48, 48)
        self.up1 = conv(48, 24)
        self.merge0 = conv(24, 24)
        self.up0 = conv(24, 16)
        self.edge = nn.Sequential(conv(16, 16), nn.Conv2d(16, 4, 3, 1, 1), nn.PixelShuffle(2))

    def logits(self, crop: Tensor) -> Tensor:
        """N,3,S,S in -1..1 to N,1,S,S before the sigmoid. S is a multiple of 32."""
        fine = self.stem(crop)
        middle = self.down1(fine)
        coarse = self.down2(middle)
        whole = self.down3(coarse)
        coarse = self.merge2(coarse + double(self.up3(whole)))
        middle = self.merge1(middle + double(self.up2(coarse)))
        fine = self.merge0(fine + double(self.up1(middle)))
        # Nearest neighbours, for speed: the convolution that follows smooths them.
        out: Tensor = self.edge(self.detail(crop) + functional.interpolate(self.up0(fine), scale_factor=2.0))
        return out

    def forward(self, crop: Tensor) -> Tensor:
        """N,3,S,S in -1..1 to the mask N,1,S,S in 0..1."""
        return self.logits(crop).sigmoid()
