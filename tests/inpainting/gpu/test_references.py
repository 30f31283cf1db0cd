"""A person's own face where the work on pixels is done on a device: here torch's CPU."""

from __future__ import annotations

from pathlib import Path

import av

from stream_unmask.api import Unmasker
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.pipeline import Stream
from stream_unmask.settings import Settings
from stream_unmask.survey import Survey
from stream_unmask.video.frame import Frame
from tests.inpainting.gpu.engines import twins


def frames(path: Path, first: int, last: int) -> list[Frame]:
    with av.open(path) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][first:last]
    return [Frame.from_ndarray(each, (first + place) / 12) for place, each in enumerate(pictures)]


def test_what_was_seen_bare_is_worn_in_flight_and_found_by_a_first_look(
    unmasker: Unmasker, bare_clip: Path, masked_clip: Path
) -> None:
    _, networks = twins(unmasker.networks, BUNDLED_WEIGHTS, "generator", "cpu")
    stream = Stream(networks, Settings())
    done = [each for frame in frames(bare_clip, 0, 4) for each in stream.submit(frame)]
    done += [each for frame in frames(masked_clip, 4, 8) for each in stream.submit(frame)]
    done += stream.drain()
    assert len(done) == 8
    (face,) = stream.faces
    assert face.reference == "frame 0"
    assert face.reference_frames == face.masked_frames > 0
    survey = Survey(networks, Settings())
    for frame in [*frames(masked_clip, 0, 4), *frames(bare_clip, 4, 14)]:
        survey.look(frame)
    assert len(survey.banks()[1, 0]) > 0
