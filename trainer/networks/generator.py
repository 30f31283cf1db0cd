"""The generator: paints the face beneath a mask. The light one, for a CPU; the other is in ``full.py``."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.blocks import Residual, double, entering, fitted, plain

_WIDTHS = (32, 64, 128, 256)
USUAL_SIDE = 64


def widened(mask: Tensor) -> Tensor:
    """N,1,S,S mask, wider by 2 to 3 pixels, in steps of two."""
    coarse = functional.max_pool2d(functional.max_pool2d(mask, 2), 3, 1, 1)
    return functional.interpolate(coarse, scale_factor=2.0, mode="nearest")


def skin_colour(crop: Tensor, visible: Tensor) -> Tensor:
    """N,3,1,1 mean colour of what is ``visible`` (N,1,S,S, 0..1) between brow and nose in the crop."""
    side = crop.shape[-1]
    window = (..., slice(side // 5, side // 2), slice(side * 3 // 10, side * 7 // 10))
    seen = visible[window]
    return (crop[window] * seen).mean((2, 3), keepdim=True) / (seen.mean((2, 3), keepdim=True) + 0.02)


class PaintingGenerator(nn.Module):
    """What the generators of both sizes share: what they are shown, and what they paint upon.

    None ever sees the face mask itself, only where it is: the mask, a little widened, cuts it out of the
    crop before anything else looks at it, so how a mask is printed cannot leak into the face, and a mask
    unlike any of the training is no surprise. Colours are told from that of the visible skin, so that no
    skin is far from those of the training. What is painted is what differs from the usual face, which is
    learnt as a picture; it fills the hole that the network sees, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.usual = nn.Parameter(torch.zeros(1, 3, USUAL_SIDE, USUAL_SIDE))

    @torch.no_grad()
    def begin_with(self, usual: Tensor) -> None:
        """Let a fresh generator paint a usual face, 1,3,64,64 told from the skin, and nothing else at first.

        Without this it paints coloured squares: thousands of steps go into what the usual face says.
        """
        self.usual.copy_(usual)
        last = self.last()
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    def last(self) -> nn.Conv2d:
        """The convolution whose output is what differs from the usual face."""
        raise NotImplementedError

    def draw(self, shown: Tensor) -> Tensor:
        """What differs from the usual face, N,3,S,S.

        Args:
            shown: N,7,S,S: the crop, its hole filled with the usual face, told from the skin (3); the
                widened mask (1); what black is, told from the skin, inside
                the mask (3): how dark the skin is.
        """
        raise NotImplementedError

    def paint(self, crop: Tensor, mask: Tensor) -> Tensor:
        """The inpainted crop before it is clipped to -1..1; see :meth:`forward`."""
        hidden = widened(mask)
        skin = skin_colour(crop, 1 - hidden)
        usual = fitted(self.usual, crop)
        filled = (crop - skin) * (1 - hidden) + usual * hidden
        return self.draw(torch.cat([filled, hidden, -skin * hidden], 1)) + usual + skin

    def forward(self, crop: Tensor, mask: Tensor) -> Tensor:
        """Paint one frame.

        Args:
            crop: N,3,S,S in -1..1, S a multiple of 32.
            mask: N,1,S,S in 0..1, the segmenter's.

        Returns:
            The inpainted crop, N,3,S,S in -1..1: the whole face, good where the mask is and around it.
        """
        return self.paint(crop, mask).clamp(-1, 1)


class LightGenerator(PaintingGenerator):
    """The ``light`` size, a plain U-Net (Ronneberger et al., 2015) that begins at half the crop's side."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse, whole = _WIDTHS
        self.stem = entering(7, fine, 4)
        self.down1 = nn.Sequential(plain(fine, middle, 2), Residual(middle))
        self.down2 = nn.Sequential(plain(middle, coarse, 2), Residual(coarse))
        self.coarse_place = nn.Parameter(torch.zeros(1, coarse, 16, 16))
        self.down3 = plain(coarse, whole, 2)
        self.whole_place = nn.Parameter(torch.zeros(1, whole, 8, 8))
        self.think = nn.Sequential(Residual(whole), Residual(whole, 2))
        self.up3 = plain(whole, coarse)
        self.merge2 = nn.Sequential(plain(coarse, coarse), plain(coarse, coarse))
        self.up2 = plain(coarse, middle)
        self.merge1 = nn.Sequential(plain(middle, middle), plain(middle, middle))
        self.up1 = plain(middle, fine)
        self.merge0 = plain(fine, fine)
        self.head = nn.Sequential(nn.Conv2d(fine, 48, 3, 1, 1), nn.PixelShuffle(4))

    def last(self) -> nn.Conv2d:
        """See :meth:`PaintingGenerator.last`."""
        head = self.head[0]
        assert isinstance(head, nn.Conv2d)
        return head

    def draw(self, shown: Tensor) -> Tensor:
        """See :meth:`PaintingGenerator.draw`."""
        painted: Tensor = self.head(self.features(shown))
        return painted

    def features(self, shown: Tensor) -> Tensor:
        """N,32,S/4,S/4: what the head paints from."""
        fine = self.stem(shown)
        middle = self.down1(fine)
        coarse = self.down2(middle)
        coarse = coarse + fitted(self.coarse_place, coarse)
        whole = self.down3(coarse)
        whole = self.think(whole + fitted(self.whole_place, whole))
        coarse = self.merge2(coarse + double(self.up3(whole)))
        middle = self.merge1(middle + double(self.up2(coarse)))
        out: Tensor = self.merge0(fine + double(self.up1(middle)))
        return out
