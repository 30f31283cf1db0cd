"""The generators by size."""

from __future__ import annotations

from typing import Literal

from trainer.networks.full import FullGenerator
from trainer.networks.generator import LightGenerator, PaintingGenerator

Size = Literal["light", "full"]

GENERATORS: dict[Size, type[PaintingGenerator]] = {"light": LightGenerator, "full": FullGenerator}
