"""Which stand-in a track wears, and how long."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from stream_unmask.faces.laying import to_crop
from stream_unmask.faces.laying_limits import Refusal
from stream_unmask.inpainting import guides
from stream_unmask.inpainting.face import FaceState, FaceView
from stream_unmask.inpainting.guides import Seen, StandIns, Wish
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.pixels.geometry import Box
from tests.inpainting.faces import alignment, face, soft_mask

FRAME = 0.04


class FakeBank:
    """Five faces, each of its own person."""

    count = 5

    def __getitem__(self, index: int) -> int:
        return index


class FakeWorn:
    """A stand-in that lies where it is told, or refuses; its picture tells which it is."""

    refusing: Refusal | None = None

    def __init__(self, stand_in: int, _network: object) -> None:
        self.stand_in = stand_in

    def lay(self, *_: object, beneath: bool = False) -> Any:
        return FakeWorn.refusing or np.full((468, 3), float(self.stand_in))

    def draw(self, laid: Any, size: int) -> LaidFace:
        picture = np.full((size, size, 3), laid[0, 0], np.float32)
        return LaidFace(picture, np.ones((size, size), np.float32), Box(0, 0, size, size))


@pytest.fixture(autouse=True)
def fits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How badly the five fit, to be changed by a test; nothing is computed."""
    fits = [3.0, 1.0, 2.0, 4.0, 5.0]
    monkeypatch.setattr(FakeWorn, "refusing", None)

    def choose(_seen: object, _bank: object, taken: list[int]) -> int | None:
        free = [int(index) for index in np.argsort(fits) if index not in taken and fits[index] < 10]
        return free[0] if free else None

    monkeypatch.setattr(guides, "WornStandIn", FakeWorn)
    monkeypatch.setattr(guides, "choose", choose)
    monkeypatch.setattr(guides, "scores", lambda *_: np.array(fits))
    monkeypatch.setattr(guides, "observe", lambda *_: None)
    return fits


def stream(wishes: dict[int, Wish] | None = None, least_looks: int = 1) -> StandIns:
    return StandIns(
        cast(Any, FakeBank()), cast(Any, None), cast(Any, None), nullcontext(), wishes, least_looks
    )


def seen(state: FaceState, time: float, number: int = 1) -> Seen:
    view = FaceView(state, alignment(), np.zeros((468, 3)), (0, 0, 1, 1), number=number)
    return Seen(view, face, face, soft_mask(), time, FRAME)


def worn(guide: LaidFace | None) -> int:
    assert guide is not None
    return round(float(guide.picture[0, 0, 0]))


def test_a_mesh_that_is_lost_on_the_mask_is_looked_for_beneath_it(monkeypatch: pytest.MonkeyPatch) -> None:
    place = alignment(x=20, y=30, zoom=2)
    state = FaceState()
    view = FaceView(state, place, np.zeros((468, 3)), (0, 0, 1, 1), number=1)
    head = Seen(view, face, face, soft_mask(), 0.0, FRAME)
    monkeypatch.setattr(guides, "is_lost", lambda *_: True)
    laid: list[tuple[np.ndarray, bool]] = []

    def lay(_: FakeWorn, points: np.ndarray, *__: object, beneath: bool) -> Refusal:
        laid.append((points, beneath))
        return "lost"

    monkeypatch.setattr(FakeWorn, "lay", lay)
    for found in (None, np.full((468, 3), 10.0)):
        monkeypatch.setattr(guides, "mesh_beneath", lambda *_, found=found: found)
        stream().guide(replace(head, view=replace(view, state=FaceState())))
    assert [beneath for _, beneath in laid] == [False, True]
    np.testing.assert_array_equal(laid[0][0], view.points)
    np.testing.assert_allclose(to_crop(laid[1][0], place), np.full((468, 3), 10.0))
    np.testing.assert_allclose(laid[1][0][0, :2], (20 + 2 * 10, 30 + 2 * 10))


def test_a_track_keeps_what_it_was_given_whatever_comes(fits: list[float]) -> None:
    stand_ins, state = stream(), FaceState()
    assert worn(stand_ins.guide(seen(state, 0.0))) == 1
    fits[:] = [0.0, 9.0, 9.0, 9.0, 9.0]
    assert worn(stand_ins.guide(seen(state, FRAME))) == 1
    assert state.worn is not None
    assert state.worn.fitting == (1, 2, 0, 3, 4)


def test_two_people_never_share_one_and_a_head_that_comes_back_gets_its_own(fits: list[float]) -> None:
    stand_ins = stream()
    assert worn(stand_ins.guide(seen(FaceState(), 0.0, 1))) == 1
    assert worn(stand_ins.guide(seen(FaceState(), 0.0, 2))) == 2
    # After a cut the first head is met anew; another one fits a little better now, which does not count.
    fits[:] = [1.4, 2.0, 2.4, 9.0, 9.0]
    assert worn(stand_ins.guide(seen(FaceState(), 5.0, 3))) == 1
    fits[:] = [0.0, 9.0, 9.0, 9.0, 9.0]
    assert worn(stand_ins.guide(seen(FaceState(), 9.0, 4))) == 0


def test_where_it_may_not_be_laid_on_it_fades_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins, state = stream(), FaceState()
    first = stand_ins.guide(seen(state, 0.0))
    assert first is not None
    assert first.trust.min() == 1
    monkeypatch.setattr(FakeWorn, "refusing", "turned")
    shown = [stand_ins.guide(seen(state, step * FRAME)) for step in range(1, 7)]
    trusts = [0.0 if each is None else float(each.trust.max()) for each in shown]
    np.testing.assert_allclose(trusts, [0.8, 0.6, 0.4, 0.2, 0.0, 0.0], atol=1e-6)
    assert state.worn is not None
    assert state.worn.refusal == "turned"
    monkeypatch.setattr(FakeWorn, "refusing", None)
    again = stand_ins.guide(seen(state, 0.3))
    assert again is not None
    np.testing.assert_allclose(again.trust, 0.2, atol=1e-6)


def test_a_head_that_nothing_fits_is_looked_at_again_after_a_while(fits: list[float]) -> None:
    stand_ins, state, kept = stream(), FaceState(), list(fits)
    fits[:] = [99.0] * 5
    assert stand_ins.guide(seen(state, 0.0)) is None
    fits[:] = kept
    assert stand_ins.guide(seen(state, 0.3)) is None
    assert worn(stand_ins.guide(seen(state, 0.6))) == 1


def test_wishes_are_followed_by_number_and_for_all_others() -> None:
    stand_ins = stream({2: 5, 3: "none", 0: 4})
    assert worn(stand_ins.guide(seen(FaceState(), 0.0, 1))) == 3
    assert worn(stand_ins.guide(seen(FaceState(), 0.0, 2))) == 4
    assert stand_ins.guide(seen(FaceState(), 0.0, 3)) is None


def test_where_frames_are_shown_at_once_the_first_look_serves_until_there_are_enough(
    fits: list[float],
) -> None:
    stand_ins, state = stream(least_looks=3), FaceState()
    wears = []
    for turn in range(5):
        stand_ins.look(seen(state, turn * FRAME))
        wears.append(worn(stand_ins.guide(seen(state, turn * FRAME))))
        assert state.worn is not None
        assert state.worn.settled == (turn >= 2)
        fits[:] = [0.0, 9.0, 9.0, 9.0, 9.0] if turn < 2 else [9.0, 9.0, 0.0, 9.0, 9.0]
    assert wears == [1, 1, 0, 0, 0]
    assert state.worn is not None
    assert state.worn.observed == []


def test_a_head_that_enough_looks_find_nothing_for_takes_off_what_it_wore(fits: list[float]) -> None:
    stand_ins, state = stream(least_looks=2), FaceState()
    assert worn(stand_ins.guide(seen(state, 0.0))) == 1
    fits[:] = [20.0] * 5
    stand_ins.look(seen(state, FRAME))
    assert stand_ins.guide(seen(state, FRAME)) is None
    assert state.worn is not None
    assert (state.worn.stand_in, state.worn.refusal) == (None, "no stand-in fits")


def test_frames_that_can_wait_do_until_a_head_has_been_looked_at_often_enough() -> None:
    stand_ins, state = stream(), FaceState()
    undecided = []
    for turn in range(8):
        stand_ins.look(seen(state, turn * FRAME))
        undecided.append(stand_ins.undecided(seen(state, turn * FRAME).view))
    assert undecided == [True] * 5 + [False] * 3
    assert state.worn is not None
    assert len(state.worn.observed) == 6
    assert worn(stand_ins.guide(seen(state, 0.0))) == 1
    assert not stand_ins.looks_for(seen(state, 9 * FRAME).view)


def test_nobody_waits_where_the_user_has_chosen() -> None:
    stand_ins, state = stream({0: 4}), FaceState()
    stand_ins.look(seen(state, 0.0))
    assert not stand_ins.undecided(seen(state, 0.0).view)
    assert worn(stand_ins.guide(seen(state, 0.0))) == 3
