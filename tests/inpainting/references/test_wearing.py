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


def reference(name: str, origin: str = "a photo") -> Reference:
    return Reference(stand_in(name).picture, stand_in(name).points, origin)


def worn(network: FaceMesh, *references: Reference) -> WornReference:
    return WornReference(ReferenceBank(references), network)


@pytest.mark.parametrize("name", ["female_04", "female_92", "male_17", "male_45"])
def test_a_persons_own_face_lies_where_it_was(network: FaceMesh, name: str) -> None:
    head, own = Head(stand_in(name), network), worn(network, reference(name))
    assert own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04) is None
    assert own.correlation > 0.9
    assert head.jaw_error(own.points) < 0.05


def test_of_several_the_one_that_fits_is_worn(network: FaceMesh) -> None:
    head = Head(stand_in("male_17"), network)
    others = [reference(name, "another") for name in ("female_92", "male_45")]
    own = worn(network, others[0], reference("male_17", "their own"), others[1])
    own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    assert own.reference is not None
    assert own.reference.origin == "their own"


def test_somebody_elses_face_fits_worse_than_a_photo_must(network: FaceMesh) -> None:
    head = Head(stand_in("male_17"), network)
    for name in ("female_04", "female_92", "male_45"):
        other = worn(network, reference(name))
        other.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
        assert other.correlation < 0.87


def test_it_stays_on_a_head_that_moves_in_its_crop_and_is_drawn_there(network: FaceMesh) -> None:
    head, own = Head(stand_in("male_17"), network), worn(network, reference("male_17"))
    for _ in range(3):
        assert own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04) is None
    drawn = own.draw(head.alignment.size)
    covered = head.mask > 0.9
    assert drawn.trust[covered].mean() > 0.6
    truth = stand_in("male_17").picture / 255
    inside = covered & (drawn.trust > 0.9)
    assert np.abs(drawn.picture - truth)[inside].mean() < 0.02
    moved = np.array([[1, 0, 4.0], [0, 1, -3.0]])
    alignment = Alignment(moved, head.alignment.size, 0.0, eye_distance(head.truth))
    assert own.lay(head.points - (4, -3, 0), alignment, lambda: head.crop, head.mask, 0.04) is None
    assert head.jaw_error(own.points) < 0.06


def test_the_next_view_of_a_person_fades_in(network: FaceMesh) -> None:
    head, bank = Head(stand_in("male_17"), network), ReferenceBank([reference("male_45", "worse")])
    own = WornReference(bank, network)
    own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    worse = own.draw(head.alignment.size).picture
    bank.offer(reference("male_17", "better"))
    for _ in range(10):
        own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
        if own.reference is not None and own.reference.origin == "better":
            break
    mixed = own.draw(head.alignment.size)
    for _ in range(6):
        own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04)
    better = own.draw(head.alignment.size)
    inside = (head.mask > 0.9) & (better.trust > 0.9) & (mixed.trust > 0.9)
    wholly, partly = (np.abs(each - worse)[inside].mean() for each in (better.picture, mixed.picture))
    assert 0.05 * wholly < partly < 0.6 * wholly


def test_a_head_turned_too_far_refuses(network: FaceMesh) -> None:
    head = Head(stand_in("male_17"), network)
    straight = reference("male_17")
    own = worn(network, Reference(straight.picture, _turned(straight.points, 40.0), "from aside"))
    assert own.lay(head.points, head.alignment, lambda: head.crop, head.mask, 0.04) == "turned"


def _turned(points: np.ndarray, degrees: float) -> np.ndarray:
    middle = points.mean(axis=0)
    angle = np.radians(degrees)
    about = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    return np.asarray((points - middle) @ about.T + middle)
