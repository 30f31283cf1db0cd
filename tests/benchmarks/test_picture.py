"""The README's moving picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks import picture
from benchmarks.clips import portrait
from benchmarks.picture import PEOPLE, draw, find_portraits, head_of, moving, write_animation
from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.errors import InputError
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.output.pictures import write_image

SHOWN = Path(__file__).parents[2] / "docs" / "unmasked.webp"


def test_nobody_wears_his_own_face() -> None:
    names = {Path(name).stem for name in bundled_stand_ins(BUNDLED_SETS["default"].folder).names}
    assert names.isdisjoint(person.portrait for person in PEOPLE)


def test_the_picture_moves_for_ever_and_is_small() -> None:
    data = SHOWN.read_bytes()
    assert len(data) < 3 * 2**20
    assert data[8:16] == b"WEBPVP8X"
    place = data.index(b"ANIM")
    assert data[place + 12 : place + 14] == b"\0\0", "it plays a limited number of times"
    assert data.count(b"ANMF") >= 50


def test_a_missing_portrait_is_named(tmp_path: Path) -> None:
    write_image(tmp_path / "other.png", portrait(64))
    with pytest.raises(InputError, match="no portrait female"):
        find_portraits(tmp_path, PEOPLE)


def test_a_head_turns_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "LOOP", 8)
    first, *others = moving(head_of(portrait()), PEOPLE[0])
    change = [np.abs(other.astype(int) - first).mean() for other in others]
    assert len(change) == 7
    assert max(change) > 5
    assert min(change[0], change[-1]) < max(change)


@pytest.mark.slow
def test_a_portrait_is_unmasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "LOOP", 12)
    write_image(tmp_path / f"{PEOPLE[0].portrait}.png", portrait())
    people = [replace(PEOPLE[0], phase=0.0)]
    said = draw(tmp_path, tmp_path / "made.webp", tmp_path, people=people)
    assert said.startswith(f"{tmp_path / 'made.webp'}: 1 faces unmasked")
    assert (tmp_path / "made.webp").read_bytes().count(b"ANMF") == 6
    with av.open(tmp_path / "before.mp4") as before, av.open(tmp_path / "after.mp4") as after:
        one, other = (list(each.decode(video=0))[-1].to_ndarray(format="rgb24") for each in (before, after))
    assert 0.02 < (np.abs(one.astype(int) - other).max(axis=-1) > 30).mean() < 0.5


def test_an_animation_has_every_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(4)]
    write_animation(tmp_path / "noise.webp", iter(pictures), 50)
    assert (tmp_path / "noise.webp").read_bytes().count(b"ANMF") == 4
