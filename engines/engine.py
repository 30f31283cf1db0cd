"""What a compiled network looks like to the code that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


class EngineError(Exception):
    """A network cannot be loaded or run with the backend asked for; said in one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a compiled network, with the shape it was compiled for."""

    name: str
    shape: Shape


class Engine(Protocol):
    """A compiled network that runs.

    An engine belongs to one thread: it owns its buffers and is not locked.

    Attributes:
        description: what runs it and how, for people ("OpenVINO 2026.4 on the CPU, fp32, 2 threads").
        inputs: the network's inputs in order.
        outputs: the network's outputs in order.
        max_batch: how many faces one run takes at most; 1 where more at once would not be faster.
    """

    max_batch: int
    description: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the network once.

        Args:
            inputs: one C-contiguous float32 array for each input, in the network's order, all with the
                same number of faces N, 1 to ``max_batch``.

        Returns:
            One float32 array for each output, in the network's order. They may be views of the
            engine's own buffers, valid until the next call.
        """
        ...
