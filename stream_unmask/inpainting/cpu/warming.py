"""Compiling ahead, so that the first masked face of a stream does not wait for it."""

from __future__ import annotations

from stream_unmask.faces import comparing, laying, warping
from stream_unmask.inpainting import graining, laid
from stream_unmask.inpainting.cpu import blending, coarse, colour, compositing, detail, smoothing
from stream_unmask.pixels import glance, sampling


def warm_up(depth: int = 8) -> None:
    """Compile, or load from numba's cache, every kernel that the work on one face runs.

    Args:
        depth: significant bits of the frames' samples, 8 to 16.
    """
    for module in (sampling, coarse, smoothing, colour, blending, detail, warping, laying, laid, comparing):
        module.warm_up()
    compositing.warm_up(depth)
    graining.warm_up(depth)
    glance.warm_up(depth)
