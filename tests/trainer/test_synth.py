"""Made masks cover the mouth, leave the rest of the photo alone, and can be told apart by their map."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn import functional

from trainer.data import Photo
from trainer.synth.clips import ClipData
from trainer.synth.distractors import hold_something
from trainer.synth.masks import wear
from trainer.synth.pairs import CROP_IN_EYES, PairData, PairSettings, aligned, make_pair
from trainer.synth.shapes import KINDS, draw_shape

_STILL = PairSettings(masked=1.0, damage=0.0, varied=False)


def test_a_mask_changes_the_photo_only_where_it_lies_and_casts_its_shadow(photos: list[Photo]) -> None:
    face, points, yaw = aligned(photos[0], 256, None)
    kinds = set()
    for seed in range(40):
        worn = wear(face, points, yaw, 256 / CROP_IN_EYES, np.random.default_rng(seed))
        kinds.add(worn.kind)
        reach = cv2.dilate(worn.map, np.ones((61, 61), np.uint8)) > 0
        assert np.array_equal(worn.picture[~reach], face[~reach])
        inside = worn.map == 255
        assert np.abs(worn.picture[inside].astype(int) - face[inside]).mean() > 12
        if worn.worn == "right":
            mouth = points[[13, 14, 17]].round().astype(int)
            assert (worn.map[mouth[:, 1], mouth[:, 0]] == 255).all()
            eyes = points[[33, 263, 159, 386]].round().astype(int)
            assert (worn.map[eyes[:, 1], eyes[:, 0]] == 0).all()
    assert len(kinds) >= 5


def test_all_kinds_are_drawn_and_some_are_worn_wrongly() -> None:
    rng = np.random.default_rng(0)
    shapes = [draw_shape(rng) for _ in range(300)]
    assert {shape.kind for shape in shapes} == set(KINDS)
    wrong = sum(shape.worn != "right" for shape in shapes) / len(shapes)
    assert 0.15 < wrong < 0.32
    assert all(shape.top < shape.bottom for shape in shapes)


def test_a_pair_is_the_same_for_the_same_number_and_differs_for_another(photos: list[Photo]) -> None:
    settings = PairSettings(size=128)
    one, again = (PairData(photos, settings, 3, 10)[4] for _ in range(2))
    other = PairData(photos, settings, 3, 10)[5]
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["crop"], other["crop"])


def test_faces_without_mask_have_an_empty_map_whatever_they_hold(photos: list[Photo]) -> None:
    settings = PairSettings(size=128, masked=0.0, distracted=1.0, damage=0.0)
    for seed in range(8):
        pair = make_pair(photos[0], settings, np.random.default_rng(seed))
        assert pair.map.max() == 0
        assert np.array_equal(pair.crop, pair.truth)


def test_things_held_are_drawn_where_they_are_said_to_be(photos: list[Photo]) -> None:
    face, points, _ = aligned(photos[0], 256, None)
    for seed in range(12):
        picture = face.copy()
        area = hold_something(picture, points, 256 / CROP_IN_EYES, np.random.default_rng(seed))
        assert (area > 0).mean() > 0.005
        assert np.array_equal(picture[area == 0], face[area == 0])


def test_truth_is_the_photo_as_the_product_would_cut_it(photos: list[Photo]) -> None:
    pair = make_pair(photos[0], _STILL, np.random.default_rng(1))
    assert np.array_equal(pair.truth, aligned(photos[0], 256, None)[0])


def test_the_motion_brings_the_frame_before_onto_this_one(photos: list[Photo]) -> None:
    clips = ClipData(photos, PairSettings(size=256, masked=1.0, damage=0.0), 0, 40)
    inner = np.s_[..., 24:-24, 24:-24]
    gains = []
    for number in range(40):
        sample = clips[number]
        before, now = sample["before"][None].float(), sample["crop"][None].float()
        grid = functional.affine_grid(sample["motion"][None], list(before.shape), align_corners=False)
        moved = functional.grid_sample(before, grid, padding_mode="border", align_corners=False)
        left, there = (float((each - now)[inner].abs().mean()) for each in (moved, before))
        if there > 8:
            gains.append(left / there)
    # What is left is a pixel or so of unsure alignment, and a little change of light.
    assert len(gains) > 5
    assert np.median(gains) < 0.65
