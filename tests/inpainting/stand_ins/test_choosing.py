"""Choosing a stand-in: what decides, and what is never chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.faces.laying import MaskEdge, eye_distance
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.choosing import Observation, choose, may_be_a_child, observe, rank
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from tests.inpainting.stand_ins.drawn import bank, traits

SEEN = Observation(
    look=np.array([1, 0, 0, 0], np.float32),
    skin=np.array([65.0, 14.0, 17.0]),
    texture=1.0,
    yaw=0.0,
    pitch=0.0,
    length=1.85,
)
ALIKE = [0.9, 0.4, 0, 0]


def test_who_looks_alike_is_chosen() -> None:
    assert choose([SEEN], bank([traits()] * 3, [[0, 1, 0, 0], ALIKE, [0, 0, 1, 0]])) == 1


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"skin_l": 53.0}, {"skin_l": 77.0}),  # a darker one must be lightened
        ({"beard": 30.0}, {}),
        ({"stubble": 2.0}, {}),
        ({"lips": 22.0}, {}),
        ({"yaw": 30.0}, {"yaw": 5.0}),
        ({"openness": 0.12}, {}),
        ({"smile": 1.0}, {}),
        ({"texture": 4.0}, {"texture": 0.3}),
        ({"clear_left": 0.6}, {}),
        ({"uneven": 16.0}, {}),
    ],
)
def test_of_two_alike_the_safer_one_is_chosen(worse: dict[str, float], better: dict[str, float]) -> None:
    assert choose([SEEN], bank([traits(**worse), traits(**better)])) in (1, 3)


def test_a_beard_passes_where_those_who_look_alike_have_one() -> None:
    rows = [traits(beard=25.0)] * 12 + [traits()] * 12
    looks = [ALIKE] * 12 + [[0.0, 0, 1, 0]] * 12
    looks[0] = [1.0, 0, 0, 0]
    assert choose([SEEN], bank(rows, looks)) == 0


def test_of_equals_the_first_is_chosen_and_always_the_same() -> None:
    same = bank([traits()] * 5)
    assert [choose([SEEN], same) for _ in range(3)] == [0, 0, 0]


def test_a_turned_head_gets_the_side_that_turns_alike() -> None:
    turned = replace(SEEN, yaw=-20.0)
    assert choose([turned], bank([traits(yaw=20.0)])) == 1


def test_no_face_is_worn_twice_not_even_mirrored() -> None:
    three = bank([traits()] * 3)
    taken: list[int] = []
    for _ in range(3):
        chosen = choose([SEEN], three, taken)
        assert chosen is not None
        taken.append(chosen)
    assert {three.face_of(index) for index in taken} == {0, 1, 2}
    assert choose([SEEN], three, taken) is None
    assert choose([SEEN], three, [3, 1]) == 2


def test_who_fits_far_too_badly_is_not_worn() -> None:
    assert choose([SEEN], bank([traits(skin_l=10.0, beard=60.0, texture=9.0)])) is None


def test_one_odd_frame_does_not_decide() -> None:
    two = bank([traits(), traits(skin_l=40.0)])
    odd = replace(SEEN, skin=np.array([40.0, 14.0, 17.0]), yaw=60.0)
    assert choose([SEEN, odd, SEEN], two) == choose([SEEN], two)


def test_a_child_is_given_no_adults_face() -> None:
    unsure, one = replace(SEEN, look=np.array([1, 0, 0.4, 0], np.float32)), bank([traits()])
    short = replace(unsure, length=1.5)
    assert may_be_a_child([short], one.impressions)
    assert choose([short, short, unsure], one) is None
    # A mask pulled up makes a grown-up's face short.
    assert not may_be_a_child([replace(SEEN, length=1.5)], one.impressions)
    # Where the mask's edge is not seen, its length says nothing.
    unseen = replace(SEEN, length=None)
    assert not may_be_a_child([unseen], one.impressions)
    looks_young = replace(unseen, look=np.array([0.6, 0, 0.9, 0], np.float32))
    assert may_be_a_child([looks_young], one.impressions)
    assert choose([looks_young], one) is None


@pytest.mark.parametrize(("length", "expected"), [(1.7, True), (1.9, False), (None, False)])
def test_a_head_that_may_be_a_childs_is_told_by_its_proportions(length: float | None, expected: bool) -> None:
    maybe = replace(SEEN, look=np.array([1, 0, 0.6, 0], np.float32), length=length)
    assert may_be_a_child([maybe], bank([traits()]).impressions) is expected


@pytest.mark.parametrize(("sign", "chosen"), [(1.0, 1), (-1.0, 0)])
def test_no_stand_in_contradicts_the_upper_half(sign: float, chosen: int) -> None:
    faces = bank([traits(woman=-0.9), traits(woman=0.9)])
    struck = replace(SEEN, look=np.array([0.6, 0, 0, 0.8 * sign], np.float32))
    other = replace(SEEN, look=np.array([0.6, 0, 0, -0.8 * sign], np.float32))
    assert faces.face_of(rank([struck], faces)[0]) == chosen
    assert faces.face_of(rank([struck, other, struck], faces)[0]) == chosen


def test_who_strikes_as_of_about_the_same_age_is_chosen() -> None:
    # The drawn bank reads everybody as forty.
    ages = bank([traits(years=75), traits(years=47), traits(years=5)])
    assert ages.face_of(rank([SEEN], ages)[0]) == 1
    beyond = bank([traits(years=75), traits(years=5)])
    assert beyond.face_of(rank([SEEN], beyond)[0]) == 1
    # What is within the reading's own errors is no reason to pass over who comes first.
    assert choose([SEEN], bank([traits(years=48), traits(years=40)])) == 0


def test_where_nothing_can_be_told_the_face_that_tells_least_is_chosen() -> None:
    assert choose([SEEN], bank([traits(woman=0.9), traits(woman=0.2)])) in (1, 3)


@pytest.fixture(scope="module")
def describer() -> UpperFace:
    return UpperFace()


def masked(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A portrait's crop under a blue mask, (3, S, S) in [-1, 1], and the mask."""
    top, bottom = points[197, 1], points[152, 1] + 0.1 * eye_distance(points)
    rows, columns = np.mgrid[: len(picture), : len(picture)]
    sides = (columns > points[234, 0]) & (columns < points[454, 0])
    mask = ((rows > top) & (rows < bottom) & sides).astype(np.float32)
    worn = np.where(mask[..., None] > 0, (90, 150, 220), picture)
    return np.ascontiguousarray(worn.transpose(2, 0, 1) / 127.5 - 1, np.float32), mask


def test_a_masked_face_is_known_by_its_upper_half(describer: UpperFace) -> None:
    faces = bundled_stand_ins(BUNDLED_WEIGHTS)
    places, ranks = [], []
    for name in (
        "female_02.webp",
        "female_91.webp",
        "male_53.webp",
        "tpdne_000209.png",
        "tpdne_001047.png",
        "tpdne_001715.png",
        "tpdne_002607.png",
        "tpdne_003335.png",
    ):
        index = faces.names.index(name)
        worn = faces[index]
        crop, mask = masked(worn.picture, worn.points)
        seen = observe(describer, crop, worn.points, mask, MaskEdge(1.95, False))
        assert abs(seen.yaw - worn.angles.yaw) < 6
        assert seen.length == pytest.approx(1.85, abs=0.15)
        apart = ((faces.looks - faces.impressions.expected(seen.look)) ** 2).sum(axis=1)
        places.append(int(np.argsort(apart).tolist().index(index)))
        ranks.append(rank([seen], faces).tolist().index(index))
    assert np.median(places) < 3
    # Some are passed over whoever they look like: an open mouth, uneven light.
    assert np.median(ranks) < 20, ranks
