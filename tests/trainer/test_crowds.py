"""What is measured of a crowd of faces that went through the whole product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.stand_ins import measure
from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.settings import Settings
from trainer.data import read_photos
from trainer.evaluation.heldout import held_out
from trainer.evaluation.looks import shift


def test_a_crowd_wears_stand_ins_or_none_and_is_sharper_with_them(shards: Path) -> None:
    faces = list(held_out(read_photos(shards, ["val_core"])))
    settings = Settings(backend="openvino", threads=1)
    worn = measure(settings, faces)
    alone = measure(Settings(backend="openvino", threads=1, stand_in="none"), faces)
    assert (worn.faces, worn.guided) == (len(faces), len(faces))
    assert (alone.faces, alone.guided) == (len(faces), 0)
    assert worn.kernel is None
    assert worn.sharpness > 0.8 * alone.sharpness
    assert worn.inside < alone.inside == pytest.approx(alone.inside, abs=60)
    assert worn.shift.contrary <= worn.shift.struck <= worn.faces
    assert "2 with a stand-in: kernel distance not measured" in str(worn)


def test_who_came_out_as_the_other_sex_or_of_another_age_is_counted() -> None:
    faces = bundled_stand_ins(BUNDLED_SETS["open"].folder)
    named = {
        sex: [faces[index].picture for index, name in enumerate(faces.names) if name.startswith(sex)]
        for sex in ("female", "male")
    }
    women, men = named["female"][:4], named["male"][:4]
    same = shift(women + men, women + men)
    assert 6 <= same.struck <= 8
    assert (same.contrary, same.older, same.years_off) == (0, 0, 0)
    assert shift(men + women, women + men).contrary == same.struck
    ages = faces.trait("years")[: faces.count]
    young, old = (
        [faces[int(index)].picture for index in order[:4]] for order in (np.argsort(ages), np.argsort(-ages))
    )
    assert shift(old, young).older == pytest.approx(-shift(young, old).older)
    assert shift(old, young).years_off >= shift(old, young).older > 20
