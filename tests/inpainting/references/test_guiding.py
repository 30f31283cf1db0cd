"""When a person's own face is shown, when it is not, and whose it must never be."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import numpy as np
import pytest

from stream_unmask.inpainting.face import FaceState, FaceView, Worn
from stream_unmask.inpainting.guides import Seen
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.references import guiding
from stream_unmask.inpainting.references.bank import ReferenceBank
from stream_unmask.inpainting.references.guiding import References
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.inpainting.sources import Sources
from stream_unmask.pixels.geometry import Box
from stream_unmask.video.frame import Frame
from tests.faces.test_laying import head
from tests.inpainting.faces import alignment, face, soft_mask
from tests.inpainting.references.test_bank import reference

FRAME = 0.04


class FakeWorn:
    """Lies where it is told, as alike as a test says."""

    correlation = 0.9
    refusing: str | None = None

    def __init__(self, bank: ReferenceBank, _network: object) -> None:
        (self.reference,) = bank.nearest(reference().angles, 1)

    def lay(self, *_: object) -> Any:
        return FakeWorn.refusing

    def draw(self, size: int) -> LaidFace:
        plane = np.ones((size, size), np.float32)
        return LaidFace(np.repeat(plane[:, :, None], 3, axis=2), plane, Box(0, 0, size, size))


class OneStandIn:
    """Everybody's; dark, so that one can tell."""

    def guide(self, seen: Seen) -> LaidFace:
        worn = seen.view.state.worn = seen.view.state.worn or Worn()
        worn.shown = 1.0
        return self._laid(1.0)

    def leave(self, seen: Seen) -> LaidFace | None:
        worn = seen.view.state.worn
        assert worn is not None
        worn.shown = max(worn.shown - seen.elapsed / 0.2, 0.0)
        return self._laid(worn.shown) if worn.shown > 1e-6 else None

    def _laid(self, shown: float) -> LaidFace:
        plane = np.full((8, 8), shown, np.float32)
        return LaidFace(np.zeros((8, 8, 3), np.float32), plane, Box(0, 0, 8, 8))


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guiding, "WornReference", FakeWorn)
    monkeypatch.setattr(FakeWorn, "correlation", 0.9)
    monkeypatch.setattr(FakeWorn, "refusing", None)
    monkeypatch.setattr(guiding, "skin_share", lambda *_: 1.0)
    monkeypatch.setattr(guiding, "pictured", lambda *args: reference(time=args[4]))


def stream(given: dict[int, Reference] | None = None, *, search: bool = True) -> References:
    return References(cast(Any, None), nullcontext(), given=given or {}, search=search)


def view(state: FaceState, number: int = 1, **told: Any) -> FaceView:
    return FaceView(state, alignment(), head(), (0, 0, 1, 1), number=number, **told)


def bare(references: References, state: FaceState, times: list[float], **told: Any) -> None:
    for time in times:
        pixels = np.zeros((32, 32, 3), np.uint8)
        references.look(Frame.from_ndarray(pixels, time), view(state, **told), 0.05)


def masked(state: FaceState, time: float, number: int = 1, **told: Any) -> Seen:
    return Seen(view(state, number, **told), face, face, soft_mask(), time, FRAME)


def shown(references: References, seen: Seen) -> float:
    laid = references.guide(seen, wait=False)
    seen.view.state.time = seen.time
    return 0.0 if laid is None else float(laid.trust.max())


def test_a_face_that_was_seen_bare_is_worn_at_once_and_one_that_was_not_never() -> None:
    references, known, unknown = stream(), FaceState(), FaceState()
    bare(references, known, [0.0, 0.1])
    assert shown(references, masked(known, 1.0)) == 1.0
    assert shown(references, masked(unknown, 1.0, 2)) == 0.0


def test_nothing_is_looked_for_where_that_is_not_wanted() -> None:
    references, state = stream(search=False), FaceState()
    bare(references, state, [0.0])
    assert shown(references, masked(state, 1.0)) == 0.0


@pytest.mark.parametrize("told", [{"coasting": True}, {"presence": 0.3}])
def test_what_is_not_surely_a_face_is_not_kept(told: dict[str, Any]) -> None:
    references, state = stream(), FaceState()
    bare(references, state, [0.0], **told)
    assert shown(references, masked(state, 1.0)) == 0.0


def test_a_track_that_may_have_gone_over_to_another_head_knows_nothing_any_more() -> None:
    references, state = stream(), FaceState()
    bare(references, state, [0.0])
    assert shown(references, masked(state, 1.0, person=1)) == 0.0


def test_it_fades_where_it_no_longer_fits_and_comes_back_only_where_it_fits_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    references, state = stream(), FaceState()
    bare(references, state, [0.0])
    assert shown(references, masked(state, 1.0)) == 1.0
    monkeypatch.setattr(FakeWorn, "correlation", 0.6)
    assert shown(references, masked(state, 1.04)) == 1.0
    monkeypatch.setattr(FakeWorn, "correlation", 0.5)
    fading = [shown(references, masked(state, 1.08 + step * FRAME)) for step in range(6)]
    np.testing.assert_allclose(fading, [0.8, 0.6, 0.4, 0.2, 0.0, 0.0], atol=1e-6)
    assert state.recalled is not None
    assert state.recalled.refusal == "unlike"
    monkeypatch.setattr(FakeWorn, "correlation", 0.6)
    assert shown(references, masked(state, 2.0)) == 0.0
    monkeypatch.setattr(FakeWorn, "correlation", 0.7)
    assert shown(references, masked(state, 2.6)) == pytest.approx(0.2)


def test_a_face_that_was_given_must_fit_well_and_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    references, state = stream({2: reference()}), FaceState()
    monkeypatch.setattr(FakeWorn, "correlation", 0.86)
    times = [0.0, 0.1, 0.6, 1.2, 1.8]
    assert [shown(references, masked(state, time, 2)) for time in times] == [0.0] * 5
    assert len(references.refused) == 1
    assert "face 2" in references.refused[0]
    other = stream({2: reference()})
    monkeypatch.setattr(FakeWorn, "correlation", 0.88)
    assert shown(other, masked(FaceState(), 0.0, 2)) == 1.0
    assert shown(other, masked(FaceState(), 0.0, 3)) == 0.0
    assert other.refused == []
    assert "face 7 was never masked" in stream({7: reference()}).refused[0]


def test_a_photo_without_a_number_serves_only_while_one_person_is_masked() -> None:
    references, first, second = stream({0: reference()}), FaceState(), FaceState()
    references.meet([1])
    assert shown(references, masked(first, 0.0, 1)) == 1.0
    references.meet([1, 2])
    assert shown(references, masked(second, 0.1, 2)) == 0.0
    assert shown(references, masked(first, 0.1, 1)) == 0.0
    assert len(references.refused) == 1
    assert "1, 2" in references.refused[0]


def test_a_stand_in_leaves_before_a_persons_own_face_comes_and_never_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    references, state = stream(), FaceState()
    sources = Sources(references, cast(Any, OneStandIn()))

    def step(time: float) -> tuple[str, float]:
        (laid,) = sources.guides([masked(state, time)])
        state.time = time
        if laid is None:
            return "nobody", 0.0
        return ("own" if laid.picture.max() > 0 else "stand-in"), round(float(laid.trust.max()), 3)

    assert step(0.0) == ("stand-in", 1.0)
    bare(references, state, [0.02])
    seen = [step(0.04 * count) for count in range(1, 13)]
    assert [who for who, _ in groupby(seen, key=itemgetter(0))] == ["stand-in", "nobody", "own"]
    leaving, coming = ([much for who, much in seen if who == each] for each in ("stand-in", "own"))
    assert leaving == [0.8, 0.6, 0.4, 0.2]
    assert coming[:5] == [0.2, 0.4, 0.6, 0.8, 1.0]
    monkeypatch.setattr(FakeWorn, "refusing", "turned")
    after = [step(1.0 + 0.04 * count)[0] for count in range(8)]
    assert [who for who, _ in groupby(after)] == ["own", "nobody"]


def test_faces_that_a_first_look_found_are_kept_whenever_they_were_seen() -> None:
    later = ReferenceBank([reference(time=9.0)])
    references = References(cast(Any, None), nullcontext(), given={}, search=True, known={(1, 0): later})
    state = FaceState()
    bare(references, state, [0.0, 0.5])
    references.look(Frame.from_ndarray(np.zeros((32, 32, 3), np.uint8), 1.0), view(state), 0.9)
    assert [each.time for each in later.nearest(reference().angles, 3)] == [9.0]
    assert shown(references, masked(state, 1.0)) == 1.0


def test_a_mask_that_is_overlooked_for_a_moment_is_not_taken_for_a_face() -> None:
    references, state = stream(), FaceState()
    pixels = np.zeros((32, 32, 3), np.uint8)
    for time, score in ((0.0, 0.9), (0.1, 0.05), (0.3, 0.1), (0.4, 0.9), (0.8, 0.05)):
        references.look(Frame.from_ndarray(pixels, time), view(state), score)
    assert shown(references, masked(state, 1.0)) == 0.0
    references.look(Frame.from_ndarray(pixels, 1.1), view(state), 0.05)
    assert shown(references, masked(state, 1.2)) > 0.0
