"""Durations, sizes of files and of pictures, as people write them."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Amount(click.ParamType[float]):
    """A number and a unit."""

    def __init__(self, name: str, units: dict[str, int], example: str, most: float) -> None:
        self.name, self._units, self._example, self._most = name, units, example, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number in seconds, or bytes."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?|inf)\s*([a-zA-Z]?)[bB]?", str(value).strip())
        factor = self._units.get(match[2].lower()) if match else None
        if match is None or factor is None or not float(match[1]) * factor <= self._most:
            self.fail(f"{value!r} is not a {self.name} such as {self._example}.", param, ctx)
        return float(match[1]) * factor


DURATION = Amount("duration", _SECONDS, "90s, 10m, 12h or 7d", math.inf)
SIZE = Amount("size", _BYTES, "500M or 10G", 2.0**60)


def picture_size(text: str) -> tuple[int, int]:
    """Width and height of ``1280x720``.

    Raises:
        ValueError: it is no such thing.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 1280x720")
    return int(match[1]), int(match[2])
