"""Photos become shards that the trainer reads; bad ones are named, doubles dropped, people kept apart."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from benchmarks.clips import astronaut, find_mesh
from stream_unmask.cli.data import data
from stream_unmask.errors import UnmaskError
from stream_unmask.faces.mesh import Mesh
from stream_unmask.output.pictures import write_image
from trainer.data import read_photos
from trainer.packing import pack as packing
from trainer.packing.finding import FaceFinder, cut
from trainer.packing.identities import FOLDERS, identities, is_held_out
from trainer.packing.pack import PackSettings, pack
from trainer.packing.portrait import UnfitError, Wishes, fingerprint, portrait, square
from trainer.packing.pseudo_labels import is_sure, pseudo_labelled
from trainer.packing.shards import Duplicates, ShardWriter

Bytes = NDArray[np.uint8]


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A face, the same face as another file, and what cannot be used."""
    place = tmp_path / "photos"
    (place / "anna").mkdir(parents=True)
    (place / "bert").mkdir()
    face = astronaut(512)
    write_image(place / "anna" / "a.png", face)
    write_image(place / "anna" / "b.jpg", face)
    write_image(place / "bert" / "sky.png", np.full((96, 128, 3), (90, 120, 200), np.uint8))
    (place / "bert" / "broken.jpg").write_bytes(b"not a picture")
    return place


def test_a_folder_becomes_shards_and_what_was_left_out_is_named(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "shards"
    arguments = [str(folder), "-o", str(output), "--ids", "folders", "--held-out", "0", "--workers", "1"]
    done = CliRunner().invoke(data, ["pack", *arguments], catch_exceptions=False)
    assert "faces: 1 faces of 1 people" in done.output
    (photo,) = read_photos(output, ["faces"])
    assert photo.picture().shape == (256, 256, 3)
    # The mesh lies on the face: the eyes level, at their usual place in such a crop.
    eyes = photo.points[[33, 133, 263, 362]].reshape(2, 2, 2).mean(1)
    assert abs(eyes[0, 1] - eyes[1, 1]) < 3
    assert 50 < eyes[1, 0] - eyes[0, 0] < 80
    with tarfile.open(output / "faces-000.tar") as shard:
        file = shard.extractfile("000000.json")
        assert file is not None
        notes = json.load(file)
    assert (notes["id"], notes["set"]) == ("anna", "faces")
    left_out = dict(line.split("\t") for line in (output / "faces-left-out.txt").read_text().splitlines())
    assert left_out == {
        "anna/b.jpg": "seen before",
        "bert/broken.jpg": "not a picture that can be read",
        "bert/sky.png": "no face",
    }
    assert sorted(path.name for path in output.iterdir()) == ["faces-000.tar", "faces-left-out.txt"]
    with pytest.raises(UnmaskError, match="already"):
        pack(folder, output, PackSettings("faces"), lambda done, of: None)


def test_an_interrupted_run_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_BUNCH", 2)
    output = tmp_path / "shards"

    def stop(done: int, of: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(folder, output, PackSettings("faces"), stop)
    assert not list(output.glob("*.tar"))
    begun = {path: path.stat().st_mtime_ns for path in (output / ".faces-bunches").glob("*.tar")}
    assert begun
    with pytest.raises(UnmaskError, match="other photos or settings"):
        pack(folder, output, PackSettings("faces", wishes=Wishes(size=128)), lambda done, of: None)
    first: list[int] = []
    packed = pack(folder, output, PackSettings("faces", held_out=0.0), lambda done, of: first.append(done))
    assert first[0] >= 2
    assert packed.faces == {"faces": 1, "val_faces": 0}
    assert sum(packed.left_out.values()) == 3


def test_a_full_disk_and_a_name_for_no_set_are_said(folder: Path, tmp_path: Path) -> None:
    bunches = tmp_path / "shards" / ".faces-bunches"
    bunches.mkdir(parents=True)
    (bunches / ".000000000.part.tar").symlink_to("/dev/full")
    with pytest.raises(UnmaskError, match="No space left.*is kept"):
        pack(folder, tmp_path / "shards", PackSettings("faces"), lambda done, of: None)
    for name in ("val_faces", "a/b", ".hidden", ""):
        refused = CliRunner().invoke(data, ["pack", str(folder), "-o", str(tmp_path), "--name", name])
        assert refused.exit_code == 2
        assert "use letters, digits" in refused.output


def test_only_good_faces_pass(finder: FaceFinder, tmp_path: Path) -> None:
    face = astronaut(512)
    photo = write_image(tmp_path / "face.png", face)
    assert portrait(photo, finder, Wishes()).notes["native_side"] == pytest.approx(170, abs=40)
    with pytest.raises(UnfitError, match="small"):
        portrait(photo, finder, Wishes(least_eyes=200))
    # As far apart as in CelebA's aligned photos.
    small = write_image(tmp_path / "small.png", astronaut(370))
    assert portrait(small, finder, Wishes()).notes["native_side"] == pytest.approx(35 * 3.4, abs=5 * 3.4)
    grey = np.repeat(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    with pytest.raises(UnfitError, match="colour"):
        portrait(write_image(tmp_path / "grey.png", grey), finder, Wishes())


def test_a_face_at_the_edge_of_its_photo_is_refused() -> None:
    points = find_mesh(astronaut(512))
    matrix, mirrored = square(Mesh(points, 1.0), 512, 512, 256)
    assert mirrored == pytest.approx(0, abs=0.01)
    middle = points[:, :2].mean(0) @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(middle - 128).max() < 40
    with pytest.raises(UnfitError, match="edge"):
        square(Mesh(points - (160, 0, 0), 1.0), 512, 512, 256)


def test_a_small_crop_shows_the_same_place_as_a_large_one() -> None:
    photo = astronaut(512)
    matrix = np.array([[2.0, 0, -200], [0, 2.0, -100]])
    large = cut(photo, matrix, 512)
    to_small = np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]])
    small = cut(
        photo,
        np.concatenate([to_small[:, :2] @ matrix[:, :2], (to_small @ [*matrix[:, 2], 1])[:, None]], 1),
        128,
    )
    expected = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected)[8:-8, 8:-8].mean() < 4


def test_people_are_known_by_folder_or_list_and_split_by_seed(tmp_path: Path) -> None:
    paths = [tmp_path / "n1" / "1.jpg", tmp_path / "n2" / "1.jpg", tmp_path / "3.jpg"]
    assert identities(paths[:2], tmp_path, FOLDERS) == ["n1", "n2"]
    assert len(set(identities(paths, tmp_path, None))) == 3
    (tmp_path / "ids.csv").write_text("file,id\nn1/1.jpg,77\n3.jpg,77\n")
    assert identities(paths, tmp_path, tmp_path / "ids.csv") == ["77", "n2/1.jpg", "77"]
    (tmp_path / "ids.csv").write_text('"file";"id"\n"n1/1.jpg";"a"\nn2/1.jpg, b\n')
    assert identities(paths, tmp_path, tmp_path / "ids.csv") == ["a", "b", "3.jpg"]
    (tmp_path / "ids.txt").write_text("my photo.jpg 5\n" * 3)
    assert identities([tmp_path / "my photo.jpg"], tmp_path, tmp_path / "ids.txt") == ["5"]
    (tmp_path / "ids.txt").write_text("other.jpg 5\n")
    with pytest.raises(UnmaskError, match="none of the photos"):
        identities(paths, tmp_path, tmp_path / "ids.txt")
    held = [is_held_out(str(number), 0.2, 0) for number in range(1000)]
    assert 150 < sum(held) < 250
    assert held != [is_held_out(str(number), 0.2, 1) for number in range(1000)]
    assert not any(is_held_out(str(number), 0.0, 0) for number in range(100))


def test_a_photo_is_known_again_when_scaled_and_coded_anew() -> None:
    photo = astronaut(256)
    again = cv2.resize(cv2.resize(photo, (150, 150)), (256, 256))
    known = Duplicates()
    assert known.is_new(fingerprint(photo))
    assert not known.is_new(fingerprint(np.asarray(again, np.uint8)))
    assert known.is_new(fingerprint(np.ascontiguousarray(photo[:, ::-1])))


def test_shards_are_cut_to_length_and_broken_off_ones_vanish(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "set", 2) as writer:
        for _ in range(3):
            writer.write(b"jpeg", {"lm": ""})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set-000.tar", "set-001.tar"]
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, "other", 2) as writer:  # noqa: PT012
        writer.write(b"jpeg", {"lm": ""})
        raise RuntimeError
    assert not list(tmp_path.glob("*other*"))


def test_a_map_in_doubt_is_no_label() -> None:
    clear = np.zeros((64, 64), np.float32)
    clear[30:] = 1
    assert is_sure(clear, 0.2)
    doubtful = clear.copy()
    doubtful[30:40] = 0.6
    assert not is_sure(doubtful, 0.2)
    assert not is_sure(np.zeros((64, 64), np.float32), 0.2)


def test_pseudo_labels_need_photos(tmp_path: Path) -> None:
    weights = Path(packing.__file__).parents[2] / "stream_unmask" / "weights" / "segmenter.onnx"
    with pytest.raises(UnmaskError, match="no photos"):
        pseudo_labelled(tmp_path, weights)
    write_image(tmp_path / "bare.png", astronaut(256))
    with pytest.raises(UnmaskError, match="No mask is sure on any face of the 1 photos"):
        pseudo_labelled(tmp_path, weights)
