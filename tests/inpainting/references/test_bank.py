"""Which bare faces of a person are kept, and which faces are bare."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.faces.laying import Angles
from stream_unmask.inpainting.references.bank import MOST, ReferenceBank
from stream_unmask.inpainting.references.bareness import MAYBE_BARE, SURELY_BARE, skin_share
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from tests.faces.test_laying import head

JAW = [234, 93, 132, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 361, 323, 454, 346, 6, 117]


def reference(yaw: float = 0.0, *, noise: float = 10.0, time: float = 0.0, pitch: float = 0.0) -> Reference:
    """A turned head; more ``noise`` makes it sharper."""
    chance = np.random.default_rng(0)
    picture = np.clip(chance.normal(128, noise, (256, 256, 3)), 0, 255).astype(np.uint8)
    return Reference(picture, head(yaw=yaw, pitch=pitch), f"at {time}", time)


def test_the_sharpest_of_a_kind_is_kept() -> None:
    bank = ReferenceBank()
    for noise in (10.0, 20.0, 15.0):
        bank.offer(reference(noise=noise, time=noise))
    assert len(bank) == 1
    assert bank.nearest(Angles(0, 0), 3)[0].time == 20.0


def test_no_more_than_a_few_are_kept_each_turned_another_way() -> None:
    bank = ReferenceBank()
    for yaw in range(-50, 51, 4):
        for pitch in (-15, 0, 15):
            bank.offer(reference(yaw, pitch=pitch))
    assert len(bank) == MOST


def test_the_nearest_come_first() -> None:
    bank = ReferenceBank([reference(yaw) for yaw in (-30, 0, 30)])
    found = [each.angles.yaw for each in bank.nearest(Angles(25, 0), 2)]
    assert found == pytest.approx([30, 0], abs=1)


def test_what_was_seen_just_before_a_mask_came_on_is_let_go_unless_it_is_all() -> None:
    bank = ReferenceBank([reference(time=0.0), reference(30, time=2.0)])
    bank.doubt_since(1.5)
    assert [each.time for each in bank.nearest(Angles(0, 0), 3)] == [0.0]
    bank.doubt_since(-1.0)
    assert len(bank) == 1


def test_a_bare_face_is_told_from_one_with_cloth_before_it() -> None:
    bank = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    shown = [bank[bank.names.index(f"{name}.webp")] for name in ("female_04", "male_17", "male_45")]
    for each in shown:
        assert skin_share(each.picture, each.points) >= SURELY_BARE
        masked = each.picture.copy()
        cv2.fillPoly(masked, [np.rint(each.points[JAW, :2]).astype(np.int32)], (110, 160, 200))
        assert skin_share(masked, each.points) < MAYBE_BARE
