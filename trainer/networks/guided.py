"""Generators with a guide: they fit a warped face in beneath a mask, and paint what that does not show."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.blocks import enlarged, entering, fitted
from trainer.networks.generator import LightGenerator, skin_colour, widened
from trainer.networks.matching import Matching

_FINE = 32
_FINISHING = 24
_SHOWN = 11

_CELL, _AROUND, _SOFT = 8, 4, 1
"""Pixels of a cell's side, and cells around one: in which what is seen bounds what may be painted, and over
which that bound is softened."""

_MARGIN = 0.03
"""How much brighter than that it may be."""

_LEAST_SEEN = 0.1
"""Share of a cell that must be seen for its colour to count."""

_UNSEEN = 16.0
"""Taken off where it is not, so that it bounds nothing."""


class GuidedGenerator(LightGenerator):
    """The light generator with a guide: where that is trusted, it gives the guide and a change of it.

    What is new begins as doing nothing: without a guide it paints as the generator whose weights it adopts,
    and with one it lays the guide in, matched to the visible skin.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = entering(_SHOWN, _FINE, 4)
        self.matching = Matching()
        self.change = nn.Sequential(nn.Conv2d(_FINE, 48, 3, 1, 1), nn.PixelShuffle(4))
        self.finish = nn.Sequential(
            entering(8, _FINISHING, 2), nn.Conv2d(_FINISHING, 12, 3, 1, 1), nn.PixelShuffle(2)
        )
        for last in (self.change[0], self.finish[1]):
            assert isinstance(last, nn.Conv2d)
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)

    @torch.no_grad()
    def adopt(self, generator: LightGenerator) -> None:
        """Take over the weights of a generator without a guide; what it lacks begins at nothing."""
        state = self.state_dict()
        for name, values in generator.state_dict().items():
            state[name].zero_()
            state[name][(slice(None), slice(values.shape[1])) if values.ndim > 1 else ...] = values

    @torch.no_grad()
    def without_guide(self) -> LightGenerator:
        """A generator without a guide with these weights; what was learnt for guides alone is left out."""
        generator = LightGenerator()
        own, state = self.state_dict(), generator.state_dict()
        for name, values in state.items():
            state[name] = own[name][:, : values.shape[1]] if values.ndim > 1 else own[name]
        generator.load_state_dict(state)
        return generator

    def paint(
        self, crop: Tensor, mask: Tensor, guide: Tensor | None = None, trust: Tensor | None = None
    ) -> Tensor:
        """The inpainted crop before it is clipped to -1..1; see :meth:`forward`."""
        return self.fit_in(crop, mask, guide, trust)[0]

    def fit_in(
        self, crop: Tensor, mask: Tensor, guide: Tensor | None, trust: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The inpainted crop before it is clipped, and the guide in the crop's light, both N,3,S,S."""
        if guide is None or trust is None:
            guide, trust = torch.zeros_like(crop), torch.zeros_like(mask)
        hidden = widened(mask)
        skin = skin_colour(crop, 1 - hidden)
        usual = fitted(self.usual, crop)
        matched = self.matching(crop, hidden, guide, trust)
        told = (matched - skin) * trust
        filled = (crop - skin) * (1 - hidden) + usual * hidden
        fine = self.features(torch.cat([filled, hidden, -skin * hidden, told, trust], 1))
        painted = self.head(fine) + usual + skin
        inpainted = painted + trust * hidden * (matched + self.change(fine) - painted)
        laid_in = crop + hidden * (inpainted - crop) - skin
        return inpainted + self.finish(torch.cat([laid_in, told, trust, hidden], 1)), matched

    def forward(
        self, crop: Tensor, mask: Tensor, guide: Tensor | None = None, trust: Tensor | None = None
    ) -> Tensor:
        """Paint one frame.

        Args:
            crop: N,3,S,S in -1..1, S a multiple of 32.
            mask: N,1,S,S in 0..1, the segmenter's.
            guide: N,3,S,S in -1..1, another face, or another picture of this one, laid on the crop's; in its
                own colours.
            trust: N,1,S,S in 0..1, where the guide may be shown; 0 where there is none.

        Returns:
            The inpainted crop, N,3,S,S in -1..1: the whole face, good where the mask is and around it.
        """
        painted, matched = self.fit_in(crop, mask, guide, trust)
        if trust is not None:
            painted = torch.minimum(painted, _no_glow(crop, widened(mask), matched, trust))
        return painted.clamp(-1, 1)


def _no_glow(crop: Tensor, hidden: Tensor, matched: Tensor, trust: Tensor) -> Tensor:
    """N,3,S,S the brightest that may be painted: beside a laid face no more than it, or what is seen around.

    What critics ask for at a jaw is an edge, and one that is too bright is an edge, too.
    """
    seen, laid = _colours(crop, 1 - hidden), _colours(matched, trust)
    brightest = functional.max_pool2d(torch.maximum(seen, laid), 2 * _AROUND + 1, 1, _AROUND)
    # Where all around is hidden nothing is known.
    bound = brightest + _MARGIN + 2 * _UNSEEN * (100 * (-1 - brightest)).clamp(0, 1)
    # Nor where there is no guide.
    bound = bound + 4 * (1 - (100 * trust.mean((2, 3), keepdim=True)).clamp(0, 1))
    return enlarged(_softened(bound.clamp(max=1)), crop.shape[-1]) + 4 * trust


def _colours(picture: Tensor, seen: Tensor) -> Tensor:
    """N,3,s,s the mean colour of what is seen in each cell; below all colours where that is too little."""
    share = functional.avg_pool2d(seen, _CELL)
    mean = functional.avg_pool2d(picture * seen, _CELL) / share.clamp(min=_LEAST_SEEN)
    return mean - _UNSEEN * (1000 * (_LEAST_SEEN - share)).clamp(0, 1)


def _softened(field: Tensor) -> Tensor:
    """A small field N,C,s,s, averaged over the cells around: a bound that ends at once shows as a step."""
    places = torch.arange(field.shape[-1], device=field.device)
    near = ((places[:, None] - places).abs() <= _SOFT).to(field.dtype)
    weights = near / near.sum(1, keepdim=True)
    return torch.matmul(torch.matmul(weights, field), weights.t())


class LaidIn(nn.Module):
    """Whatever paints from crop and mask, with guides laid over that, in the light of the visible skin."""

    def __init__(self, painter: nn.Module) -> None:
        super().__init__()
        self.painter = painter
        self.matching = Matching()

    def forward(self, crop: Tensor, mask: Tensor, guide: Tensor, trust: Tensor) -> Tensor:
        """See :meth:`GuidedGenerator.forward`."""
        hidden = widened(mask)
        matched = self.matching(crop, hidden, guide, trust)
        painted = self.painter(crop, mask)
        laid_in: Tensor = painted + trust * hidden * (matched - painted)
        return laid_in.clamp(-1, 1)


def with_guide(painter: nn.Module) -> nn.Module:
    """What is exported of what paints from crop and mask: it takes a guide, trained with one or not."""
    if isinstance(painter, GuidedGenerator):
        return painter
    if isinstance(painter, LightGenerator):
        guided = GuidedGenerator()
        guided.adopt(painter)
        return guided.eval()
    return LaidIn(painter).eval()
