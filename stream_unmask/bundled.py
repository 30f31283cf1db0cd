"""The sets of weights that come with the program, and how one is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BUNDLED_WEIGHTS = Path(__file__).parent / "weights"
"""The networks that run if nothing else is said."""


@dataclass(frozen=True, slots=True)
class BundledSet:
    """Weights that come with the program.

    Attributes:
        folder: of the networks, their manifest and their model card.
        licence: what they may be used for, for people; the model card says more.
    """

    folder: Path
    licence: str


BUNDLED_SETS = {
    "default": BundledSet(BUNDLED_WEIGHTS, "for research and other non-commercial use only"),
    "open": BundledSet(
        BUNDLED_WEIGHTS / "open",
        "of no photos that are for research or non-commercial use only; most sources state no licence",
    ),
}


def weights_folder(weights: str | Path | None) -> Path:
    """The folder that is meant by what names weights.

    Args:
        weights: a text is the name of one of :data:`BUNDLED_SETS` before it is a folder (``./open`` is always
            a folder), a path is a folder; None for the default set.
    """
    if weights is None:
        return BUNDLED_WEIGHTS
    if isinstance(weights, str) and weights in BUNDLED_SETS:
        return BUNDLED_SETS[weights].folder
    return Path(weights)
