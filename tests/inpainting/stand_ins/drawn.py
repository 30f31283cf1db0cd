"""Drawn stand-ins, of which everything is known."""

from __future__ import annotations

import cv2
import numpy as np

from stream_unmask.faces.alignment import mean_face
from stream_unmask.faces.warping import OVAL
from stream_unmask.inpainting.stand_ins.bank import TRAITS, Bank, mirrored_traits
from stream_unmask.inpainting.stand_ins.impressions import Impressions, Likeness, Reading

SIZE = 128
AXES = 4


def mesh(size: int = SIZE) -> np.ndarray:
    """(468, 3) the mean face as a crop of ``size`` pixels shows it."""
    points = mean_face() * (size / 3.4)
    return points + np.array([(size - 1) / 2, (size - 1) / 2 - 0.55 * size / 3.4, 0])


def portrait(skin: tuple[int, int, int] = (200, 150, 120), size: int = SIZE) -> np.ndarray:
    """(S, S, 3) an oval of skin with eyes, brows and a mouth on blue."""
    points = mesh(size)
    picture = np.full((size, size, 3), (40, 60, 160), np.uint8)
    cv2.fillPoly(picture, [np.rint(points[OVAL, :2]).astype(np.int32)], skin)
    for number, colour in ((159, (30, 30, 30)), (386, (30, 30, 30)), (13, (160, 70, 70))):
        centre = tuple(np.rint(points[number, :2]).astype(int).tolist())
        cv2.ellipse(picture, centre, (size // 16, size // 50), 0, 0, 360, colour, -1)
    return picture


def traits(**given: float) -> list[float]:
    """One row of traits: a calm, clear, clean-shaven face, but for what is given."""
    usual = {
        "skin_l": 65.0,
        "skin_a": 14.0,
        "skin_b": 17.0,
        "smile": 0.8,
        "openness": 0.03,
        "texture": 1.0,
        "years": 40.0,
    }
    clear = dict.fromkeys(("clear_left", "clear_right", "clear_chin"), 1.0)
    values = dict.fromkeys(TRAITS, 0.0) | usual | clear | given
    return [values[name] for name in TRAITS]


def _reading(axis: int) -> Reading:
    """One that reads a description's number ``axis``, and grown-up men off nothing else but zeros."""
    weights = np.zeros(AXES, np.float32)
    weights[axis] = 2
    return Reading(weights, -0.0 if axis == 3 else -1.0)


_ITSELF = Likeness(np.eye(AXES, dtype=np.float32), np.zeros(AXES, np.float32))
"""A face is described as its upper half, and the same number goes with the same."""

_GROWN_UP = Reading(np.zeros(AXES, np.float32), 0.0)
"""Reads everybody as forty."""


def bank(rows: list[list[float]], looks: list[list[float]] | None = None) -> Bank:
    """A bank with one face a row of traits; ``looks`` (n, 4) as descriptions, all alike if left out."""
    count = len(rows)
    table = np.array(rows)
    given = np.array(looks if looks is not None else [[1.0, 0, 0, 0]] * count, np.float32)
    few = given / np.linalg.norm(given, axis=1, keepdims=True)
    colours = [(200 - 5 * face, 150, 120) for face in range(count)]
    encoded = [cv2.imencode(".webp", portrait(colour)[..., ::-1])[1].tobytes() for colour in colours]
    return Bank(
        names=[f"face{face}.png" for face in range(count)],
        encoded=encoded,
        points=np.stack([mesh() + np.array([face, 0, 0]) for face in range(count)]),
        traits=np.concatenate([table, mirrored_traits(table)]),
        looks=np.concatenate([few, few]),
        impressions=Impressions(
            woman=_reading(3),
            whole=_reading(3),
            child=_reading(2),
            age=_GROWN_UP,
            whole_age=_GROWN_UP,
            expected=_ITSELF,
            features=_ITSELF,
        ),
        licences=["CC0 1.0"],
        sources=["drawn"],
    )
