"""The bank's file, its mirrored half, and the bundled ones."""

from __future__ import annotations

import json
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.stand_ins.bank import FORMAT, TRAITS, load_bank, mirrored, save_bank
from stream_unmask.inpainting.stand_ins.bundled import bundled_file, bundled_stand_ins
from stream_unmask.inpainting.stand_ins.showing import draw_stand_ins
from tests.inpainting.stand_ins.drawn import bank, mesh, portrait, traits


def test_a_bank_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = bank([traits(yaw=10), traits(lips=4)], [[1, 0, 0, 0], [0, 1, 0, 0]])
    save_bank(tmp_path / "bank.npz", saved)
    read = load_bank(tmp_path / "bank.npz")
    assert (read.names, read.licences, read.sources) == (saved.names, saved.licences, saved.sources)
    assert np.allclose(read.points, saved.points, atol=1 / 64)
    assert np.allclose(read.traits, saved.traits, atol=1e-4)
    assert np.allclose(read.looks, saved.looks, atol=1e-3)
    assert (read[1].picture == saved[1].picture).all()
    assert np.allclose(read.impressions.expected(saved.looks), saved.looks, atol=1e-3)


def test_the_second_half_is_mirrored() -> None:
    both = bank([traits(yaw=10, clear_left=0.5)])
    assert both.trait("yaw").tolist() == [10, -10]
    assert both.trait("clear_right").tolist() == [1.0, 0.5]
    assert both.face_of(1) == 0
    assert (both[1].picture == both[0].picture[:, ::-1]).all()
    with pytest.raises(IndexError):
        both[2]


def test_a_mirrored_mesh_keeps_its_meaning() -> None:
    picture, points = portrait(), mesh() + np.array([3.0, 0, 0])
    seen, swapped = mirrored(picture, points)
    # The outer corner of the eye on the picture's left stays on the left.
    assert swapped[33, 0] < swapped[263, 0]
    assert np.allclose(mirrored(seen, swapped)[1], points, atol=0.05)


@pytest.mark.parametrize("content", [b"", b"no bank", b"PK\x03\x04 broken"])
def test_what_is_no_bank_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bank.npz").write_bytes(content)
    with pytest.raises(UnmaskError, match="is no bank of stand-ins"):
        load_bank(tmp_path / "bank.npz")


def test_another_npz_is_no_bank(tmp_path: Path) -> None:
    np.savez(tmp_path / "bank.npz", numbers=np.arange(3))
    with pytest.raises(UnmaskError, match="is no bank of stand-ins"):
        load_bank(tmp_path / "bank.npz")


def _about(**other: object) -> np.ndarray:
    """What the file of a bank of two says of itself, but for what is given."""
    usual = {
        "format": FORMAT,
        "names": ["a", "b"],
        "traits": TRAITS,
        "licences": ["CC0"],
        "sources": ["drawn"],
    }
    return np.frombuffer(json.dumps(usual | other).encode(), np.uint8)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points", np.zeros((1, 468, 3), np.int16)),
        ("points", np.zeros((2, 467, 3), np.int16)),
        ("looks", np.zeros((2, 4), np.float16)),
        ("traits", np.zeros((2, 3), np.float32)),
        ("expected_weights", np.zeros((4, 5), np.int8)),
        ("features_scale", np.zeros((2, 3), np.float32)),
        ("about", _about(licences=[], sources=[])),
        ("about", _about(sources=["one", "another"])),
        ("ends", np.array([5])),
        ("about", np.frombuffer(b"[" * 5000, np.uint8)),
        ("about", np.frombuffer(b"[1]", np.uint8)),
        ("pictures", np.array([{"a": 1}])),
    ],
)
def test_parts_that_do_not_go_with_each_other_are_refused(
    tmp_path: Path, name: str, value: np.ndarray
) -> None:
    path = tmp_path / "bank.npz"
    save_bank(path, bank([traits(), traits(lips=9)]))
    with np.load(path) as file:
        parts = {key: file[key] for key in file.files}
    np.savez(path, **(parts | {"about": _about()}))
    assert load_bank(path).count == 2
    np.savez(path, **(parts | {name: value}))
    with pytest.raises(UnmaskError, match="is no bank of stand-ins"):
        load_bank(path)


@pytest.mark.parametrize("header", [b",", b"{", b"(" * 9, b"\xff", b"'''"])
def test_a_header_that_numpy_cannot_parse_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "bank.npz"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(
            "about.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.ljust(117) + b"\n"
        )
    with pytest.raises(UnmaskError, match="is no bank of stand-ins"):
        load_bank(path)


def test_a_bank_that_unpacks_to_more_than_fits_is_refused_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("about.npy", b"")
        packed.filelist[0].file_size = 1 << 40
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(UnmaskError, match="is no bank of stand-ins"):
        load_bank(path)


def test_a_broken_picture_is_said_when_it_is_worn(tmp_path: Path) -> None:
    path = tmp_path / "bank.npz"
    save_bank(path, replace(bank([traits()]), encoded=[b"no picture"]))
    with pytest.raises(UnmaskError, match=r"face0.png cannot be decoded"):
        load_bank(path)[0]


def test_a_missing_bank_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="cannot be read"):
        load_bank(tmp_path / "bank.npz")


@pytest.mark.parametrize("name", list(BUNDLED_SETS))
def test_the_bundled_banks_are_whole(name: str) -> None:
    folder = BUNDLED_SETS[name].folder
    found = bundled_stand_ins(folder)
    assert found.count >= 100
    assert found.licences[0] == "CC0 1.0"
    assert all(found.licences)
    assert all(found.sources)
    for index in (0, found.count - 1, 2 * found.count - 1):
        worn = found[index]
        assert min(worn.picture.shape[:2]) >= 256
        assert worn.with_bare.shape == (*worn.picture.shape[:2], 4)
        assert (worn.points[:, :2] > 0).all()
    assert bundled_file(folder).stat().st_size < 12e6


def test_weights_without_a_bank_go_with_the_open_one(tmp_path: Path) -> None:
    assert bundled_file(tmp_path) == bundled_file(BUNDLED_SETS["open"].folder)
    save_bank(tmp_path / "stand_ins.npz", bank([traits()]))
    assert bundled_stand_ins(tmp_path).count == 1


def test_the_open_set_has_the_free_faces_alone() -> None:
    assert set(bundled_stand_ins(BUNDLED_SETS["open"].folder).licences) == {"CC0 1.0"}


def test_the_sheet_shows_each_face_in_its_place() -> None:
    three = bank([traits()] * 3)
    sheet = draw_stand_ins(three, [0, 1, 2], columns=2, side=64)
    assert sheet.shape == (2 * 64 + 2, 2 * 64 + 2, 3)
    assert (sheet[66:, 66:] == 255).all()
    assert abs(int(sheet[30, 32, 0]) - 200) < 12
