"""The evaluation measures what it says, and the same every time."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from skimage.data import astronaut
from torchmetrics.functional.image import structural_similarity_index_measure

from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.cli.main import cli
from stream_unmask.errors import UnmaskError
from trainer.about import describe
from trainer.checkpoint import LAST, write_checkpoint
from trainer.data import Photo
from trainer.evaluation.contestants import Contestant, MeanFace, NetworksContestant, Telea
from trainer.evaluation.heldout import HeldOut, held_out, native_sides, skin_tone
from trainer.evaluation.identity import _FIVE, Recogniser, _placed
from trainer.evaluation.measures import blend, iou_and_f1, psnr, slope, ssim_map
from trainer.evaluation.perceptual import lacking
from trainer.evaluation.real import read_real, score_real
from trainer.evaluation.runs import trained, trained_generator
from trainer.evaluation.score import score
from trainer.evaluation.steadiness import flicker, light_spreads, warping_errors
from trainer.evaluation.wasserstein import sliced_wasserstein
from trainer.networks.generator import LightGenerator
from trainer.networks.segmenter import UNetSegmenter
from trainer.recipes import RECIPES

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]


class _Knowing(Contestant):
    """Paints the truth, which it was told; with ``error`` added, and ``jitter`` that changes each time."""

    name = "knowing"

    def __init__(self, faces: list[HeldOut], error: float = 0.0, jitter: float = 0.0) -> None:
        self._truths = np.stack([face.truth for face in faces]).astype(np.float32)
        self._error = error
        self._jitter = jitter

    def paint(self, crops: Bytes, masks: FloatArray) -> FloatArray:
        self._error += self._jitter
        self._jitter = -self._jitter
        return self._truths[: len(crops)] + np.float32(self._error)


@pytest.fixture(scope="module")
def faces(photos: list[Photo]) -> list[HeldOut]:
    return list(held_out(photos))


def test_the_test_is_the_same_every_time(photos: list[Photo], faces: list[HeldOut]) -> None:
    again = list(held_out(photos))
    assert all(np.array_equal(one.crop, other.crop) for one, other in zip(faces, again, strict=True))
    assert not np.array_equal(faces[0].mask, faces[1].mask)
    assert np.array_equal(faces[0].crop[~faces[0].inside][:100], faces[0].truth[~faces[0].inside][:100])


def test_a_perfect_patch_makes_the_blend_perfect(faces: list[HeldOut]) -> None:
    face = faces[0]
    done = blend(face.crop, (face.mask / 255).astype(np.float32), face.truth.astype(np.float32))
    assert psnr(done, face.truth, face.inside) > 45
    assert psnr(face.crop, face.truth, face.inside) < 30


def test_who_knows_the_truth_scores_best(faces: list[HeldOut]) -> None:
    perfect, near = (score(_Knowing(faces, error), faces) for error in (0.0, 8.0))
    assert perfect.photos == len(faces)
    assert perfect.figures["inside"] > 70
    assert near.figures["inside"] == pytest.approx(20 * np.log10(255 / 8), abs=0.01)
    assert perfect.figures["sharpness"] == pytest.approx(1, abs=1e-3)
    assert perfect.figures["ssim_inside"] > near.figures["ssim_inside"]
    assert perfect.figures["swd"] < score(Telea(), faces).figures["swd"]
    assert abs(perfect.figures["older"]) < 2
    assert perfect.figures.get("other_sex", 0) == 0
    assert "iou" not in perfect.figures
    assert "false_alarms" not in perfect.figures


def test_the_baselines_are_what_they_say(photos: list[Photo], faces: list[HeldOut]) -> None:
    # The mean of one face is that face.
    assert score(MeanFace(photos), faces).figures["inside"] > 45
    assert 5 < score(Telea(), faces).figures["inside"] < 30


def test_groups_are_means_over_their_photos(photos: list[Photo]) -> None:
    faces = list(held_out(photos, {photos[0].key: 300.0}))
    assert faces[0].groups["size"] == "256-512 px"
    assert faces[1].groups["size"] == "unknown"
    marked = [replace(face, groups={"half": str(number)}) for number, face in enumerate(faces)]
    whole = score(Telea(), marked)
    parts = [whole.groups[f"half: {number}"]["inside"] for number in range(2)]
    assert np.mean(parts) == pytest.approx(whole.figures["inside"])


def test_sizes_come_from_the_shards(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "some-000.tar", "w") as shard:
        for name, data in (("a.json", b'{"native_side": 700.5}'), ("b.json", b"{}"), ("c.jpg", b"")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            shard.addfile(entry, io.BytesIO(data))
    assert native_sides(tmp_path, "some") == {"a": 700.5}


def test_skin_tones_go_from_light_to_dark(photos: list[Photo]) -> None:
    def tone(colour: tuple[int, int, int]) -> str:
        return skin_tone(np.full((256, 256, 3), colour, np.uint8), photos[0].points)

    tones = [
        tone(colour)
        for colour in ((244, 219, 200), (220, 180, 150), (180, 130, 95), (90, 60, 45), (45, 30, 24))
    ]
    assert tones == ["very light", "light", "tan", "dark", "dark"]


def test_similarity_is_that_of_torchmetrics() -> None:
    rng = np.random.default_rng(0)
    one = np.asarray(astronaut()[:96, :96], np.uint8)
    other = np.clip(one + rng.normal(0, 20, one.shape), 0, 255).astype(np.uint8)
    tensors = [torch.from_numpy(each).permute(2, 0, 1)[None].float() for each in (other, one)]
    ssim: Any = structural_similarity_index_measure
    _, wanted = ssim(*tensors, data_range=255.0, return_full_image=True)
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(ssim_map(other, one)[inner], wanted[0].mean(0).numpy()[inner], atol=1e-4)


def test_overlap_of_areas() -> None:
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    one[:2], other[1:3] = True, True
    assert iou_and_f1(one, other) == pytest.approx((1 / 3, 1 / 2))
    assert iou_and_f1(one & False, other & False) == (0, 0)


def test_a_blur_has_less_slope() -> None:
    photo = np.asarray(astronaut()[:64, :64], np.uint8)
    everywhere = np.ones((64, 64), bool)
    assert slope(cv2.GaussianBlur(photo, (0, 0), 2), everywhere) < 0.8 * slope(photo, everywhere)  # type: ignore[arg-type]


def test_the_distance_grows_with_the_blur() -> None:
    photo: Bytes = astronaut()
    real = [photo[place : place + 128, 100:228] for place in range(0, 128, 16)]
    blurs = [
        sliced_wasserstein([cv2.GaussianBlur(each, (0, 0), blur) for each in real], real)  # type: ignore[misc]
        for blur in (0.7, 3)
    ]
    assert sliced_wasserstein(real, real) == 0
    assert 0 < blurs[0] < blurs[1]


def test_flicker_is_seen(faces: list[HeldOut]) -> None:
    assert flicker(_Knowing(faces, 4.0), faces[0], 6) == 0
    assert flicker(_Knowing(faces, 0.0, jitter=6.0), faces[0], 6) == pytest.approx(6)


def test_a_patch_that_does_not_follow_the_face_has_a_warping_error(faces: list[HeldOut]) -> None:
    still, _ = warping_errors(_Knowing(faces), faces[0])
    shaking, truth = warping_errors(_Knowing(faces, 0.0, jitter=20.0), faces[0])
    assert shaking > still > 0
    assert truth > 0


def test_a_face_that_does_not_follow_the_light_is_not_constant(faces: list[HeldOut]) -> None:
    fixed, truth = light_spreads(_Knowing(faces), faces[0])
    breathing, _ = light_spreads(_Knowing(faces, -15.0, jitter=30.0), faces[0])
    assert truth < 0.1
    assert truth < fixed < breathing


def _recogniser(path: Path, *, flat: bool) -> Path:
    """A network that takes the mean colours of 16 squares for who somebody is."""
    pooled = onnx.helper.make_node(
        "AveragePool", ["face"], ["pooled"], kernel_shape=[28, 28], strides=[28, 28]
    )
    last = onnx.helper.make_node("Flatten" if flat else "Identity", ["pooled"], ["who"])
    face = onnx.helper.make_tensor_value_info("face", onnx.TensorProto.FLOAT, ["n", 3, 112, 112])
    who = onnx.helper.make_tensor_value_info("who", onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph([pooled, last], "recogniser", [face], [who])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


def test_a_recogniser_of_ones_own_tells_how_alike_faces_stay(faces: list[HeldOut], tmp_path: Path) -> None:
    recogniser = Recogniser(_recogniser(tmp_path / "own.onnx", flat=True))
    alike, masked = (
        score(contestant, faces, recogniser).figures["identity"] for contestant in (_Knowing(faces), Telea())
    )
    assert alike == pytest.approx(1, abs=1e-3)
    assert masked < alike - 0.001


@pytest.mark.parametrize(("wrong", "said"), [("text", "no face recogniser in ONNX"), ("map", "no vector")])
def test_what_is_no_recogniser_is_refused(wrong: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_text("text") if wrong == "text" else _recogniser(path, flat=False)
    with pytest.raises(UnmaskError, match=said):
        Recogniser(path)


def test_recognisers_get_faces_as_they_want_them(photos: list[Photo], faces: list[HeldOut]) -> None:
    five = np.array([(33, 133), (263, 362), (1, 1), (61, 61), (291, 291)])
    placed = cv2.transform(faces[0].points[None, :, :2].astype(np.float64), _placed(faces[0].points))[0]
    np.testing.assert_allclose(placed[five].mean(axis=1), _FIVE, atol=6)


def test_why_a_measure_is_not_taken_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason() -> str:
        lacking.cache_clear()
        return lacking()["lpips"]

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    package = tmp_path / "torchvision.py"
    package.write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert reason() == f"alexnet-owt-7be5be79.pth is not in {tmp_path / 'hub' / 'checkpoints'}"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth").touch()
    assert reason() == "the package torchvision does not work here (operator torchvision::nms does not exist)"
    lacking.cache_clear()


def _run(folder: Path, recipe: str) -> Path:
    """What a training leaves, as far as an evaluation needs it."""
    torch.manual_seed(3)
    network = RECIPES[recipe].architecture()
    describe(folder / recipe, recipe, 64, [])
    write_checkpoint({"averaged": network.state_dict()}, folder / recipe / LAST)
    return folder / recipe


def test_runs_are_measured_without_export(faces: list[HeldOut], tmp_path: Path) -> None:
    crops = np.stack([face.crop for face in faces])
    bundled = NetworksContestant.exported(BUNDLED_WEIGHTS, 1)
    masks = bundled.find(crops)
    for recipe in ("segmenter", "painter", "cyclegan"):
        contestant = trained(_run(tmp_path, recipe), 1)
        assert contestant.name == recipe
        found, painted = contestant.find(crops), contestant.paint(crops, masks)
        assert found.shape == (2, 256, 256)
        assert painted.shape == (2, 256, 256, 3)
        assert np.array_equal(found, masks) == (recipe != "segmenter")
        assert np.array_equal(painted, bundled.paint(crops, masks)) == (recipe == "segmenter")


def test_runs_that_cannot_be_measured_are_said(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="does not inpaint faces"):
        trained(_run(tmp_path, "encoder"))
    with pytest.raises(UnmaskError, match="not the folder of a training run"):
        trained(tmp_path)


def test_people_who_are_trained_on_are_left_out_and_the_others_keep_their_masks(photos: list[Photo]) -> None:
    known, unknown = replace(photos[0], set="val_diverse", key="103099"), photos[1]
    all_of_them = list(held_out(photos))
    (left,) = held_out([known, unknown])
    assert np.array_equal(left.mask, all_of_them[1].mask)
    assert len(list(held_out([replace(known, set="mine"), unknown]))) == 2


def test_a_segmenter_is_measured_at_the_side_that_it_learnt_at(tmp_path: Path) -> None:
    sides = []

    def forward(_self: UNetSegmenter, crop: torch.Tensor) -> torch.Tensor:
        sides.append(crop.shape[-1])
        return crop[:, :1]

    contestant = trained(_run(tmp_path, "segmenter"), 1)
    with patch.object(UNetSegmenter, "forward", forward):
        assert contestant.find(np.zeros((1, 256, 256, 3), np.uint8)).shape == (1, 256, 256)
    assert sides == [64]


def test_a_run_is_read_without_what_it_was_trained_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path, "release")
    for part in ("find_perceptual", "patch_critics"):
        monkeypatch.setattr(f"trainer.recipes.release.{part}", lambda *_: pytest.fail("not needed"))
    assert isinstance(trained_generator(run), LightGenerator)


def test_the_commands_write_figures_and_pictures(shards: Path, tmp_path: Path) -> None:
    common = ["--data", str(shards), "--weights", str(BUNDLED_WEIGHTS)]
    picture, sheet, figures = (tmp_path / name for name in ("picture.png", "sheet.png", "figures.json"))
    done = CliRunner().invoke(cli, ["crops", *common, "--count", "1", "-o", str(picture)])
    assert done.exit_code == 0, done.output
    shown = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (256, 5 * 256, 3)
    asked = ["--limit", "1", "--frames", "2", "--groups", "--json", str(figures), "--picture", str(sheet)]
    done = CliRunner().invoke(cli, ["evaluate", *common, *asked])
    assert done.exit_code == 0, done.output
    assert "mean face" in done.output
    assert "…" not in done.output  # every figure can be read
    written = json.loads(figures.read_text())
    assert set(written["contestants"]) == {"bundled default", "mean face", "Telea"}
    own = written["contestants"]["bundled default"]
    assert set(own["sets"]) == {"val_core", "val_extra_ai", "val_extra_nc", "val_diverse"}
    assert {"iou", "whole", "inside", "swd", "false_alarms", "older"} <= set(
        own["sets"]["val_core"]["figures"]
    )
    assert own["steadiness"]["warping_truth"] > 0
    assert own["steadiness"]["constancy"] > own["steadiness"]["constancy_truth"] > 0
    assert sheet.stat().st_size > 10_000
    assert all(f"{measure} was not measured" in done.output for measure in lacking())


def test_two_folders_of_one_name_are_told_apart(shards: Path, tmp_path: Path) -> None:
    one, other = (tmp_path / name / "mine" for name in ("a", "b"))
    for each in (one, other):
        each.parent.mkdir()
        each.symlink_to(BUNDLED_WEIGHTS)
    asked = ["evaluate", "--data", str(shards), "--set", "val_core", "--no-baselines", "--limit", "1"]
    pair = [
        "--weights",
        str(one),
        "--weights",
        str(other),
        "--frames",
        "0",
        "--json",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(cli, [*asked, *pair])
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "out").read_text())["contestants"]
    assert set(figures) == {str(one), str(other)}
    assert figures[str(one)] == figures[str(other)]
    assert f"{one} on 2 faces of val_core" not in done.output
    assert f"{one} on 1 faces of val_core" in done.output


def test_real_photos_are_unmasked_and_looked_at_again(faces: list[HeldOut], tmp_path: Path) -> None:
    note = b'{"det": [[60, 30, 140, 190]]}'
    with tarfile.open(tmp_path / "real.tar", "w") as shard:
        for key, picture in (("masked", faces[0].crop), ("bare", faces[0].truth)):
            _, coded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            for name, data in (
                (f"{key}.png", coded.tobytes()),
                (f"{key}.json", note),
            ):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))
    photos = read_real(tmp_path / "real.tar")
    assert [photo.boxes for photo in photos] == [((60, 30, 200, 220),)] * 2
    result, shown = score_real(BUNDLED_WEIGHTS, photos, 1)
    assert (result.photos, result.faces) == (2, 2)
    assert result.found == 0.5
    assert (result.gone, result.still) == (1, 1)
    assert shown.shape == (192, 3 * 192, 3)
    with pytest.raises(UnmaskError, match="no photo"):
        read_real(tmp_path)
