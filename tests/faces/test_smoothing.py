"""What the filter promises: steady when still, quick when moved, whatever the frame rate or size."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from stream_unmask.faces.alignment import Pose
from stream_unmask.faces.smoothing import PoseFilter


def smoothed(poses: list[Pose], step: float) -> list[Pose]:
    filter_ = PoseFilter()
    return [filter_.update(pose, step) for pose in poses]


def noisy(count: int, scale: float = 50.0, seed: int = 0) -> list[Pose]:
    rng = np.random.default_rng(seed)
    errors = rng.normal(0, 0.01, (count, 4))
    return [
        Pose(300 + x * scale, 200 + y * scale, roll, scale * np.exp(size), 100 * roll)
        for x, y, roll, size in errors
    ]


def test_the_first_pose_passes_unchanged() -> None:
    pose = Pose(10.0, 20.0, 0.3, 40.0, 5.0)
    (first,) = smoothed([pose], 0.04)
    assert astuple(first) == pytest.approx(astuple(pose))


@pytest.mark.parametrize("value", ["x", "y", "roll", "scale", "yaw"])
def test_a_still_face_trembles_far_less(value: str) -> None:
    poses = noisy(300)
    before = np.diff([getattr(pose, value) for pose in poses])
    after = np.diff([getattr(pose, value) for pose in smoothed(poses, 1 / 30)])[60:]
    assert after.std() < 0.25 * before.std()


@pytest.mark.parametrize("rate", [12.0, 30.0, 60.0])
def test_fast_motion_is_followed_closely_at_any_frame_rate(rate: float) -> None:
    scale, speed = 50.0, 4.0
    poses = [Pose(speed * scale * n / rate, 0.0, 0.0, scale, 0.0) for n in range(round(2 * rate))]
    lag = poses[-1].x - smoothed(poses, 1 / rate)[-1].x
    assert 0 <= lag < 0.06 * scale


def test_size_does_not_matter() -> None:
    small = smoothed(noisy(50, scale=20.0), 1 / 30)[-1]
    large = smoothed(noisy(50, scale=200.0), 1 / 30)[-1]
    assert (large.x - 300) / 200 == pytest.approx((small.x - 300) / 20, rel=1e-3)


def test_roll_takes_the_short_way_round() -> None:
    turned = [Pose(0.0, 0.0, roll, 50.0, 0.0) for roll in (3.1, -3.1, 3.12, -3.12)]
    rolls = np.array([pose.roll for pose in smoothed(turned, 1 / 30)])
    assert np.cos(rolls).max() < -0.99
