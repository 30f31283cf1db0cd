"""How good are the networks? The same photos, the same masks, the same figures every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engines.contract import GENERATOR, SEGMENTER, read_weights
from trainer.data import Photo
from trainer.synth.pairs import Pair, PairSettings, aligned, make_pair

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

_SEED = 2026
_MASKED = PairSettings(masked=1.0, distracted=0.0, damage=0.0, varied=False)
_BARE = PairSettings(masked=0.0, distracted=0.0, damage=0.0, varied=False)


class Networks:
    """The exported networks, run by ONNX Runtime, picture by picture.

    Raises:
        EngineError: the folder's weights are incomplete or damaged.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._segmenter, self._generator = (
            onnxruntime.InferenceSession(
                read_weights(folder, network).path, options, providers=["CPUExecutionProvider"]
            )
            for network in (SEGMENTER, GENERATOR)
        )

    def find(self, crop: Bytes) -> FloatArray:
        """(S, S, 3) RGB to the (S, S) map in 0..1."""
        found: FloatArray = self._segmenter.run(None, {"crop": _as_input(crop)})[0]
        return np.asarray(found[0, 0], np.float32)

    def paint(self, crop: Bytes, map_: FloatArray, previous: FloatArray | None = None) -> FloatArray:
        """The patch, (S, S, 3) in 0..255, for a crop, its map and the last patch in this crop."""
        size = crop.shape[0]
        last = np.zeros((1, 3, size, size), np.float32) if previous is None else _as_input(previous)
        feeds = {"crop": _as_input(crop), "map": map_[None, None], "previous": last}
        patch: FloatArray = self._generator.run(None, feeds)[0]
        return np.asarray((patch[0].transpose(1, 2, 0) + 1) * 127.5, np.float32)


def _as_input(picture: Bytes | FloatArray) -> FloatArray:
    scaled = picture.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
    return np.ascontiguousarray(scaled)


def blend(crop: Bytes, map_: FloatArray, patch: FloatArray) -> Bytes:
    """The patch laid over the crop where the map, widened by three pixels, says mask."""
    wide = cv2.dilate(map_, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    alpha = np.asarray(cv2.GaussianBlur(wide, (0, 0), 1.5), np.float32)[..., None]
    return np.asarray(np.clip(crop + alpha * (patch - crop) + 0.5, 0, 255), np.float32).astype(np.uint8)


def held_out_pairs(photos: Sequence[Photo], masked: bool = True) -> Iterator[Pair]:
    """The frozen test: every photo once, aligned without chance, its mask drawn from a fixed seed."""
    for number, photo in enumerate(photos):
        rng = np.random.default_rng((_SEED, number))
        yield make_pair(photo, _MASKED if masked else _BARE, rng)


def mean_face_picture(photos: Sequence[Photo], size: int = 256) -> FloatArray:
    """(S, S, 3) the average of aligned photos."""
    total = np.zeros((size, size, 3), np.float64)
    for photo in photos:
        total += aligned(photo, size, None)[0]
    return (total / max(len(photos), 1)).astype(np.float32)


def psnr(picture: Bytes | FloatArray, truth: Bytes, where: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB of (S, S, 3) pictures in 0..255, in all pixels or ``where``."""
    error = (picture.astype(np.float32) - truth.astype(np.float32)) ** 2
    mean = float(error.mean() if where is None else error[where].mean())
    return float(10 * np.log10(255**2 / max(mean, 1e-3)))


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the photos of one set.

    Attributes:
        photos: how many.
        iou: intersection over union of map and mask, at 0.5.
        false_alarms: share of the same faces without mask whose map is above 0.5 in more than half a
            percent of the crop.
        fraction: share of the crop that the masks cover.
        whole: PSNR of the finished crop, dB.
        inside: PSNR of the patch inside the mask, dB.
        inside_telea: the same of Telea's inpainting ("An Image Inpainting Technique Based on the Fast
            Marching Method", 2004) with the true map.
        inside_mean: the same of the mean face.
        sharpness: mean slope inside the mask over that of the truth; 1 is as sharp as the photo.
    """

    photos: int
    iou: float
    false_alarms: float
    fraction: float
    whole: float
    inside: float
    inside_telea: float
    inside_mean: float
    sharpness: float


def _slope(picture: Bytes | FloatArray, where: NDArray[np.bool_]) -> float:
    grey = picture.astype(np.float32).mean(2)
    across, down = np.gradient(grey)
    return float(np.hypot(across, down)[where].mean())


def score(networks: Networks, photos: Sequence[Photo], mean_face: FloatArray) -> Score:
    """Measure the networks on one set of photos."""
    rows = []
    for pair in held_out_pairs(photos):
        mask = pair.map > 127
        if not mask.any():
            continue
        map_ = networks.find(pair.crop)
        patch = networks.paint(pair.crop, map_)
        found = map_ > 0.5
        inside = cv2.erode(pair.map, np.ones((5, 5), np.uint8)) > 127
        wide = cv2.dilate(pair.map, np.ones((9, 9), np.uint8))
        telea = np.asarray(cv2.inpaint(pair.crop, wide, 5, cv2.INPAINT_TELEA), np.uint8)
        rows.append(
            (
                (found & mask).sum() / max((found | mask).sum(), 1),
                mask.mean(),
                psnr(blend(pair.crop, map_, patch), pair.truth),
                psnr(patch, pair.truth, mask),
                psnr(telea, pair.truth, mask),
                psnr(mean_face, pair.truth, mask),
                _slope(patch, inside) / max(_slope(pair.truth, inside), 1e-3),
            )
        )
    alarms = [
        (networks.find(pair.crop) > 0.5).mean() > 0.005 for pair in held_out_pairs(photos, masked=False)
    ]
    means = [float(value) for value in np.mean(np.array(rows, np.float64), axis=0)]
    return Score(len(rows), means[0], float(np.mean(alarms)), *means[1:])


def roll_out(networks: Networks, pair: Pair, frames: int) -> tuple[float, float]:
    """Feed the generator its own patch on a still with fresh noise in each frame.

    Returns:
        In-mask PSNR against the truth of the first patch and of the last, dB: a fall is drift.
    """
    rng = np.random.default_rng(_SEED)
    mask = pair.map > 127
    previous: FloatArray | None = None
    figures = []
    for _ in range(frames):
        noise = rng.normal(0, 3, pair.crop.shape)
        crop = np.clip(pair.crop + noise, 0, 255).astype(np.uint8)
        previous = networks.paint(crop, networks.find(crop), previous)
        figures.append(psnr(previous, pair.truth, mask))
    return figures[0], figures[-1]


def sheet(networks: Networks, photos: Sequence[Photo], masked: bool = True) -> Bytes:
    """A picture with one row for each photo: crop, map, patch, finished, truth."""
    rows = []
    for pair in held_out_pairs(photos, masked):
        map_ = networks.find(pair.crop)
        patch = networks.paint(pair.crop, map_)
        grey = cv2.merge([(map_ * 255).astype(np.uint8)] * 3)
        done = blend(pair.crop, map_, patch)
        rows.append(np.hstack([pair.crop, grey, np.clip(patch, 0, 255).astype(np.uint8), done, pair.truth]))
    return np.vstack(rows)
