"""Numbers that the arithmetic on the CPU and its twin on the GPU share: plain Python, quick to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Blend = Literal["feather", "pyramid", "poisson"]
"""How an inpainted crop is joined to the face around it; see :mod:`stream_unmask.inpainting.cpu.blending`."""

BLENDS: tuple[Blend, ...] = get_args(Blend)

# The coarse grid

CELL = 4
"""Crop pixels per side of a cell of the coarse grid."""

GAP_SIDE, RING_SIDE = 3, 9
"""Diameters, in cells, of the ellipses that take the gap beside a mask, and the ring of face around that."""

MASKED_CELL = 0.1
"""Mean mask value from which a cell belongs to the mask."""

# Segmenting

SURE = 0.35
"""Mask value from which a pixel counts as masked in full; thin ear loops seldom reach more."""

DOUBT = 0.12
"""Mask value up to which a pixel counts as bare face."""

AROUND = 0.15
"""How far, in crop sides, a place is looked around to tell whether it lies inside the mask."""

MOSTLY = 0.6
SURELY = 0.7
"""Share of that square that is mask: above what it is along a mask's outline and at its corners."""

BESIDE = 0.05
"""How far, in crop sides, from what is surely mask a faint part of it may lie."""

NEAR = 1 / 3
"""Share of the square so far around a place that is surely mask, from which the place lies beside it."""

FAINT_GAIN = 6.0
"""By how much more what lies beside the mask counts as mask than it seems to be one."""

BROAD_SIDE = 5
"""Pixels that a faint part is broad at least: all around a mask is a thin line that is half a mask."""

SCORED_SIDE = 64
"""Side of the small mask that is scored."""

SCORED_SHARE = 0.04
"""The smallest face mask that counts in full, as a share of the crop; a smaller one scores less."""

LOW = 0.93
"""How far down, in crop sides, a mask has to end in a usual crop, for alpha falls to 0 beyond."""

LOW_WIDTH = 0.04
"""Width, in crop sides, from which what is masked there is more than a strap."""

# Smoothing

VISIBLE = 0.1
"""Mask value up to which a cell counts as visible face."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """How much of the last inpainted crop and mask stays in the next ones.

    Differences are of RGB in [-1, 1]: one 8-bit level is 0.008. Shares are those that stay after a thirtieth
    of a second (:data:`~stream_unmask.inpainting.timing.FRAME`); smaller ones do after a longer time.

    Attributes:
        keep_inpainted: share of the last inpainted crop that stays where a still face's hardly changes.
        keep_mask: share of the last mask that stays on a still face.
        hold_mask: share of the last mask that stays in any case where the new one is lower, so that
            one missed frame does not let the face mask flash through, however seldom frames come.
        small_change: difference between the inpainted crop and the last one that is taken for flicker when
            the face moves; larger ones are taken for real and shown.
        small_change_still: the same when the face is still.
        moved: mean difference of the visible face between two frames at which it no longer counts as
            still.
        shifted: crop pixels that the face may shift against its crop's last place in a thirtieth of a
            second for the same.
    """

    keep_inpainted: float = 0.75
    keep_mask: float = 0.5
    hold_mask: float = 0.4
    small_change: float = 0.05
    small_change_still: float = 0.14
    moved: float = 0.06
    shifted: float = 12.0


# Colour

NO_DETAIL = 0.001
"""Detail, in RGB from -1 to 1, below which there is none to be matched."""

GREY, COLOURED = 0.01, 0.02
"""Mean distance between the colours of a place, in RGB from -1 to 1: up to which a crop is grey, as in
infrared at night or on old film, and from which it has colours."""


@dataclass(frozen=True, slots=True)
class ColourSettings:
    """How an inpainted crop is matched to the face around the mask. Colours are RGB in [-1, 1].

    Attributes:
        outlier: difference from the fitted one at which a cell (hair, background, a collar that the
            generator drew otherwise) hardly counts.
        limit: largest change of colour.
        least_cells: weight of the ring, in cells, below which the last estimate stays.
        rate: share of a new estimate that is taken on in a thirtieth of a second; small keeps colour from
            pumping.
        sharpest: largest factor by which detail is strengthened, fine and middling each; detail is weakened
            as far as needed.
    """

    outlier: float = 0.08
    limit: float = 0.3
    least_cells: float = 16.0
    rate: float = 0.2
    sharpest: float = 1.4


# Blending

RIM = 0.012
"""How far, in crop sides, the inpainted crop reaches in full beyond the mask: masks have a shaded rim."""

FEATHER = 0.03
"""How far, in crop sides, it fades out beyond that."""

THIN = 0.04
"""Width, in crop sides, up to which a part of a mask is a loop or a strap, which has no rim."""

TRACE = 1e-3
"""Alpha up to which, and from 1 minus which, it is rounded."""

# Wearing

FAINT = 0.15
"""Alpha up to which nothing is put on: what the network is so unsure of would be a haze on the face."""

FULL = 0.85
"""Alpha from which a face mask is put on in full: no mouth shall shine through it."""

# Detail

DETAIL_BLUR = 2 / 128
"""Standard deviation, in crop sides, of the blur below which brightness is the generator's, and detail the
laid face's."""

DETAIL_FLOOR = 0.04
"""Added to 0..1 before their ratios are taken: dark pixels would make them wild."""

MOST_DETAIL_GAIN = 1.2
"""Logarithm of the strongest gain that the generator puts on a laid face."""
