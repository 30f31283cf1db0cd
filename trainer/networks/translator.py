"""CycleGAN's generator: turns a face with a mask into one without, or back."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.contract import WEARER
from trainer.networks.blocks import Residual, double, fitted, plain

_WIDTHS = (24, 48, 80, 128)
_PLACES = 8

STYLE = WEARER.inputs["style"]
"""Numbers that say what a mask looks like that is put on: colour, kind, print."""

_SELDOM = -2.0
"""Where alpha begins, before the sigmoid: most of a picture stays as it is."""


class Translator(nn.Module):
    """Gives a picture and where it shows: what is no mask stays untouched.

    Attention-guided: Tang et al., "AttentionGAN", 2019; Pumarola et al., "GANimation", 2018. In place of
    CycleGAN's ResNet, a U-Net (Ronneberger et al., 2015) that begins at half the crop's side does it in a
    twentieth of the work. As all crops are aligned, each place of the coarsest features has its own bias.
    """

    def __init__(self, style: int = 0) -> None:
        """With as many numbers of ``style``; 0 for a direction in which there is nothing to choose."""
        super().__init__()
        fine, middle, coarse, whole = _WIDTHS
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), plain(12, fine))
        self.down1 = plain(fine, middle, 2)
        self.down2 = nn.Sequential(plain(middle, coarse, 2), plain(coarse, coarse))
        self.down3 = plain(coarse, whole, 2)
        self.place = nn.Parameter(torch.zeros(1, whole, _PLACES, _PLACES))
        self.style = nn.Conv2d(style, whole, 1) if style else None
        self.think = nn.Sequential(Residual(whole), Residual(whole, 2))
        self.up3 = plain(whole, coarse)
        self.merge2 = plain(coarse, coarse)
        self.up2 = plain(coarse, middle)
        self.merge1 = plain(middle, middle)
        self.up1 = plain(middle, fine)
        self.merge0 = plain(fine, fine)
        drawn = nn.Conv2d(fine, 16, 3, 1, 1)
        nn.init.normal_(drawn.weight, 0, 0.02)
        self.head = nn.Sequential(drawn, nn.PixelShuffle(2))
        # The four pixels that one place gives must not differ by habit: it would show as a chequerboard.
        tent = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("soft", (tent[:, None] * tent).repeat(4, 1, 1, 1), persistent=False)

    def forward(self, crop: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Translate.

        Args:
            crop: N,3,S,S in -1..1, S a multiple of 16.
            style: N,style,1,1, about normally distributed; None where there is nothing to choose.

        Returns:
            picture: N,3,S,S in -1..1.
            alpha: N,1,S,S in 0..1, how opaquely the picture lies over the crop.
        """
        fine = self.stem(crop)
        middle = self.down1(fine)
        coarse = self.down2(middle)
        whole = self.down3(coarse)
        whole = whole + fitted(self.place, whole)
        if self.style is not None:
            whole = whole + self.style(style)
        coarse = self.merge2(coarse + double(self.up3(self.think(whole))))
        middle = self.merge1(middle + double(self.up2(coarse)))
        fine = self.merge0(fine + double(self.up1(middle)))
        drawn = functional.conv2d(self.head(fine), self.get_buffer("soft"), padding=1, groups=4)
        return functional.tanh(drawn[:, :3]), torch.sigmoid(drawn[:, 3:] + _SELDOM)


def laid_over(crop: Tensor, picture: Tensor, alpha: Tensor) -> Tensor:
    """``picture`` (N,3,S,S) over ``crop`` (the same) where ``alpha`` (N,1,S,S) is."""
    return crop + alpha * (picture - crop)


class StyleReader(nn.Module):
    """Reads the style off a mask that is worn, so that one like it can be put on another face.

    Almahairi et al., "Augmented CycleGAN", 2018. The norm has no weights: over many masks each number has
    mean 0 and deviation 1, and a style drawn at random is that of some mask.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(plain(4, 32, 2), plain(32, 64, 2), plain(64, 64, 2))
        self.say = nn.Conv2d(64, STYLE, 1)
        self.norm = nn.BatchNorm2d(STYLE, affine=False)

    def forward(self, picture: Tensor, alpha: Tensor) -> Tensor:
        """N,3,S,S in -1..1 and where its mask is, N,1,S,S in 0..1, to styles N,STYLE,1,1."""
        seen = functional.avg_pool2d(torch.cat([picture * alpha, alpha], 1), picture.shape[-1] // 32)
        styles: Tensor = self.norm(self.say(self.look(seen).mean((2, 3), keepdim=True)))
        return styles


class TranslatorPair(nn.Module):
    """Both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.unmask = Translator()
        self.wear = Translator(STYLE)

    def forward(self, masked: Tensor) -> Tensor:
        """Masked faces N,3,S,S to bare ones."""
        return laid_over(masked, *self.unmask(masked))


class MaskRemover(nn.Module):
    """The unmasking direction as a generator: what it leaves of the crop is part of what it gives."""

    def __init__(self, unmask: Translator) -> None:
        super().__init__()
        self.unmask = unmask

    def forward(self, crop: Tensor, mask: Tensor) -> Tensor:
        """N,3,S,S in -1..1 to the same without masks; it finds them itself, whatever ``mask`` says."""
        return laid_over(crop, *self.unmask(crop))


class Dresser(nn.Module):
    """Puts masks on, and what it learns that with: the reader that tells it which."""

    def __init__(self) -> None:
        super().__init__()
        self.wear = Translator(STYLE)
        self.reader = StyleReader()

    def forward(self, bare: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Translator.forward`."""
        worn: tuple[Tensor, Tensor] = self.wear(bare, style)
        return worn
