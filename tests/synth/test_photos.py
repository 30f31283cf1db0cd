"""Masks on whole photos: where they lie is said truly, and what is asked for is drawn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import stream_unmask.synth
from stream_unmask.synth import MaskStyle, PairSettings, draw_mask, make_pair
from stream_unmask.synth.gallery import COLUMNS, ROWS, draw_gallery
from stream_unmask.synth.photos import wear_in_photo
from stream_unmask.synth.style import KIND_SHARES, KINDS, WORN, WORN_SHARES

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

_MOUTH = (13, 14, 17)
PAGE = Path(__file__).parents[2] / "docs" / "synthesis.md"


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_photo_keeps_its_pixels_away_from_the_mask_and_its_shadow(photo: Bytes, mesh: FloatArray) -> None:
    before = photo.copy()
    picture, mask = draw_mask(photo, mesh, _rng(), MaskStyle(kind="surgical", worn="right"))
    assert np.array_equal(photo, before)
    assert picture.shape == photo.shape
    assert mask.shape == photo.shape[:2]
    mouth = mesh[list(_MOUTH)].round().astype(int)
    assert (mask[mouth[:, 1], mouth[:, 0]] == 255).all()
    above = slice(0, int(mesh[33, 1]) - 40)
    assert np.array_equal(picture[above], photo[above])
    assert np.abs(picture[mask == 255].astype(int) - photo[mask == 255]).mean() > 12


def test_a_mask_is_the_same_for_the_same_seed_and_style(photo: Bytes, mesh: FloatArray) -> None:
    once, again = (draw_mask(photo, mesh, _rng(3)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    assert not np.array_equal(once[0], draw_mask(photo, mesh, _rng(4))[0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_that_is_asked_for_is_drawn(kind: str, photo: Bytes, mesh: FloatArray) -> None:
    worn = wear_in_photo(photo, mesh, _rng(), MaskStyle(kind=kind))
    assert worn.kind == kind
    assert worn.mask.max() == 255


def test_a_mask_worn_below_the_nose_leaves_it_bare_and_one_on_the_chin_the_mouth(
    photo: Bytes, mesh: FloatArray
) -> None:
    for worn, bare in (("under_nose", 4), ("on_chin", 13), ("dangling", 13)):
        _, mask = draw_mask(photo, mesh, _rng(), MaskStyle(kind="surgical", worn=worn))
        x, y = mesh[bare].round().astype(int)
        assert mask[y, x] == 0
        assert mask.max() == 255


def test_a_colour_that_is_asked_for_is_that_of_the_cloth(photo: Bytes, mesh: FloatArray) -> None:
    style = MaskStyle(kind="n95", worn="right", colour=(20, 60, 200))
    picture, mask = draw_mask(photo, mesh, _rng(1), style)
    red, green, blue = np.median(picture[mask == 255], axis=0)
    assert blue > 1.5 * green > 1.5 * red


def test_a_pair_wears_the_style_of_its_settings(photo: Bytes, mesh: FloatArray) -> None:
    green = MaskStyle(kind="n95", worn="right", colour=(20, 220, 40))
    plain = PairSettings(size=128, masked=1.0, distracted=0.0, damage=0.0, varied=False, style=green)
    pair = make_pair(photo, mesh, _rng(), plain)
    red, middle, blue = np.median(pair.crop[pair.mask == 255], axis=0)
    assert middle > 1.5 * max(red, blue)


def test_masks_are_drawn_as_often_as_is_said() -> None:
    rng, count = _rng(), 4000
    drawn = [MaskStyle().draw(rng) for _ in range(count)]
    for place, shares in enumerate((KIND_SHARES, WORN_SHARES)):
        assert sum(shares.values()) == pytest.approx(1)
        for word, share in shares.items():
            found = sum(each[place] == word for each in drawn) / count
            assert found == pytest.approx(share, abs=4 * np.sqrt(share / count) + 0.002)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": "ffp9"}, "kind is one of surgical, kn95"),
        ({"worn": "upside_down"}, "worn is one of right, high"),
        ({"kind": "scarf", "worn": "dangling"}, "scarf is never dangling"),
        ({"colour": (0, 0, 256)}, "three numbers from 0 to 255"),
        ({"colour": (0, 0)}, "three numbers from 0 to 255"),
    ],
)
def test_a_style_that_cannot_be_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MaskStyle(**wrong)  # type: ignore[arg-type]


def test_what_is_no_photo_or_no_mesh_is_refused(photo: Bytes, mesh: FloatArray) -> None:
    with pytest.raises(ValueError, match="uint8 RGB"):
        draw_mask(photo.astype(np.float32), mesh, _rng())
    with pytest.raises(ValueError, match="uint8 RGB"):
        make_pair(photo[..., 0], mesh, _rng())
    with pytest.raises(ValueError, match="468"):
        stream_unmask.synth.make_clip(photo, mesh[:5], _rng())


def test_a_tiny_and_a_large_face_are_masked_too(photo: Bytes, mesh: FloatArray) -> None:
    tiny = photo[::10, ::10].copy()
    _, mask = draw_mask(tiny, mesh / 10, _rng())
    assert mask.max() > 200
    large = photo.repeat(5, 0).repeat(5, 1)
    _, mask = draw_mask(large, mesh * 5, _rng())
    assert mask.max() == 255


def test_the_public_names_are_there() -> None:
    assert set(stream_unmask.synth.__all__) <= set(dir(stream_unmask.synth))
    assert all(callable(getattr(stream_unmask.synth, name)) for name in stream_unmask.synth.__all__)
    with pytest.raises(AttributeError, match="wear"):
        _ = stream_unmask.synth.wear


def test_the_gallery_shows_another_mask_in_every_cell(photo: Bytes, mesh: FloatArray) -> None:
    sheet = draw_gallery(photo, mesh)
    rows, columns = sheet.shape[0] // ROWS, sheet.shape[1] // COLUMNS
    cells = sheet.reshape(ROWS, rows, COLUMNS, columns, 3).swapaxes(1, 2).reshape(-1, rows, columns, 3)
    assert len({cell.tobytes() for cell in cells}) == ROWS * COLUMNS


def test_the_page_tells_the_shares_that_are_drawn_and_its_example_runs() -> None:
    text = PAGE.read_text()
    for word in (*KINDS, *WORN):
        share = {**KIND_SHARES, **WORN_SHARES}[word]
        assert re.search(rf"\| `{word}` \| {100 * share:g} % \|", text), word
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(code, PAGE.name, "exec"), names)
    picture, mask = names["picture"], names["mask"]
    assert isinstance(picture, np.ndarray)
    assert isinstance(mask, np.ndarray)
    assert picture.shape[:2] == mask.shape
    assert mask.max() == 255
