"""Faces that the networks cannot do are left alone, steadily."""

from __future__ import annotations

import pytest

from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting import limits
from tests.inpainting.faces import SIZE, alignment


def test_a_face_in_full_view_is_no_problem() -> None:
    assert limits.reason(alignment(100, 100), 640, 360, 24) is None


def test_a_face_that_fills_the_picture_is_no_problem() -> None:
    assert limits.reason(alignment(-20, -20), SIZE - 40, SIZE - 40, 24) is None


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (alignment(100, 100, zoom=0.2), "too small"),
        (alignment(100, 100, yaw=70), "turned away"),
        (alignment(100, 100, yaw=-70), "turned away"),
        (alignment(-80, 100), "cut off"),
        (alignment(100, 360 - 40), "cut off"),
        (alignment(900, 900), "cut off"),
    ],
)
def test_reasons(place: Alignment, expected: limits.Reason) -> None:
    assert limits.reason(place, 640, 360, 24) == expected


def test_the_share_outside_is_measured_in_area() -> None:
    assert limits.outside_share(alignment(0, 0), SIZE, SIZE) == 0
    assert limits.outside_share(alignment(-SIZE / 2, 0), SIZE, SIZE) == pytest.approx(0.5)
    assert limits.outside_share(alignment(-SIZE / 2, SIZE / 2), SIZE, SIZE) == pytest.approx(0.75)
    assert limits.outside_share(alignment(2 * SIZE, 0), SIZE, SIZE) == 1


def test_a_face_at_a_limit_does_not_come_and_go() -> None:
    for place in (alignment(100, 100, zoom=0.27), alignment(100, 100, yaw=65), alignment(-82, 100)):
        assert limits.reason(place, 640, 360, 24) is not None
        assert limits.reason(place, 640, 360, 24, unmasked_before=True) is None
