"""What of a mask lies beside the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.chart import Chart
from stream_unmask.synth.masks import _flap
from stream_unmask.synth.photos import draw_mask
from stream_unmask.synth.shapes import draw_shape
from stream_unmask.synth.style import MaskStyle

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]


def test_the_far_side_of_a_mask_stands_off_a_turned_face_alone(photo: Bytes, mesh: FloatArray) -> None:
    points = mesh.astype(np.float32)
    unit = float(np.ptp(points[[33, 263], 0]))
    shape = next(
        shape
        for shape in (
            draw_shape(np.random.default_rng(seed), MaskStyle(kind="surgical")) for seed in range(20)
        )
        if shape.slack < 1
    )
    chart = Chart.of(points, photo.shape[0], unit)
    for yaw, far in ((30.0, 1.0), (-30.0, -1.0)):
        flaps = [_flap(shape, chart, yaw, np.random.default_rng(seed)) for seed in range(20)]
        drawn = [flap for flap in flaps if flap is not None]
        assert 4 < len(drawn) < 16
        middle = chart.hull[:, 0].mean()
        assert all((far * (flap[:, 0] - middle)).max() > 0.3 * unit for flap in drawn)
    assert all(_flap(shape, chart, 5.0, np.random.default_rng(seed)) is None for seed in range(20))


def test_a_mask_that_is_held_hides_much_of_the_face_and_lies_each_time_elsewhere(
    photo: Bytes, mesh: FloatArray
) -> None:
    masks = [
        draw_mask(photo, mesh, np.random.default_rng(seed), MaskStyle(kind="surgical", worn="held"))[1]
        for seed in range(6)
    ]
    face = np.ptp(mesh[:, 0]) * np.ptp(mesh[:, 1])
    assert all(0.05 < (mask > 127).sum() / face < 1.2 for mask in masks)
    middles = np.array([np.argwhere(mask > 127).mean(0) for mask in masks])
    assert middles.std(0).min() > 0.03 * np.ptp(mesh[:, 0])
