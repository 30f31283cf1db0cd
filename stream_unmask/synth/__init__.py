"""Face masks drawn on photos: pictures whose truth is known. Needs NumPy and OpenCV only.

import numpy as np
from stream_unmask.synth import MaskStyle, draw_mask

picture, mask = draw_mask(photo, mesh, np.random.default_rng(0), MaskStyle(kind="n95"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream_unmask.synth.clips import Clip, make_clip
    from stream_unmask.synth.pairs import Pair, PairSettings, make_pair
    from stream_unmask.synth.photos import draw_mask
    from stream_unmask.synth.style import MaskStyle

_HOMES = {
    "Clip": "clips",
    "MaskStyle": "style",
    "Pair": "pairs",
    "PairSettings": "pairs",
    "draw_mask": "photos",
    "make_clip": "clips",
    "make_pair": "pairs",
}

__all__ = ["Clip", "MaskStyle", "Pair", "PairSettings", "draw_mask", "make_clip", "make_pair"]


def __getattr__(name: str) -> object:
    """Load what is asked for, and only then."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
