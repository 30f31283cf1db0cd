"""Which masks are drawn, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KIND_SHARES = {
    "surgical": 0.36,
    "kn95": 0.13,
    "n95": 0.09,
    "cloth": 0.175,
    "sport": 0.115,
    "gaiter": 0.05,
    "bandana": 0.02,
    "scarf": 0.025,
    "elastomeric": 0.035,
}
"""How often each kind of mask is drawn."""

WORN_SHARES = {
    "right": 0.74,
    "high": 0.1,
    "under_nose": 0.07,
    "on_chin": 0.05,
    "dangling": 0.01,
    "held": 0.03,
}
"""How often a mask is worn in each way; ``dangling`` hangs by one ear, ``held`` is before the face aslant, as
while it is being put on."""

KINDS, WORN = tuple(KIND_SHARES), tuple(WORN_SHARES)

OFF_THE_FACE = ("dangling", "held")
"""Ways of wearing in which a mask does not follow the face."""

_ROUND_THE_HEAD = ("gaiter", "scarf", "bandana", "elastomeric")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskStyle:
    """What of a mask is settled beforehand; what is None is left to chance.

    Everything else (outline, folds, pleats, print, seams, straps, light) is always drawn by chance, so that a
    seed and a style together make one mask.

    Attributes:
        kind: one of :data:`KINDS`; by chance as often as :data:`KIND_SHARES` says.
        worn: one of :data:`WORN`; by chance as often as :data:`WORN_SHARES` says. What goes round the neck
            or the head never dangles, nor is it held.
        colour: of the cloth's ground, RGB in 0..255; by chance one that masks of this kind have, and now
            and then that of the skin.

    Raises:
        ValueError: a word that is not in these lists, a kind that cannot be worn so, or no colour.
    """

    kind: str | None = None
    worn: str | None = None
    colour: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("worn", self.worn, WORN)):
            if value is not None and value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}.")
        if self.worn in OFF_THE_FACE and self.kind in _ROUND_THE_HEAD:
            raise ValueError(f"A mask of the kind {self.kind} is never {self.worn}.")
        if self.colour is not None and not (
            len(self.colour) == 3 and all(0 <= value <= 255 for value in self.colour)
        ):
            raise ValueError(f"A colour is three numbers from 0 to 255, not {self.colour}.")

    def draw(self, rng: np.random.Generator) -> tuple[str, str]:
        """Kind and way of wearing of the next mask."""
        kind = str(rng.choice(KINDS, p=tuple(KIND_SHARES.values())))
        worn = str(rng.choice(WORN, p=tuple(WORN_SHARES.values())))
        kind, worn = self.kind or kind, self.worn or worn
        if worn in OFF_THE_FACE and kind in _ROUND_THE_HEAD:
            if self.worn is None:
                return kind, "on_chin"
            return "surgical", worn
        return kind, worn


ANY = MaskStyle()
