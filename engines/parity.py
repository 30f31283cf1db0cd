"""Whether an engine computes what ONNX Runtime does. No engine of a GPU is used before it has passed.

Half precision overflows in some networks and gives black or noisy pictures; which fused kernel does so
depends on the GPU. So each engine is compared on the machine that runs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.contract import FilePrecision
from engines.engine import Engine, EngineError, Shape

Compared = FilePrecision | Literal["bf16"]

_LIMITS: dict[Compared, tuple[float, float]] = {
    "fp32": (5e-3, 60.0),
    "fp16": (0.05, 50.0),
    "bf16": (0.15, 42.0),
    "int8": (0.5, 35.0),
}
"""For each precision: the largest difference of a value and the least PSNR in dB that pass; values span 2.

Two ways of running the bundled networks in fp16 differ by 0.001 (83 dB), in bf16 by 0.03 (56 dB), and in
int8 by 0.09 (44 dB).
"""

_COARSE = 8
"""Cells on a side of the coarsest noise in the test pictures."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near one way of running a network comes to another, over all outputs and batches.

    Attributes:
        worst: largest absolute difference of a value.
        psnr: peak signal-to-noise ratio in dB; values span 2.
    """

    worst: float
    psnr: float

    def __str__(self) -> str:
        return f"differs by at most {self.worst:.1e}, PSNR {self.psnr:.0f} dB"


def psnr(gap: NDArray[np.floating], peak: float) -> float:
    """Peak signal-to-noise ratio in dB.

    Args:
        gap: differences of values, of any shape.
        peak: what the values span: 2 for a picture in -1..1, 1 for a mask, 255 for bytes.

    Returns:
        At most 120 dB, of what is equal or as good as equal; 0 dB where there is nothing to compare.
    """
    return decibels(float(np.square(gap, dtype=np.float64).mean()) / peak**2 if gap.size else 1.0)


def decibels(error: float) -> float:
    """A mean squared error, as a share of the squared span, in dB; at most 120."""
    return float(-10 * np.log10(max(error, 1e-12)))


def compare(engine: Engine, reference: Engine, batches: Iterable[int], precision: Compared) -> Agreement:
    """Run the same pictures through an engine and through the reference.

    Args:
        engine: what to check.
        reference: the same network run by ONNX Runtime.
        batches: sizes of the batches to try.
        precision: what the engine computes in: decides what passes.

    Raises:
        EngineError: the engine gives something that is not a number, or differs by too much.
    """
    worst, squares, count = 0.0, 0.0, 0
    for batch in batches:
        inputs = [pictures((batch, *port.shape[1:]), seed) for seed, port in enumerate(engine.inputs)]
        for found, wanted in zip(engine.run(*inputs), reference.run(*inputs), strict=True):
            if not np.isfinite(found).all():
                raise EngineError("It gives values that are not numbers.")
            gap = np.abs(found.astype(np.float64) - wanted)
            worst = max(worst, float(gap.max()))
            squares += float((gap**2).sum())
            count += gap.size
    agreement = Agreement(worst, decibels(squares / count / 4))
    most, least = _LIMITS[precision]
    if agreement.worst > most or agreement.psnr < least:
        raise EngineError(
            f"It differs from ONNX Runtime by up to {agreement.worst:.2g} ({agreement.psnr:.0f} dB); "
            f"in {precision}, {most:g} and {least:.0f} dB are allowed."
        )
    return agreement


def pictures(shape: Shape, seed: int) -> NDArray[np.float32]:
    """Test pictures with something at every scale, as photos have; a map for one channel.

    Returns:
        (N, C, S, S) in [-1, 1], or in 0..1 where C is 1; the same for the same seed.
    """
    count, channels, height, width = shape
    chance = np.random.default_rng(seed)
    planes = np.empty((count * channels, height, width), np.float32)
    for plane in planes:
        plane[:] = chance.uniform(-0.1, 0.1, (height, width))
        cells = _COARSE
        while cells <= min(height, width):
            noise = chance.uniform(-1, 1, (cells, cells)).astype(np.float32)
            # Half the height for twice the fineness: the spectrum of natural pictures.
            plane += _COARSE / cells * cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
            cells *= 2
    values = np.clip(planes.reshape(shape), -1, 1)
    return np.ascontiguousarray((values > 0).astype(np.float32) if channels == 1 else values)
