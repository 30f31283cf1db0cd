"""Reading impressions off descriptions, and learning to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.impressions import (
    Impressions,
    fit_likenesses,
    fit_reading,
    from_years,
    load_impressions,
    save_impressions,
    years,
)
from trainer.data import Photo
from trainer.impressions import Label, learn_impressions, read_labels


def described(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Descriptions of 50 numbers in which the third one tells the label, beside noise and a common part."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    values = rng.normal(3, 0.3, (count, 50)).astype(np.float32)
    values[:, 2] += labels
    return values, labels


def test_a_reading_tells_what_it_has_not_seen() -> None:
    reading = fit_reading(*described(40, 1))
    values, labels = described(200, 2)
    read = reading(values)
    assert read.shape == (200,)
    assert np.abs(read).max() <= 1
    assert (np.sign(read) == labels).mean() > 0.95


def test_what_counts_more_is_read_more_often() -> None:
    rng = np.random.default_rng(3)
    values, others = (rng.normal(0, 1, (40, 8)).astype(np.float32) for _ in range(2))
    labels = np.where(np.arange(40) % 2, 1.0, -1.0)
    plain = fit_reading(values, labels)
    weighed = fit_reading(values, labels, np.where(labels > 0, 9.0, 1.0))
    assert (weighed(others) > 0).mean() > 0.9 > 0.7 > (plain(others) > 0).mean()


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    values, labels = described(40, 4)
    reading = fit_reading(values, labels)
    child = fit_reading(values, -labels)
    expected, features = fit_likenesses(values, values[:, :9], 4)
    saved = Impressions(reading, reading, child, reading, reading, expected, features)
    save_impressions(tmp_path / "i.npz", saved)
    read = load_impressions(tmp_path / "i.npz")
    assert np.allclose(read.woman(values), reading(values), atol=5e-3)
    assert np.corrcoef(read.child(values), -labels)[0, 1] > 0.9
    assert np.allclose(read.expected(values), expected(values), atol=1e-5)


def test_a_face_is_told_from_the_upper_half_that_it_goes_with() -> None:
    rng = np.random.default_rng(5)
    mixing = rng.normal(0, 1, (3, 30))

    def faces(count: int) -> tuple[np.ndarray, np.ndarray]:
        """Upper halves and features, both told by three hidden numbers, beside noise."""
        hidden = rng.normal(0, 1, (count, 3))
        upper = np.concatenate([hidden + rng.normal(0, 0.1, hidden.shape), rng.normal(0, 0.3, (count, 9))], 1)
        return upper.astype(np.float32) + 2, (hidden @ mixing + 1).astype(np.float32)

    expected, features = fit_likenesses(*faces(200), axes=3)
    upper, whole = faces(50)
    apart = ((expected(upper)[:, None] - features(whole)[None]) ** 2).sum(axis=2)
    assert (apart.argmin(axis=1) == np.arange(50)).mean() > 0.8
    # What the numbers leave out is nothing: three components tell everything here.
    spread = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    told = ((features(whole)[:, None] - features(whole)[None]) ** 2).sum(axis=2)
    assert np.allclose(told, spread, rtol=0.05, atol=0.5)


def test_ages_are_read_from_nothing_to_eighty() -> None:
    assert years(np.array([-1.0, 0.0, 1.0])).tolist() == [0, 40, 80]
    assert years(from_years(np.array([7.0, 66.0]))).tolist() == pytest.approx([7, 66])


def test_what_is_no_such_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "i.npz").write_bytes(b"none")
    np.savez(tmp_path / "other.npz", woman_weights=np.zeros(3))
    for name in ("i.npz", "other.npz"):
        with pytest.raises(UnmaskError, match="no file of impressions"):
            load_impressions(tmp_path / name)
    with pytest.raises(UnmaskError, match="cannot be read"):
        load_impressions(tmp_path / "nowhere.npz")


def photo(name: str, set_: str) -> Photo:
    faces = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    index = faces.names.index(name)
    return Photo(
        name,
        set_,
        np.frombuffer(faces.encoded[index], np.uint8),
        np.asarray(faces.points[index, :, :2], np.float32),
    )


def test_impressions_are_learnt_from_labelled_photos() -> None:
    names = bundled_stand_ins(BUNDLED_SETS["open"].folder).names
    women = [name for name in names if name.startswith("female")][:16]
    men = [name for name in names if name.startswith("male")][:16]
    chosen = [name for pair in zip(women, men, strict=True) for name in pair]
    photos = [photo(name, "val_mine" if number > 23 else "mine") for number, name in enumerate(chosen)]
    labels = {
        f"mine/{name}": Label("woman" if name in women else "man", 30 + 2 * at)
        for at, name in enumerate(chosen)
    }
    labels |= {f"val_{key}": label for key, label in labels.items()}
    labels |= {f"mine/{chosen[at]}": Label("child", 8) for at in (0, 3)}
    told: list[tuple[int, int]] = []
    learnt = learn_impressions(photos, labels, 0, lambda done, of: told.append((done, of)))
    assert told[-1] == (32, 32)
    assert learnt.right["whole"] >= 0.75
    assert 0 < learnt.off["whole age"] < 45
    assert -1 < learnt.expected < 1
    reads = learnt.impressions
    assert reads.expected.weights.shape[1] == reads.features.weights.shape[1] > 20
    again = learn_impressions(photos, labels, 0)
    assert (learnt.right, learnt.off) == (again.right, again.off)
    with pytest.raises(UnmaskError, match="Women, men and children"):
        learn_impressions(photos, dict.fromkeys(chosen, Label("man", 40)), 0)
    undated = {key: replace(label, years=None) for key, label in labels.items()}
    with pytest.raises(UnmaskError, match="whose age is given"):
        learn_impressions(photos, undated, 0)


def test_labels_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("core/000001 woman\na photo.jpg man 41\n000007 child 3.5\n\n")
    assert read_labels(path) == {
        "core/000001": Label("woman"),
        "a photo.jpg": Label("man", 41),
        "000007": Label("child", 3.5),
    }
    path.write_text("000001 woman\n000002 cat\n")
    with pytest.raises(UnmaskError, match="Line 2"):
        read_labels(path)
    with pytest.raises(UnmaskError, match="cannot be read"):
        read_labels(tmp_path / "nowhere.txt")
