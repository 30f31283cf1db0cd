"""A folder of photos becomes masked photos, their masks, and what there is to say of each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.clips import portrait
from stream_unmask.cli.data import data
from stream_unmask.errors import UnmaskError
from stream_unmask.output.pictures import write_image
from stream_unmask.synth.style import MaskStyle
from stream_unmask.video.images import read_image
from trainer.packing.masked import mask_photos


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with a face, one of the same name, one in a folder inside, one without a face, one broken."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "inside").mkdir()
    for name in ("one.png", "one.jpg", "inside/two.jpg"):
        write_image(folder / name, portrait(320))
    write_image(folder / "sky.png", np.full((200, 200, 3), 180, np.uint8))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_each_photo_gets_its_masked_pictures(folder: Path, tmp_path: Path) -> None:
    done = mask_photos(folder, tmp_path, count=2, seed=3, style=MaskStyle(kind="surgical", worn="right"))
    assert (done.made, done.kept, set(done.left_out)) == (6, 0, {"sky", "broken"})
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    stems = ("one.jpg-0", "one.jpg-1", "one.png-0", "one.png-1", "inside/two-0", "inside/two-1")
    assert names == {stem + end for stem in stems for end in (".png", ".mask.png", ".json")}
    bare = read_image(folder / "one.png").pixels
    masked, mask = (read_image(tmp_path / f"one.png-0{end}").pixels for end in (".png", ".mask.png"))
    (face,) = json.loads((tmp_path / "one.png-0.json").read_text())["faces"]
    assert (face["kind"], face["worn"]) == ("surgical", "right")
    left, top, right, bottom = face["box"]
    assert (mask[top:bottom, left:right] > 0).any()
    assert mask.sum() == mask[top:bottom, left:right].sum()
    assert np.abs(masked[mask[..., 0] == 255].astype(int) - bare[mask[..., 0] == 255]).mean() > 12
    assert np.array_equal(masked[:40], bare[:40])


def test_an_interrupted_run_goes_on_and_a_seed_means_the_same_masks(folder: Path, tmp_path: Path) -> None:
    mask_photos(folder / "inside", tmp_path / "all", count=2, seed=1)
    mask_photos(folder / "inside", tmp_path / "twice", count=1, seed=1)
    done = mask_photos(folder / "inside", tmp_path / "twice", count=2, seed=1)
    assert (done.made, done.kept) == (1, 1)
    for path in (tmp_path / "all").iterdir():
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()


def test_what_was_made_is_not_taken_for_photos(folder: Path, tmp_path: Path) -> None:
    photos = shutil.copytree(folder / "inside", tmp_path / "photos")
    mask_photos(photos, photos / "masked")
    assert mask_photos(photos, photos / "masked").made == 0


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="No photos lie in"):
        mask_photos(tmp_path, tmp_path / "out")


def test_the_command_says_what_it_made_and_left_out(folder: Path, tmp_path: Path) -> None:
    arguments = ["synthesise", str(folder), "-o", str(tmp_path / "out"), "--jpeg", "--kind", "n95"]
    result = CliRunner().invoke(data, arguments)
    assert result.exit_code == 0, result.output
    assert "3 masked pictures" in result.output
    assert "left out: sky" in result.output
    assert cv2.imdecode(np.fromfile(tmp_path / "out" / "inside" / "two-0.jpg", np.uint8), 1) is not None
    wrong = CliRunner().invoke(data, [*arguments[:4], "--kind", "scarf", "--worn", "dangling"])
    assert wrong.exit_code == 2
    assert "never dangling" in wrong.output
