"""From portraits to a bank, on the bundled faces of nobody."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from skimage import data

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.cli.stand_ins import stand_ins
from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.stand_ins.bank import Bank, load_bank
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.delighting import delighted
from stream_unmask.inpainting.stand_ins.measuring import measure
from stream_unmask.inpainting.stand_ins.portraits import Portrait, read_pictures
from stream_unmask.output.pictures import write_image

ASKED = ("--licence", "CC0 1.0", "--source", "test", "--nobodys-faces", "--size", "160")
OPEN = BUNDLED_SETS["open"].folder / "stand_ins.npz"
CHOSEN = (0, 12, 29, 40, 53, 59, 73, 89)


@pytest.fixture(scope="module")
def free() -> Bank:
    return bundled_stand_ins(BUNDLED_SETS["open"].folder)


@pytest.fixture(scope="module")
def folder(free: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight portraits, and a laughing one that is unfit."""
    path = tmp_path_factory.mktemp("portraits")
    for index in CHOSEN:
        write_image(path / f"face{index}.png", free[index].picture)
    write_image(path / "laughing.png", data.astronaut())
    write_image(path / "empty.png", np.full((200, 200, 3), 90, np.uint8))
    return path


def run(*arguments: object) -> str:
    """What the command said."""
    result = CliRunner().invoke(stand_ins, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return str(result.output)


def test_the_command_makes_a_bank_of_the_fit_ones(folder: Path, tmp_path: Path) -> None:
    said = run(folder, "-o", tmp_path / "bank.npz", *ASKED)
    made = load_bank(tmp_path / "bank.npz")
    assert "Left out:" in said
    assert "no face 1" in said
    assert "laughing.png" not in made.names
    assert 6 <= made.count <= 8
    assert made[0].picture.shape == (160, 160, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["bank.npz"]


def test_a_tar_and_a_list_of_names_and_another_banks_faces(free: Bank, folder: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "portraits.tar", "w") as tar:
        for index in CHOSEN[:3]:
            tar.add(folder / f"face{index}.png", f"faces/face{index}.png")
    (tmp_path / "names.txt").write_text("face0.png\n")
    said = run(
        *(tmp_path / "portraits.tar", "-o", tmp_path / "bank.npz", "--with", OPEN),
        *("--leave-out", tmp_path / "names.txt", *ASKED),
    )
    assert "left out 1" in said
    made = load_bank(tmp_path / "bank.npz")
    assert made.names[: free.count] == free.names
    assert "face0.png" not in made.names
    added = made.count - free.count
    assert added >= 1
    assert (made.licences, made.sources) == ([*free.licences, "CC0 1.0"], [*free.sources, "test"])
    # Read alike, each face is like itself, mirrored or not.
    assert np.allclose(made.looks[: free.count], free.looks[: free.count], atol=0.02)
    assert np.allclose(made.looks[made.count : -added], free.looks[free.count :], atol=0.02)
    assert (made[made.count].picture == free[free.count].picture).all()


def test_real_people_need_their_word(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="--nobodys-faces"):
        run(folder, "-o", tmp_path / "bank.npz", "--licence", "none", "--source", "web")
    assert not list(tmp_path.iterdir())


def test_nothing_fit_leaves_no_file(tmp_path: Path) -> None:
    portraits = tmp_path / "in"
    portraits.mkdir()
    write_image(portraits / "empty.png", np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(UnmaskError, match="None of the portraits"):
        run(portraits, "-o", tmp_path / "bank.npz", *ASKED)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_holds_no_pictures_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.tar").write_text("no tar")
    with pytest.raises(UnmaskError, match="neither a folder nor a tar"):
        list(read_pictures(tmp_path / "notes.tar"))
    with pytest.raises(UnmaskError, match="no folder and no tar"):
        list(read_pictures(tmp_path / "nowhere"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnmaskError, match="no picture"):
        list(read_pictures(tmp_path / "folder"))


@pytest.mark.parametrize("index", CHOSEN[:3])
def test_light_from_one_side_is_taken_out(free: Bank, index: int) -> None:
    worn = free[index]
    size = len(worn.picture)
    lit = worn.picture * np.linspace(0.5, 1.1, size)[None, :, None]
    hard = Portrait("lit", np.clip(lit, 0, 255).astype(np.uint8), worn.points, 1.0)
    before, after = measure(hard.picture, hard.points), measure(delighted(hard).picture, hard.points)
    assert before.sided > 10
    assert after.sided < 0.35 * before.sided
    assert after.uneven < before.uneven
    # What is no light stays.
    assert abs(after.lips - measure(worn.picture, worn.points).lips) < 4


def test_a_beard_is_measured_where_it_is(free: Bank) -> None:
    worn = free[CHOSEN[2]]
    shaven = measure(worn.picture, worn.points)
    bearded = worn.picture.copy()
    outline = np.rint(worn.points[[172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 164], :2])
    cv2.fillPoly(bearded, [outline.astype(np.int32)], (50, 40, 35))
    grown = measure(bearded, worn.points)
    assert grown.beard > shaven.beard + 10
    assert grown.clear_chin < shaven.clear_chin - 0.3
    assert grown.skin == pytest.approx(shaven.skin)
