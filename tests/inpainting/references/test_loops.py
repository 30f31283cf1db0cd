"""Ear loops on bare cheeks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.inpainting.references.loops import without_loops
from tests.inpainting.stand_ins.test_wearing import stand_in

CHEEK = (205, 187, 50)


@pytest.mark.parametrize("name", ["female_04", "male_17", "male_45"])
def test_a_loop_goes_and_the_face_stays(name: str) -> None:
    face = stand_in(name)
    clean = without_loops(face.picture, face.points)
    assert (clean != face.picture).any(axis=2).mean() < 0.002
    looped = face.picture.copy()
    line = np.rint(face.points[list(CHEEK), :2]).astype(np.int32)
    cv2.polylines(looped, [line], False, (250, 250, 250), max(2, len(looped) // 90), cv2.LINE_AA)
    mended = without_loops(looped, face.points)
    where = (looped != face.picture).any(axis=2)
    before, after = (np.abs(each.astype(float) - face.picture)[where].mean() for each in (looped, mended))
    assert after < 0.35 * before
