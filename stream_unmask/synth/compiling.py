"""Loops over pixels: compiled where numba is installed, else run by Python, slowly, to the same end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., None])


def njit(loop: Loop) -> Loop:
    """Compile a loop at its first call, or load it from numba's cache; without numba it stays as it is."""
    try:
        import numba
    except ImportError:
        return loop
    return cast(Loop, numba.njit(nogil=True, cache=True)(loop))
