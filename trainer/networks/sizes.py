"""The generators by size."""

from __future__ import annotations

from typing import Literal

from trainer.networks.full import FullGenerator
from trainer.networks.generator import Generator, Painter

Size = Literal["light", "full"]

GENERATORS: dict[Size, type[Painter]] = {"light": Generator, "full": FullGenerator}
