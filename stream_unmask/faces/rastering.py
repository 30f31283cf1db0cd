"""Triangles drawn into backward maps, nearest first: row by row, only over the pixels that they cover."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

NOWHERE = np.float32(-1e30)
"""What a backward map holds where nothing was drawn."""

_TURNED_OVER = np.float32(-0.1)
"""Area in the picture, as a share of that in the result, from which on a triangle counts as seen from behind:
that of a smaller one is noise of the mesh."""

_SLACK = -1e-5
"""How far outside a triangle, in its barycentric coordinates, a pixel still belongs to it: no gaps."""


@numba.njit(nogil=True, cache=True, fastmath=True)
def draw_triangles(
    triangles: Any,
    crossing: Any,
    laid: Any,
    values: Any,
    rim: Any,
    shape: Any,
    corner: Any,
    xs: Any,
    ys: Any,
    trust: Any,
    owners: Any,
) -> None:
    """Draw triangles, nearest first (z-buffer), into a box (h, w) of the result.

    Args:
        triangles: (t, 3) clockwise.
        crossing: (t,) which of them may turn over in the picture and be trusted yet.
        laid: (n, 2 or more) where the points lie in the result.
        values: (n, 5) of each point: how far it is from the camera; x and y in the picture; how squarely the
            picture shows it, and how far inside the face it lies, 0..1.
        rim: share of the way out of the face in which trust falls to nothing.
        shape: height and width of the picture.
        corner: x and y of the box's first pixel in the result.
        xs: (h, w) takes where in the picture each pixel comes from, :data:`NOWHERE` where from nowhere.
        ys: likewise.
        trust: (h, w) takes how far the picture is to be trusted there, 0..1.
        owners: (h, w) takes the number of the triangle, -1 where there is none.
    """
    depth = np.empty(xs.shape, np.float32)
    depth[:], xs[:], ys[:], trust[:], owners[:] = -NOWHERE, NOWHERE, NOWHERE, 0, -1
    last_x, last_y = np.float32(shape[1] - 1), np.float32(shape[0] - 1)
    nothing, one, fall = np.float32(0), np.float32(1), np.float32(1 / rim)
    steps, starts = np.empty(5, np.float32), np.empty(5, np.float32)
    for number in range(triangles.shape[0]):
        i, j, k = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        ax, ay = float(laid[i, 0]) - corner[0], float(laid[i, 1]) - corner[1]
        bx, by = float(laid[j, 0]) - corner[0], float(laid[j, 1]) - corner[1]
        cx, cy = float(laid[k, 0]) - corner[0], float(laid[k, 1]) - corner[1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 1e-6:
            continue
        hidden = _turned_over(values, i, j, k, area) and not crossing[number]
        left, right = max(np.ceil(min(ax, bx, cx)), 0.0), min(np.floor(max(ax, bx, cx)), xs.shape[1] - 1.0)
        top, bottom = max(np.ceil(min(ay, by, cy)), 0.0), min(np.floor(max(ay, by, cy)), xs.shape[0] - 1.0)
        step_u, step_v = (by - cy) / area, (cy - ay) / area
        _weigh(values, i, j, k, step_u, step_v, -step_u - step_v, steps)
        for row in range(int(top), int(bottom) + 1):
            u = ((bx - left) * (cy - row) - (by - row) * (cx - left)) / area
            v = ((cx - left) * (ay - row) - (cy - row) * (ax - left)) / area
            low, high = _narrowed(0.0, right - left, u, step_u)
            low, high = _narrowed(low, high, v, step_v)
            low, high = _narrowed(low, high, 1 - u - v, -step_u - step_v)
            first, count = int(np.ceil(low)), int(np.floor(high)) - int(np.ceil(low)) + 1
            u, v = u + step_u * first, v + step_v * first
            _weigh(values, i, j, k, u, v, 1 - u - v, starts)
            far, x, y, square, inside = starts
            for step in range(count):
                column, along = int(left) + first + step, np.float32(step)
                here = far + along * steps[0]
                if here >= depth[row, column]:
                    continue
                depth[row, column], owners[row, column] = here, number
                here_x, here_y = x + along * steps[1], y + along * steps[2]
                xs[row, column], ys[row, column] = here_x, here_y
                share = min(max(one - (one - inside - along * steps[4]) * fall, nothing), one)
                if hidden or here_x < nothing or here_y < nothing or here_x > last_x or here_y > last_y:
                    share = nothing
                trust[row, column] = share * (square + along * steps[3])


@numba.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _turned_over(values: Any, i: Any, j: Any, k: Any, area: Any) -> Any:
    """Whether the picture shows a triangle from behind; ``area`` is twice its own in the result."""
    shown = (values[j, 1] - values[i, 1]) * (values[k, 2] - values[i, 2])
    shown -= (values[j, 2] - values[i, 2]) * (values[k, 1] - values[i, 1])
    return shown < _TURNED_OVER * area


@numba.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _weigh(values: Any, i: Any, j: Any, k: Any, u: Any, v: Any, w: Any, out: Any) -> None:
    """Fill ``out`` (5,) with a sum of three points' values."""
    for each in range(5):
        out[each] = u * values[i, each] + v * values[j, each] + w * values[k, each]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _narrowed(low: Any, high: Any, start: Any, step: Any) -> Any:
    """The part of ``low`` to ``high`` where ``start`` + ``step`` * place is not below the slack."""
    if step > 1e-12:
        return max(low, (_SLACK - start) / step), high
    if step < -1e-12:
        return low, min(high, (_SLACK - start) / step)
    return (low, high) if start >= _SLACK else (1.0, 0.0)


@numba.njit(nogil=True, cache=True, fastmath=True)
def interpolate(owners: Any, triangles: Any, laid: Any, values: Any, out: Any) -> None:
    """Fill ``out`` (h, w, v) with what the points' ``values`` (n, v) are at the pixels of a whole result.

    Args:
        owners: (h, w) from :func:`draw_triangles`, its box beginning at the result's first pixel.
        triangles: (t, 3) as there.
        laid: (n, 3) as there.
        values: (n, v).
        out: 0 where there is no triangle.
    """
    for row in range(owners.shape[0]):
        for column in range(owners.shape[1]):
            number = owners[row, column]
            if number < 0:
                out[row, column] = 0
                continue
            i, j, k = triangles[number, 0], triangles[number, 1], triangles[number, 2]
            ax, ay = float(laid[i, 0]) - column, float(laid[i, 1]) - row
            bx, by = float(laid[j, 0]) - column, float(laid[j, 1]) - row
            cx, cy = float(laid[k, 0]) - column, float(laid[k, 1]) - row
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            u, v = (bx * cy - by * cx) / area, (cx * ay - cy * ax) / area
            for each in range(values.shape[1]):
                out[row, column, each] = (
                    u * values[i, each] + v * values[j, each] + (1 - u - v) * values[k, each]
                )


@numba.njit(nogil=True, cache=True, fastmath=True)
def blank(picture: Any, xs: Any) -> None:
    """Make (h, w, C) black where a backward map leads nowhere."""
    for row in range(xs.shape[0]):
        for column in range(xs.shape[1]):
            if xs[row, column] <= NOWHERE:
                for channel in range(picture.shape[2]):
                    picture[row, column, channel] = 0
