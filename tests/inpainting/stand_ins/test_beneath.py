"""Meshes that are found beneath a mask."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from stream_unmask.faces.laying_limits import is_lost
from stream_unmask.faces.mesh import Mesh
from stream_unmask.inpainting.stand_ins.beneath import mesh_beneath
from tests.inpainting.faces import face, soft_mask
from tests.inpainting.stand_ins.drawn import SIZE, mesh


class FakeNetwork:
    """Finds one mesh, whatever it is shown, and keeps what that was."""

    def __init__(self, points: np.ndarray, presence: float) -> None:
        self._found = Mesh(points, presence)
        self.shown = np.zeros((SIZE, SIZE), np.uint8)

    def fit(self, planes: Any, _region: object) -> Mesh:
        self.shown = planes.y.copy()
        return self._found


def lower(by: float) -> np.ndarray:
    """The drawn mesh, so many pixels further down."""
    return mesh() + np.array([0, by, 0])


def find(points: np.ndarray, presence: float = 1.0) -> tuple[np.ndarray | None, np.ndarray]:
    """What is found beneath a mask over the mouth, and the luma that the network was shown."""
    network = FakeNetwork(points, presence)
    lost, nothing = lower(40), np.full((3, SIZE, SIZE), -1.0, np.float32)
    found = mesh_beneath(cast(Any, network), face(SIZE), nothing, MASK, lost)
    return found, network.shown


MASK = soft_mask(SIZE)


def test_the_network_is_shown_the_face_with_what_is_painted_for_the_mask() -> None:
    found, shown = find(mesh())
    assert found is not None
    np.testing.assert_array_equal(found, mesh())
    assert shown[MASK > 0.6].max() < 20
    assert shown[MASK == 0].min() > 50


@pytest.mark.parametrize(("down", "presence"), [(40, 1.0), (0, 0.5)])
def test_what_is_lost_all_the_same_or_shows_no_face_is_not_believed(down: float, presence: float) -> None:
    assert find(lower(down), presence)[0] is None


def test_a_mesh_found_beneath_may_have_eyes_that_a_high_mask_hides() -> None:
    high = soft_mask(SIZE, y=0.53, radius=0.3)
    assert is_lost(mesh(), high)
    assert not is_lost(mesh(), high, beneath=True)
    assert is_lost(lower(20), high, beneath=True)
