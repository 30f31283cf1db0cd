"""A person's own face on their head under a drawn mask: it lies where it was."""

from __future__ import annotations

import numpy as np
import pytest

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.faces import weights
from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.laying import eye_distance
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.references.bank import ReferenceBank
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.inpainting.references.wearing import WornReference
from tests.inpainting.stand_ins.test_wearing import Head, stand_in


@pytest.fixture(scope="module")
def network() -> FaceMesh:
    return FaceMesh(OpenVINOEngine(weights.face_landmark(), 1))


def reference(index: int, origin: str = "a photo") -> Reference:
    return Reference(stand_in(index).picture, stand_in(index).points, origin)


def worn(network: FaceMesh, *references: Reference) -> WornReference:
    return WornReference(ReferenceBank(references), network)


@pytest.mark.parametrize("index", [1, 41, 54, 74])
def test_a_persons_own_face_lies_where_it_was(network: FaceMesh, index: int) -> None:
    head, own = Head(stand_in(index), network), worn(network, reference(index))
    laid = own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    assert not isinstance(laid, str)
    assert own.correlation > 0.9
    assert head.jaw_error(laid) < 0.05


def test_of_several_the_one_that_fits_is_worn(network: FaceMesh) -> None:
    head = Head(stand_in(54), network)
    own = worn(network, reference(41, "another"), reference(54, "their own"), reference(74, "another"))
    own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    assert own.reference is not None
    assert own.reference.origin == "their own"


def test_somebody_elses_face_fits_worse_than_a_photo_must(network: FaceMesh) -> None:
    head = Head(stand_in(54), network)
    for index in (1, 41, 74):
        other = worn(network, reference(index))
        other.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
        assert other.correlation < 0.87


def test_it_stays_on_a_head_that_moves_in_its_crop_and_is_drawn_there(network: FaceMesh) -> None:
    head, own = Head(stand_in(54), network), worn(network, reference(54))
    for _ in range(3):
        laid = own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    moved = np.array([[1, 0, 4.0], [0, 1, -3.0]])
    frame_points = head.points - (4, -3, 0)
    alignment = Alignment(moved, head.alignment.size, 0.0, eye_distance(head.truth))
    again = own.lay(frame_points, alignment, lambda: head.crop, head.mask, 0.04)
    assert not isinstance(laid, str)
    assert not isinstance(again, str)
    assert head.jaw_error(again) < 0.06
    drawn = own.draw(laid, head.alignment.size)
    covered = head.mask > 0.9
    assert drawn.trust[covered].mean() > 0.6
    truth = stand_in(54).picture / 255
    inside = covered & (drawn.trust > 0.9)
    assert np.abs(drawn.picture - truth)[inside].mean() < 0.02


def test_a_head_turned_too_far_refuses(network: FaceMesh) -> None:
    head = Head(stand_in(54), network)
    turned = reference(54)
    away = Reference(turned.picture, _turned(turned.points, 40.0), "from aside")
    own = worn(network, away)
    assert own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04) == "turned"


def _turned(points: np.ndarray, degrees: float) -> np.ndarray:
    middle = points.mean(axis=0)
    angle = np.radians(degrees)
    about = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    return np.asarray((points - middle) @ about.T + middle)
