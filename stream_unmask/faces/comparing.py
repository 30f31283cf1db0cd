"""The inner loops of :mod:`stream_unmask.faces.matching`: spots of a face held against a picture."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True, cache=True, fastmath=True)
def compare(
    places: Any,
    normals: Any,
    weights: Any,
    values: Any,
    planes: Any,
    bare: Any,
    turned: Any,
    x0: Any,
    y0: Any,
    least: Any,
    out: Any,
) -> Any:
    """Compare each spot of a face that shows with what lies beneath it.

    Args:
        places: (n, 3) of the spots, from the centre.
        normals: (n, 3).
        weights: (n,).
        values: (n,) normalised brightness.
        planes: (3, s, s) that of the scene, and its slopes.
        bare: (s, s) 1 where something is to be compared.
        turned: (3, 3) rotation and scale.
        x0: where the centre lies.
        y0: likewise.
        least: how squarely a spot must be seen, times the scale.
        out: (n, 7) takes, of each spot that shows, its place from the centre as turned, by how much it is
            brighter than what lies beneath, the slopes there, and its weight.

    Returns:
        How many show, and the correlation of their brightness with that beneath.
    """
    count, side = 0, bare.shape[0]
    many, mine, theirs, mine2, theirs2, both = 1e-9, 0.0, 0.0, 0.0, 0.0, 0.0
    for spot in range(places.shape[0]):
        px, py, pz = places[spot, 0], places[spot, 1], places[spot, 2]
        ax = turned[0, 0] * px + turned[0, 1] * py + turned[0, 2] * pz
        ay = turned[1, 0] * px + turned[1, 1] * py + turned[1, 2] * pz
        x, y = x0 + ax, y0 + ay
        if not (x >= 1 and y >= 1 and x < side - 2 and y < side - 2):
            continue
        column, row = int(x), int(y)
        if bare[int(y + np.float32(0.5)), int(x + np.float32(0.5))] == 0:
            continue
        away = (
            turned[2, 0] * normals[spot, 0]
            + turned[2, 1] * normals[spot, 1]
            + turned[2, 2] * normals[spot, 2]
        )
        if away > -least:
            continue
        fx, fy = x - np.float32(column), y - np.float32(row)
        value, across, down = _between(planes, row, column, fx, fy)
        own, weight = values[spot], weights[spot]
        out[count, 0], out[count, 1] = ax, ay
        out[count, 2] = turned[2, 0] * px + turned[2, 1] * py + turned[2, 2] * pz
        out[count, 3], out[count, 4], out[count, 5], out[count, 6] = own - value, across, down, weight
        many, mine, theirs = many + weight, mine + weight * own, theirs + weight * value
        mine2, theirs2 = mine2 + weight * own * own, theirs2 + weight * value * value
        both += weight * own * value
        count += 1
    mine2, theirs2 = mine2 - mine * mine / many, theirs2 - theirs * theirs / many
    return count, (both - mine * theirs / many) / np.sqrt(max(mine2 * theirs2, 1e-12))


@numba.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _between(planes: Any, row: Any, column: Any, fx: Any, fy: Any) -> Any:
    """The three planes between four pixels."""
    one = np.float32(1)
    a, b, c, d = (one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy
    return (
        a * planes[0, row, column]
        + b * planes[0, row, column + 1]
        + c * planes[0, row + 1, column]
        + d * planes[0, row + 1, column + 1],
        a * planes[1, row, column]
        + b * planes[1, row, column + 1]
        + c * planes[1, row + 1, column]
        + d * planes[1, row + 1, column + 1],
        a * planes[2, row, column]
        + b * planes[2, row, column + 1]
        + c * planes[2, row + 1, column]
        + d * planes[2, row + 1, column + 1],
    )


@numba.njit(nogil=True, cache=True, fastmath=True)
def accumulate(compared: Any, reach: Any, information: Any, pull: Any) -> None:
    """Add up the normal equations of a Gauss-Newton step.

    Args:
        compared: (m, 7) from :func:`compare`.
        reach: difference from which a spot counts half.
        information: (6, 6) is added to.
        pull: (6,) is added to.
    """
    slopes = np.empty(6)
    for spot in range(compared.shape[0]):
        x, y, z = compared[spot, 0], compared[spot, 1], compared[spot, 2]
        rest, across, down = compared[spot, 3], compared[spot, 4], compared[spot, 5]
        slopes[0], slopes[1], slopes[2] = -down * z, across * z, down * x - across * y
        slopes[3], slopes[4], slopes[5] = across * x + down * y, across, down
        weight = compared[spot, 6] / (1.0 + (rest / reach) ** 2)
        for i in range(6):
            pull[i] += weight * slopes[i] * rest
            for j in range(6):
                information[i, j] += weight * slopes[i] * slopes[j]


def warm_up() -> None:
    """Compile (or load from numba's cache) what matching runs."""
    flat = np.zeros((1, 3), np.float32)
    found = np.zeros((1, 7), np.float32)
    side, zero = np.zeros((3, 4, 4), np.float32), np.float32(0)
    compare(
        flat,
        flat,
        flat[0, :1],
        flat[0, :1],
        side,
        side[0],
        np.eye(3, dtype=np.float32),
        zero,
        zero,
        zero,
        found,
    )
    accumulate(found, np.float32(1), np.zeros((6, 6)), np.zeros(6))
