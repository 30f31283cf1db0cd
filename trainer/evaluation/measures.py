"""Figures of one picture against the truth."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from engines import parity

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
Where = NDArray[np.bool_]


def blend(crop: Bytes, mask: FloatArray, inpainted: FloatArray) -> Bytes:
    """The inpainted crop laid over the crop where the mask, widened by three pixels, says mask."""
    wide = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    alpha = np.asarray(cv2.GaussianBlur(wide, (0, 0), 1.5), np.float32)[..., None]
    return np.asarray(np.clip(crop + alpha * (inpainted - crop) + 0.5, 0, 255), np.float32).astype(np.uint8)


def iou_and_f1(found: Where, mask: Where) -> tuple[float, float]:
    """Intersection over union, and F1 (Dice), of two (S, S) areas."""
    both, either = int((found & mask).sum()), int((found | mask).sum())
    return both / max(either, 1), 2 * both / max(both + either, 1)


def psnr(picture: Bytes | FloatArray, truth: Bytes, where: Where | None = None) -> float:
    """Peak signal-to-noise ratio in dB of (S, S, 3) pictures in 0..255, in all pixels or ``where``."""
    gap = picture.astype(np.float32) - truth.astype(np.float32)
    return parity.psnr(gap if where is None else gap[where], 255.0)


@cache
def _window() -> FloatArray:
    return np.asarray(cv2.getGaussianKernel(11, 1.5, cv2.CV_32F), np.float32)


def _mean(picture: FloatArray) -> FloatArray:
    return np.asarray(
        cv2.sepFilter2D(picture, -1, _window(), _window(), borderType=cv2.BORDER_REFLECT), np.float32
    )


def ssim_map(picture: Bytes, truth: Bytes) -> FloatArray:
    """(S, S) structural similarity at each pixel, the mean over the colours of (S, S, 3) pictures.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004: Gaussian
    window of 11 pixels with deviation 1.5. Written out because a library's takes twenty times as long.
    """
    one, other = picture.astype(np.float32), truth.astype(np.float32)
    mean_one, mean_other = _mean(one), _mean(other)
    spread_one = _mean(one * one) - mean_one**2
    spread_other = _mean(other * other) - mean_other**2
    common = _mean(one * other) - mean_one * mean_other
    steady, contrast = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
    top = (2 * mean_one * mean_other + steady) * (2 * common + contrast)
    bottom = (mean_one**2 + mean_other**2 + steady) * (spread_one + spread_other + contrast)
    return np.asarray((top / bottom).mean(axis=2), np.float32)


def slope(picture: Bytes | FloatArray, where: Where) -> float:
    """Mean slope of the brightness of an (S, S, 3) picture, levels a pixel."""
    grey = picture.astype(np.float32).mean(axis=2)
    across, down = np.gradient(grey)
    return float(np.hypot(across, down)[where].mean())
