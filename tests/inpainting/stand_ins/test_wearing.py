"""One stand-in on a head that wears a drawn mask, and whose truth is known: it is a stand-in itself."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.faces import weights
from stream_unmask.faces.alignment import Alignment, align
from stream_unmask.faces.laying import eye_distance, fit_rigid, visible_weights
from stream_unmask.faces.masked_mesh import masked_mesh
from stream_unmask.faces.mesh import FaceMesh, Mesh, fit_settled
from stream_unmask.inpainting.stand_ins.bank import StandIn
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.wearing import WornStandIn
from stream_unmask.video.images import as_frame

JAW = [172, 150, 176, 152, 400, 379, 397]
MASK = [234, 93, 132, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 361, 323, 454, 346, 6, 117]


@pytest.fixture(scope="module")
def network() -> FaceMesh:
    return FaceMesh(OpenVINOEngine(weights.face_landmark(), 1))


_NAMES = ("female_04", "female_92", "male_17", "male_45")


def stand_in(name: str) -> StandIn:
    bank = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    return bank[bank.names.index(f"{name}.webp")]


class Head:
    """A stand-in's face, masked, as a frame that is its own crop."""

    def __init__(self, worn: StandIn, network: FaceMesh) -> None:
        size = len(worn.picture)
        corners = worn.points[MASK, :2]
        corners = corners + 0.05 * (corners - corners.mean(axis=0))
        mask = np.zeros((size, size), np.uint8)
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
        self.mask = (cv2.GaussianBlur(mask, (0, 0), 1) / 255).astype(np.float32)
        picture = np.where(mask[..., None] > 0, (150, 190, 220), worn.picture).astype(np.uint8)
        self.crop = np.ascontiguousarray(picture.transpose(2, 0, 1) / 127.5 - 1, np.float32)
        self.truth = worn.points
        found = fit_settled(network, as_frame(picture).planes(), Mesh(worn.points, 1.0).region())
        self.points = found.points
        self.alignment = Alignment(np.eye(2, 3), size, 0.0, eye_distance(worn.points))

    def jaw_error(self, laid: np.ndarray) -> float:
        """Mean distance of jaw and chin from the truth in eye distances."""
        apart = np.linalg.norm(laid[JAW, :2] - self.truth[JAW, :2], axis=1).mean()
        return float(apart / eye_distance(self.truth))


@pytest.mark.parametrize("name", _NAMES)
def test_a_face_laid_on_itself_under_a_mask_lies_where_it_was(network: FaceMesh, name: str) -> None:
    head, worn = Head(stand_in(name), network), WornStandIn(stand_in(name), network)
    laid = worn.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    assert not isinstance(laid, str)
    assert head.jaw_error(laid) < 0.1


def test_the_masks_error_is_cancelled(network: FaceMesh) -> None:
    plain, cancelled = [], []
    for name in _NAMES:
        head, own = Head(stand_in(name), network), stand_in(name).points
        by = visible_weights(head.points, head.mask) + 1e-9
        rigid = fit_rigid(own, head.points, by)
        plain.append(head.jaw_error(rigid(own)))
        worn = masked_mesh(network, stand_in(name).picture, own, head.crop, head.mask, rigid)
        cancelled.append(head.jaw_error(fit_rigid(worn, head.points, by)(own)))
    assert np.mean(cancelled) < 0.7 * np.mean(plain)


def test_another_face_is_drawn_under_the_mask_and_nowhere_near_the_crops_rim(network: FaceMesh) -> None:
    head, worn = Head(stand_in("male_17"), network), WornStandIn(stand_in("male_45"), network)
    laid = worn.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    assert not isinstance(laid, str)
    zoom = 128 / head.alignment.size
    drawn = worn.draw(laid * zoom + ((zoom - 1) / 2, (zoom - 1) / 2, 0), 128)
    assert drawn.picture.shape == (128, 128, 3)
    outside = np.ones_like(drawn.trust, np.bool_)
    outside[drawn.box.slices] = False
    assert outside.any()
    assert drawn.trust[outside].max() == drawn.picture[outside].max() == 0
    small = drawn.shrunk(64)
    assert small.picture.shape == (64, 64, 3)
    assert abs(small.trust.mean() - drawn.trust.mean()) < 0.01
    for large, shrunk in ((drawn.picture, small.picture), (drawn.trust, small.trust)):
        wanted = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
        assert np.abs(wanted - shrunk).max() < 1e-5
    picture, _ = small.as_inputs()
    assert picture.max() <= 1
    assert np.allclose(picture[:, small.trust > 0].T, small.picture[small.trust > 0] * 2 - 1, atol=1e-6)
    assert not picture[:, small.trust == 0].any()
    covered = cv2.resize(head.mask, (128, 128), interpolation=cv2.INTER_AREA) > 0.9
    assert drawn.trust[covered].mean() > 0.6
    assert max(drawn.trust[:8].max(), drawn.trust[:, :8].max()) < 0.01
    assert 0.15 < drawn.picture[drawn.trust > 0.5].mean() < 0.9


def test_a_bare_head_refuses_and_a_masked_one_is_taken_again(network: FaceMesh) -> None:
    head, worn = Head(stand_in("male_17"), network), WornStandIn(stand_in("male_45"), network)
    bare = np.zeros_like(head.mask)
    assert worn.lay(head.points, head.alignment, lambda: head.crop, bare, 0.04) == "unmasked"
    assert not isinstance(worn.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04), str)


def test_the_crop_may_move_under_the_face(network: FaceMesh) -> None:
    head, worn = Head(stand_in("male_17"), network), WornStandIn(stand_in("male_45"), network)
    first = worn.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    moved = align(head.points, head.alignment.size).matrix
    shifted = Alignment(moved + np.array([[0, 0, 5], [0, 0, -3]]), head.alignment.size, 0.0, 1.0)
    straight = Alignment(moved, head.alignment.size, 0.0, 1.0)
    warp: dict[str, Any] = {"dsize": head.mask.shape, "borderMode": cv2.BORDER_REPLICATE}
    crop = cv2.warpAffine(head.crop.transpose(1, 2, 0), shifted.matrix, **warp).transpose(2, 0, 1)
    mask = np.asarray(cv2.warpAffine(head.mask, shifted.matrix, **warp), np.float32)
    second = worn.lay(head.points, shifted, lambda: np.ascontiguousarray(crop, np.float32), mask, 0.04)
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    back = first[:, :2] @ straight.matrix[:, :2].T + straight.matrix[:, 2] + (5, -3)
    assert np.abs(second[:, :2] - back).max() < 0.05 * eye_distance(head.truth)
