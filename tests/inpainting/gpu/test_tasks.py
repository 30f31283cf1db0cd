"""A task that is written once runs on the CPU and on a device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stream_unmask.inpainting.tasks import Task
from stream_unmask.networks import Networks
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.settings import Settings
from tests.inpainting.gpu.clips import assert_all_alike, frames, in_flight, pictures

GUIDE = Path(__file__).parents[3] / "docs" / "extending.md"


@pytest.fixture(scope="module")
def blur() -> Callable[[], Task]:
    """The task that the guide writes."""
    code = GUIDE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, Callable[[], Task]] = {}
    exec(compile(code, str(GUIDE), "exec"), names)
    return names["Blur"]


def test_the_guides_task_blurs_bare_and_masked_faces_alike_on_both(
    ways: tuple[Networks, Networks], blur: Callable[[], Task], masked_clip: Path, bare_clip: Path
) -> None:
    shown = [*pictures(masked_clip, 2), *pictures(bare_clip, 2)]
    plain, ahead = (Stream(each, Settings(), task=blur()) for each in ways)
    expected = [UnmaskedFrame(frame, plain.process(frame)) for frame in frames(shown)]
    done, _ = in_flight(ahead, frames(shown))
    assert_all_alike(expected, done)
    for each in done:
        (face,) = each.faces
        assert 0.1 < (face.alpha == 1).mean() < 0.6
        x0, y0, x1, y1 = (round(side) for side in face.box)
        sharp, blurred = (
            np.abs(np.diff(planes.y[y0:y1, x0:x1].astype(int))).mean()
            for planes in (each.frame.decoded_planes(), each.frame.planes())
        )
        assert blurred < 0.6 * sharp
