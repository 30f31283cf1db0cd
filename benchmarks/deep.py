"""How far two pictures are apart as a network sees them: distance of features, where pixels tell little."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray

from stream_unmask.faces.weights import centerface

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

SIDE = 256
_LEVELS = (128, 64, 32, 16)


def deep_distance(picture: Bytes, truth: Bytes, where: NDArray[np.bool_]) -> float:
    """Mean squared distance of features of unit length, at four scales of the face detector's network.

    As Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018, without
    weights that were learnt for it.

    Args:
        picture: (256, 256, 3) RGB.
        truth: likewise.
        where: (256, 256) what counts; some of it must.
    """
    distances = []
    for one, other in zip(_features()(picture), _features()(truth), strict=True):
        apart = ((one - other) ** 2).sum(axis=0)
        share = cv2.resize(where.astype(np.float32), apart.shape[::-1], interpolation=cv2.INTER_AREA)
        distances.append(float((apart * share).sum() / share.sum()))
    return float(np.mean(distances))


@cache
def _features() -> Callable[[Bytes], list[FloatArray]]:
    """What gives (C, h, w) features of unit length of a picture, one for each scale."""
    core = openvino.Core()
    model = core.read_model(centerface())
    model.reshape({model.input(0): [1, 3, SIDE, SIDE]})
    last: dict[int, openvino.Output] = {}
    for operation in model.get_ordered_ops():
        if operation.get_type_name() in ("Clamp", "Relu"):
            side = operation.output(0).get_shape()[-1]
            last[side] = operation.output(0)
            # The network goes down to the smallest scale first; what comes after is its way up.
            if side < min(_LEVELS):
                break
    first = len(model.outputs)
    model.add_outputs([last[side] for side in _LEVELS])
    precise = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(model, "CPU", precise)

    def features(picture: Bytes) -> list[FloatArray]:
        answer = compiled(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))
        found = [answer[output][0] for output in compiled.outputs[first:]]
        return [each / np.sqrt((each**2).sum(axis=0, keepdims=True) + 1e-6) for each in found]

    return features
