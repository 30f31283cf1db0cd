"""Hard light taken out of a portrait, so that the light of another picture can be put on it.

Skin is much the same on both sides of a face, light is not: what differs between a place and its mirror
image, coarsely, is light and is taken out. What is left from above or in front is fitted by low-order
shading over the mesh's normals (nine spherical harmonics, of which the symmetric ones: Ramamoorthi &
Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001) and exchanged for that of
soft light. Beards and lips, which are symmetric and no matter of normals, stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE, mean_face
from stream_unmask.faces.warping import warp_face
from stream_unmask.inpainting.stand_ins.portraits import Portrait

Field = NDArray[np.float32]

_SIDE = 128
"""Pixels of the picture, seen from the front, in which light is told from skin."""

_BLUR = 3.5
"""Standard deviation of the blur below which nothing counts as light, in its pixels."""

_FLOOR = 0.03
"""Added to 0..1 before logarithms: dark pixels tell little."""

_MOST_ASIDE, _MOST_ABOVE = 0.8, 0.45
"""Logarithm of the strongest change on one side, and of the strongest symmetric one."""

_OUTLIER = 0.25
"""Logarithm by which skin may be off the fit to count: beards, brows, lips and nostrils are darker."""

_SOFT_LIGHT = np.array([-0.148, 0.124, -0.143, -0.078])
"""Shading of soft light over the symmetric terms of :func:`_terms`; the median of 270 mostly soft
portraits."""

_SHINE, _SHINE_SHARE = 0.10, 0.6
"""From how far above its surroundings brightness is shine, and how much of it is taken away."""


@dataclass(frozen=True, slots=True)
class _Front:
    """A face as seen from the front, (128, 128): log colours, weight, normals."""

    log: Field
    weight: Field
    normals: Field


def delighted(portrait: Portrait) -> Portrait:
    """The same portrait in soft light."""
    front = _from_front(portrait)
    field = _aside(front)
    rest = replace(front, log=front.log + field)
    field = field + (shading_of(_SOFT_LIGHT, rest.normals) - _shading(rest))[:, :, None]
    laid = warp_face(np.ascontiguousarray(field), _frontal(), portrait.points, len(portrait.picture))
    face = _feather(laid.trust, len(portrait.picture))
    change = laid.picture * face[:, :, None]
    picture = (portrait.picture / 255 + _FLOOR) * np.exp(change) - _FLOOR
    picture = _without_shine(picture.astype(np.float32), face)
    return replace(portrait, picture=np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8))


def shading_of(terms: NDArray[np.float64], normals: Field) -> Field:
    """(h, w) log shading of light with these symmetric terms."""
    return np.asarray(np.tensordot(_terms(normals), terms, 1), np.float32)


def symmetric_light(portrait: Portrait) -> NDArray[np.float64]:
    """(4,) the light's terms that are alike on both sides, as fitted to the skin."""
    front = _from_front(portrait)
    return _fit(replace(front, log=front.log + _aside(front)))


def _frontal() -> NDArray[np.float64]:
    """(468, 3) the mean face in the frontal picture, laid as in a crop."""
    points = mean_face() * (_SIDE / CROP_SIDE)
    points[:, 0] += (_SIDE - 1) / 2
    points[:, 1] += (_SIDE - 1) / 2 - 0.55 * _SIDE / CROP_SIDE
    return points


def _from_front(portrait: Portrait) -> _Front:
    laid = warp_face(portrait.picture, portrait.points, _frontal(), _SIDE, normals=True)
    assert laid.normals is not None  # they were asked for
    log = np.log(np.clip(laid.picture / 255, 0, 1) + _FLOOR)
    weight = np.clip((laid.trust - 0.3) * 3, 0, 1).astype(np.float32)
    return _Front(_blurred(log, weight, _BLUR), weight, laid.normals)


def _blurred(values: Field, weight: Field, deviation: float) -> Field:
    """(h, w, C) values, each place's mean of what weighs around it."""
    share = cv2.GaussianBlur(weight, (0, 0), deviation)[:, :, None]
    mixed = cv2.GaussianBlur(values * weight[:, :, None], (0, 0), deviation)
    return np.asarray(mixed / np.maximum(share, 1e-3), np.float32)


def _aside(front: _Front) -> Field:
    """(h, w, 3) what makes both sides alike: the brighter one darker, the darker one brighter."""
    both = front.weight * front.weight[:, ::-1]
    half = (front.log[:, ::-1] - front.log) / 2
    field = np.clip(half, -_MOST_ASIDE, _MOST_ASIDE) * both[:, :, None]
    return _blurred(field, np.maximum(both, 1e-3), _BLUR / 2)


def _shading(front: _Front) -> Field:
    """(h, w) log shading of the symmetric light, no stronger off soft light than is put right."""
    terms = _fit(front)
    soft = shading_of(_SOFT_LIGHT, front.normals)
    return np.asarray(soft + np.clip(shading_of(terms, front.normals) - soft, -_MOST_ABOVE, _MOST_ABOVE))


def _fit(front: _Front) -> NDArray[np.float64]:
    """(4,) the symmetric terms that explain the brightness of skin best."""
    bright = front.log.mean(axis=2).ravel().astype(np.float64)
    terms = _terms(front.normals).reshape(-1, 4)
    basis = np.column_stack([np.ones(len(terms)), terms])
    weight = front.weight.ravel().astype(np.float64)
    stiff = np.diag([1e-6, 0.01, 0.01, 0.01, 0.01]) * weight.sum()
    off = np.zeros(len(bright))
    solved = np.zeros(5)
    for _ in range(4):
        # Dark places are no skin; bright ones may be.
        believed = weight * np.exp(-((np.minimum(off, 0) / _OUTLIER) ** 2) - (np.maximum(off, 0) / 0.5) ** 2)
        weighted = basis * believed[:, None]
        solved = np.linalg.solve(weighted.T @ basis + stiff, weighted.T @ bright)
        off = bright - basis @ solved
    return np.asarray(solved[1:])


def _terms(normals: Field) -> NDArray[np.float64]:
    """(h, w, 4) the harmonics alike on both sides, each about 0 in the face's middle."""
    x, y, z = (normals[..., axis].astype(np.float64) for axis in range(3))
    return np.stack([y, z - 0.8, y * z, x * x - y * y], axis=-1)


def _feather(trust: Field, size: int) -> Field:
    """(S, S) 1 on the face, fading at its outline."""
    face = np.clip(trust * 3, 0, 1).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(face, (0, 0), size / 48))


def _without_shine(picture: Field, face: Field) -> Field:
    """(S, S, 3) the picture with its highlights pressed."""
    grey = cv2.cvtColor(np.clip(picture, 0, 1), cv2.COLOR_RGB2GRAY)
    around = cv2.GaussianBlur(grey, (0, 0), len(picture) / 40)
    over = np.clip(grey / (around + 0.02) - 1 - _SHINE, 0, 1)
    return np.asarray(picture / (1 + _SHINE_SHARE * over * face)[:, :, None], np.float32)
