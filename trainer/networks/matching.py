"""A guide's colours brought to those of the skin that a mask leaves visible, inside the network's graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.blocks import enlarged

_GRID = 16
"""Cells across, of the light's field."""

_WIDE, _NARROW = 4.0, 1.5
"""How far, in cells, what was seen somewhere tells of the light: first far, then near."""

_WIDE_PRIOR, _NARROW_PRIOR = 0.01, 0.03
"""Share of a neighbourhood that must be seen before it counts more than what is known without it."""

_BLACK = 0.03
"""Added to brightnesses 0..1 before their logarithm: noise in black is no light."""

_REACHES = (0.6, 0.35)
"""Logarithms, of the mean colour, by which a place may differ from skin to count: brows, glasses and hair
differ more."""

_LOCAL_REACH = 0.9
_MOST, _MOST_LOCAL = 1.2, 0.8
"""Largest logarithms of a gain: the whole face's, and a place's beside that."""

_BLOWN = 0.96
"""Brightness of a colour from which on it may have been cut off: it tells nothing of the light's colour."""

_BLUER, _WHITE = 0.06, -0.03
"""How much bluer than the visible skin, in logarithms against red and green, anything of a face may become,
and what always may: a white highlight on a yellow face must not turn violet where the light is pink."""

_UNKNOWN = 10.0
"""What is allowed beside where no skin is seen: anything."""

_ENOUGH = 0.01
"""Share of the crop that must show trusted skin for the gain to count fully."""


class Matching(nn.Module):
    """Robust gains a colour, in logarithms: one of the whole face, and a smooth field for coloured light.

    The field is a normalised convolution (Knutsson & Westin, 1993) of what the visible skin says beside the
    one gain, at two widths; where little is seen it dies out and the one gain is left. Nothing is learnt.
    """

    wide: Tensor
    narrow: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, spread in (("wide", _WIDE), ("narrow", _NARROW)):
            self.register_buffer(name, _bells(spread), persistent=False)

    def forward(self, crop: Tensor, hidden: Tensor, guide: Tensor, trust: Tensor) -> Tensor:
        """The guide in the crop's light.

        Args:
            crop: N,3,S,S in -1..1, S a multiple of 32.
            hidden: N,1,S,S in 0..1, where the crop shows a mask.
            guide: N,3,S,S in -1..1.
            trust: N,1,S,S in 0..1, where the guide shows a face.

        Returns:
            N,3,S,S in -1..1.
        """
        covered = functional.max_pool2d(functional.max_pool2d(hidden, 2), 3, 1, 1)
        seen = (1 - covered) * functional.avg_pool2d(trust, 2)
        wanted, given = (functional.avg_pool2d(each, 2) * 0.5 + 0.5 for each in (crop, guide))
        bright = given.mean(1, keepdim=True)
        # Dark things (brows, pupils, hair) tell little of the light.
        weight = seen * _bright(bright, seen)
        weight = weight * (_BLOWN + 0.02 - _largest(wanted)).mul(50).clamp(0, 1)
        apart = (wanted + _BLACK).log() - (given.clamp(min=0) + _BLACK).log()
        # A fringe or dark glasses may be most of what is seen: skin is what is bright.
        light = wanted.mean(1, keepdim=True)
        sure = weight * _bright(light, weight * light * light)
        for reach in _REACHES:
            sure = weight * _near(apart - _mean(apart, sure), reach)
        middle = _mean(apart, sure)
        enough = (sure.mean((2, 3), keepdim=True) / _ENOUGH).clamp(0, 1)
        gain = middle.clamp(-_MOST, _MOST) * enough
        local = weight * _near(apart - middle, _LOCAL_REACH)
        gain = gain + self._field((apart - gain).clamp(-_MOST_LOCAL, _MOST_LOCAL), local)
        lit = (guide * 0.5 + 0.5 + _BLACK).clamp(min=0.01) * enlarged(gain, crop.shape[-1]).exp()
        matched = _no_bluer(lit, _mean(wanted, sure), _UNKNOWN * (1 - enough))
        # What is too bright gets darker and keeps its hue: cut off, it would lose its red first.
        matched = matched / (_largest(matched) / (1 + _BLACK)).clamp(min=1)
        return ((matched - _BLACK) * 2 - 1).clamp(-1.0, 1.0)

    def _field(self, rest: Tensor, weight: Tensor) -> Tensor:
        """N,3,16,16 smooth field of N,3,H,W where N,1,H,W counts."""
        cell = rest.shape[-1] // _GRID
        value, weight = functional.avg_pool2d(rest * weight, cell), functional.avg_pool2d(weight, cell)
        far = _spread(value, self.wide) / (_spread(weight, self.wide) + _WIDE_PRIOR)
        value = value - far * weight
        return far + _spread(value, self.narrow) / (_spread(weight, self.narrow) + _NARROW_PRIOR)


def _bells(spread: float) -> Tensor:
    """(16, 16) for each cell how much every cell counts; rows add up to 1."""
    cells = torch.arange(_GRID)
    bells = torch.exp(-((cells[:, None] - cells) ** 2) / (2 * spread**2))
    return bells / bells.sum(1, keepdim=True)


def _spread(field: Tensor, bells: Tensor) -> Tensor:
    return torch.matmul(torch.matmul(bells, field), bells.t())


def _mean(value: Tensor, weight: Tensor) -> Tensor:
    """N,C,1,1 mean of N,C,H,W where N,1,H,W counts; 0 where nothing does."""
    total = weight.mean((2, 3), keepdim=True)
    return (value * weight).mean((2, 3), keepdim=True) / (total + 1e-4)


def _no_bluer(lit: Tensor, skin: Tensor, slack: Tensor) -> Tensor:
    """Brightnesses N,3,H,W above 0 whose blue is held to that of the skin, N,3,1,1, or to white.

    ``slack``, N,1,1,1, is how much more blue they may have, in logarithms.
    """
    told = (skin + _BLACK).log()
    most = ((_blue(told) + _BLUER).clamp(min=_WHITE) + slack).exp() * (lit[:, :1] * lit[:, 1:2]).sqrt()
    return torch.cat([lit[:, :2], torch.minimum(lit[:, 2:], most)], 1)


def _largest(picture: Tensor) -> Tensor:
    """N,1,H,W the largest of three colours."""
    return torch.maximum(torch.maximum(picture[:, :1], picture[:, 1:2]), picture[:, 2:])


def _blue(logs: Tensor) -> Tensor:
    """N,1,H,W how blue N,3,H,W logarithms of colours are against red and green."""
    return logs[:, 2:] - 0.5 * (logs[:, :1] + logs[:, 1:2])


def _bright(brightness: Tensor, weight: Tensor) -> Tensor:
    """N,1,H,W in 0..1 how far a place is no darker than the mean of those that count."""
    return (1.6 * brightness / (_mean(brightness, weight) + 0.02) - 0.5).clamp(0, 1)


def _near(gap: Tensor, reach: float) -> Tensor:
    """N,1,H,W in 0..1 how near N,3,H,W gaps are to none, in light and in hue."""
    return (-(gap * gap).mean(1, keepdim=True) / reach**2).exp()
