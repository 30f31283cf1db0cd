"""Made masks cover the mouth, leave the rest of the photo alone, and can be told apart by their map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE, fit_pose
from stream_unmask.synth.cartridges import draw_cartridges
from stream_unmask.synth.chart import Chart
from stream_unmask.synth.clips import make_shot
from stream_unmask.synth.distractors import bear_something, hold_something
from stream_unmask.synth.expressions import EXPRESSIONS, bend
from stream_unmask.synth.light import Light, estimate_light
from stream_unmask.synth.masks import wear
from stream_unmask.synth.overlays import draw_shield
from stream_unmask.synth.pairs import PairSettings, aligned, compose, make_pair
from stream_unmask.synth.photometric import damage
from stream_unmask.synth.shapes import draw_shape
from stream_unmask.synth.style import KINDS
from stream_unmask.synth.turning import draw_turn

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

_STILL = PairSettings(masked=1.0, damage=0.0, varied=False)


def test_a_mask_changes_the_photo_only_where_it_lies_and_casts_its_shadow(
    photo: Bytes, mesh: FloatArray
) -> None:
    face, points, yaw = aligned(photo, mesh, 256, None)
    kinds = set()
    for seed in range(30):
        worn = wear(face, points, yaw, 256 / CROP_SIDE, np.random.default_rng(seed))
        kinds.add(worn.kind)
        reach = cv2.dilate(worn.mask, np.ones((61, 61), np.uint8)) > 0
        assert np.array_equal(worn.picture[~reach], face[~reach])
        inside = worn.mask == 255
        assert np.abs(worn.picture[inside].astype(int) - face[inside]).mean() > 12
        if worn.worn == "right":
            mouth = points[[13, 14, 17]].round().astype(int)
            assert (worn.mask[mouth[:, 1], mouth[:, 0]] == 255).all()
            eyes = points[[33, 263, 159, 386]].round().astype(int)
            assert (worn.mask[eyes[:, 1], eyes[:, 0]] == 0).all()
    assert len(kinds) >= 5


def test_all_kinds_are_drawn_and_some_are_worn_wrongly() -> None:
    rng = np.random.default_rng(0)
    shapes = [draw_shape(rng) for _ in range(300)]
    assert {shape.kind for shape in shapes} == set(KINDS)
    wrong = sum(shape.worn != "right" for shape in shapes) / len(shapes)
    assert 0.15 < wrong < 0.32
    assert all(shape.top < shape.bottom for shape in shapes)


def test_faces_without_mask_have_an_empty_map_whatever_they_hold(photo: Bytes, mesh: FloatArray) -> None:
    settings = PairSettings(size=128, masked=0.0, distracted=1.0, damage=0.0)
    for seed in range(8):
        pair = compose(photo, mesh, np.random.default_rng(seed), settings)
        assert pair.mask.max() == 0
        assert np.array_equal(pair.crop, pair.truth)


def test_crops_from_anywhere_show_no_mask_and_are_not_all_the_face(photo: Bytes, mesh: FloatArray) -> None:
    settings = PairSettings(size=64, masked=1.0, faceless=1.0, damage=0.0)
    pairs = [make_pair(photo, mesh, np.random.default_rng(seed), settings) for seed in range(12)]
    assert all(pair.mask.max() == 0 for pair in pairs)
    face, _, _ = aligned(photo, mesh, 64, None)
    likeness = [np.corrcoef(pair.crop.ravel(), face.ravel())[0, 1] for pair in pairs]
    assert np.median(likeness) < 0.5
    assert make_pair(photo, mesh, np.random.default_rng(0), PairSettings(size=64, masked=1.0)).mask.max() > 0


def test_things_held_are_drawn_where_they_are_said_to_be(photo: Bytes, mesh: FloatArray) -> None:
    face, points, _ = aligned(photo, mesh, 256, None)
    for seed in range(12):
        picture = face.copy()
        area = hold_something(picture, points, 256 / CROP_SIDE, np.random.default_rng(seed))
        assert (area > 0).mean() > 0.005
        assert np.array_equal(picture[area == 0], face[area == 0])


def test_beards_and_collars_change_the_face_and_are_no_mask(photo: Bytes, mesh: FloatArray) -> None:
    face, points, _ = aligned(photo, mesh, 256, None)
    for seed in range(8):
        picture = face.copy()
        bear_something(picture, points, 256 / CROP_SIDE, np.random.default_rng(seed))
        changed = (picture != face).any(2)
        assert changed.mean() > 0.01
        assert not changed[: int(points[1, 1])].all(1).any()


def test_the_light_on_a_mask_comes_from_where_it_comes_on_the_face(photo: Bytes, mesh: FloatArray) -> None:
    _, points, _ = aligned(photo, mesh, 256, None)
    face = np.full((256, 256, 3), (205, 160, 140), np.uint8)
    fall = np.linspace(1.0, 0.3, 256)[None, :, None]
    lit_left, lit_right = ((face * side).astype(np.uint8) for side in (fall, fall[:, ::-1]))
    towards = [estimate_light(each, points).far[0] for each in (lit_left, lit_right)]
    assert towards[0] < -0.1 < 0.1 < towards[1]
    slopes = np.zeros((1, 2, 2), np.float32)
    slopes[0, :, 0] = 1.0, -1.0  # rises to the right: it faces left
    shade = estimate_light(lit_left, points).shade(slopes, 1.0)
    assert shade[0, 0] > shade[0, 1] + 0.1


def test_damage_without_strength_still_keeps_the_picture(photo: Bytes, mesh: FloatArray) -> None:
    face, _, _ = aligned(photo, mesh, 128, None)
    for seed in range(12):
        (hurt,) = damage([face], np.random.default_rng(seed), 0.2)
        assert hurt.shape == face.shape
        assert np.abs(hurt.astype(int) - face).mean() < 12


def test_truth_is_the_photo_as_the_product_would_cut_it(photo: Bytes, mesh: FloatArray) -> None:
    pair = make_pair(photo, mesh, np.random.default_rng(1), _STILL)
    assert np.array_equal(pair.truth, aligned(photo, mesh, 256, None)[0])


def test_an_open_mouth_lowers_the_chin_and_a_mask_follows_in_part(photo: Bytes, mesh: FloatArray) -> None:
    _, points, _ = aligned(photo, mesh, 256, None)
    opened = np.array([1.0 * (name == "open") for name in EXPRESSIONS], np.float32)
    bare, masked = (bend(opened, points, 256, 256 / CROP_SIDE, worn) for worn in (False, True))
    assert bare is not None
    assert masked is not None
    x, y = points[17].round().astype(int)
    # What is seen at the lower lip now lay higher before.
    assert bare[y, x, 1] < 2 * masked[y, x, 1] < 0
    assert np.abs(bare[:80]).max() < 0.5
    assert bend(0 * opened, points, 256, 256 / CROP_SIDE, False) is None


def test_a_shot_ends_with_the_photo_and_has_a_truth_for_each_frame(photo: Bytes, mesh: FloatArray) -> None:
    settings = PairSettings(size=128, masked=1.0, distracted=0.0, damage=0.0, varied=False)
    shot = make_shot(photo, mesh, np.random.default_rng(3), settings, frames=4)
    assert len(shot.frames) == 4
    assert len(shot.motions) == 3
    for frame in shot.frames:
        assert frame.mask.max() > 200
        apart = np.abs(frame.crop.astype(int) - frame.truth).mean(2)
        assert (
            apart[frame.mask > 250].mean() > 4 * apart[cv2.dilate(frame.mask, np.ones((25, 25))) == 0].mean()
        )


def test_a_turned_head_is_turned_by_as_much_and_its_picture_goes_with_its_points(
    photo: Bytes, mesh: FloatArray
) -> None:
    picture, points = photo.copy(), mesh
    # A mark at each eye's outer corner and on the nose: where the points go, the marks must lie.
    spots = [33, 263, 4]
    for spot in spots:
        cv2.circle(picture, points[spot].round().astype(int).tolist(), 6, (0, 255, 0), -1)
    before = fit_pose(points).yaw
    for seed in range(6):
        turn = draw_turn(points, picture.shape[0], np.random.default_rng(seed))
        assert turn is not None
        pose = fit_pose(turn.points)
        assert 5 < abs(pose.yaw - before) < 32
        matrix = pose.alignment(256).matrix
        crop = turn.crop(picture, matrix, 256)
        for x, y in (turn.points[spots] @ matrix[:, :2].T + matrix[:, 2]).round().astype(int):
            assert crop[y, x].tolist()[1] - int(crop[y, x, 0]) > 100


def test_a_head_that_is_turned_far_stays_as_it_is(photo: Bytes, mesh: FloatArray) -> None:
    once = draw_turn(mesh, 256, np.random.default_rng(0))
    assert once is not None
    points = once.points
    for seed in range(12):
        further = draw_turn(points, 256, np.random.default_rng(seed))
        points = points if further is None else further.points
    assert 34 < abs(fit_pose(points).yaw) < 46


def test_now_and_then_a_pair_has_lost_its_colour_before_it_was_hurt(photo: Bytes, mesh: FloatArray) -> None:
    settings = PairSettings(size=64, damage=0.0)
    pairs = [make_pair(photo, mesh, np.random.default_rng(seed), settings) for seed in range(150)]
    crops, truths = (
        [np.ptp(picture.astype(int), axis=2).max() == 0 for picture in pictures]
        for pictures in zip(*((pair.crop, pair.truth) for pair in pairs), strict=True)
    )
    assert 1 <= sum(truths) <= 10
    assert crops == truths


def test_what_is_before_a_mask_is_not_in_its_map_and_a_clear_shield_hides_nothing(
    photo: Bytes, mesh: FloatArray
) -> None:
    face, points, _ = aligned(photo, mesh, 256, None)
    unit, rng = 256 / CROP_SIDE, np.random.default_rng(4)
    crop, truth = draw_shield(face, face, points, unit, rng)
    assert np.array_equal(crop, truth)
    assert 2 < np.abs(crop.astype(int) - face).mean() < 60
    settings = PairSettings(masked=1.0, distracted=1.0, damage=0.0)
    alone = PairSettings(masked=1.0, distracted=0.0, damage=0.0)
    maps = [
        np.mean([compose(photo, mesh, np.random.default_rng(seed), each).mask.mean() for seed in range(40)])
        for each in (settings, alone)
    ]
    assert maps[0] < maps[1]


def test_filters_of_a_respirator_lie_at_its_sides_and_in_its_map(photo: Bytes, mesh: FloatArray) -> None:
    _, points, _ = aligned(photo, mesh, 256, None)
    chart = Chart.of(points, 256, 256 / CROP_SIDE)
    rng = np.random.default_rng(0)
    shape = next(shape for shape in iter(lambda: draw_shape(rng), None) if shape.kind == "elastomeric")
    body = np.zeros((256, 256), np.uint8)
    light = Light(1.0, np.array([0.0, 0.0, 0.5], np.float32))
    colour = np.full(3, 120.0, np.float32)
    for yaw in (-40.0, 0.0, 40.0):
        _, area = draw_cartridges(shape, body, colour, chart, yaw, light, 1.0, np.random.default_rng(1))
        x = np.flatnonzero(area.any(0)) - points[4, 0]
        assert x.min() < -20
        assert x.max() > 20
        assert area[:90].max() == 0
