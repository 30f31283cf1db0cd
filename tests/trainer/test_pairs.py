"""Samples are the same for the same number, and say truly where masks and the frame before lie."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from stream_unmask.synth.pairs import PairSettings, aligned
from tests.support.blocking import run_without
from trainer.clips import ClipData
from trainer.coding import squeeze
from trainer.data import Photo, RealFace
from trainer.pairs import PairData


def test_a_pair_is_the_same_for_the_same_number_and_differs_for_another(photos: list[Photo]) -> None:
    settings = PairSettings(size=128)
    one, again = (PairData(photos, settings, 3, 10)[4] for _ in range(2))
    other = PairData(photos, settings, 3, 10)[5]
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["crop"], other["crop"])


def test_real_faces_are_mixed_in_with_their_maps(photos: list[Photo]) -> None:
    face, _, _ = aligned(photos[0].picture(), photos[0].points, 256, None)
    mask = np.zeros((256, 256), np.uint8)
    mask[128:] = 255
    real = [RealFace("photo", face, mask)]
    settings = PairSettings(size=64, masked=0.0, damage=0.5)
    mixed = PairData(photos, settings, 0, 30, real=real, share=0.5)
    found = [float(mixed[number]["mask"].float().mean() / 255) for number in range(30)]
    with_map = [share for share in found if share > 0]
    assert 8 <= len(with_map) <= 22
    assert all(0.3 < share < 0.7 for share in with_map)


def test_coding_as_video_hurts_more_the_coarser_it_is(photos: list[Photo]) -> None:
    face, _, _ = aligned(photos[0].picture(), photos[0].points, 128, None)

    def error(quantizer: int) -> float:
        coded = squeeze([face, face], quantizer)
        assert [each.shape for each in coded] == [face.shape] * 2
        return float(np.abs(coded[1].astype(int) - face).mean())

    assert error(20) + 1 < error(42) < 30


def test_the_motion_brings_the_frame_before_onto_this_one(photos: list[Photo]) -> None:
    clips = ClipData(photos, PairSettings(size=128, masked=1.0, damage=0.0), 0, 80)
    inner = np.s_[..., 12:-12, 12:-12]
    gains = []
    for number in range(80):
        sample = clips[number]
        before, now = sample["before"][None].float(), sample["crop"][None].float()
        grid = functional.affine_grid(sample["motion"][None], list(before.shape), align_corners=False)
        moved = functional.grid_sample(before, grid, padding_mode="border", align_corners=False)
        left, there = (float((each - now)[inner].abs().mean()) for each in (moved, before))
        if there > 6:
            gains.append(left / there)
    # What is left is a pixel or so of unsure alignment, and a little change of light.
    assert len(gains) > 20
    assert np.median(gains) < 0.7


_LOAD = """
import numpy as np
from stream_unmask.synth.pairs import PairSettings
from tests.support.portrait import portrait
from trainer.data import Photo
from trainer.pairs import PairData

class Drawn(Photo):
    def picture(self):
        return portrait()[0]

photos = [Drawn("face", "core", b"", portrait()[1])]
print(sum(len(PairData(photos, PairSettings(size=64), 0, 12)[number]) for number in range(12)))
"""


def test_samples_are_made_on_a_machine_without_codecs_and_engines() -> None:
    assert run_without(("av", "openvino", "onnxruntime", "click"), _LOAD) == "36\n"
