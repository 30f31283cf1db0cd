"""A file that begins again at its end goes on in time."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

from benchmarks.clips import ClipOptions, make_clip
from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.frame import Frame
from stream_unmask.video.repeating import Repeated
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video


def test_its_times_and_numbers_go_on(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", Recipe(time_base=Fraction(1, 90_000), pts=(0, 3600, 7200)))
    with Repeated(open_source(clip), lambda: open_source(clip)) as source:
        frames = list(islice((item for item in source if isinstance(item, Frame)), 8))
    assert [frame.index for frame in frames] == list(range(8))
    assert all(after.time - before.time > 0 for before, after in pairwise(frames))
    assert frames[3].time - frames[0].time == frames[6].time - frames[3].time >= 0.08
    assert [frame.picture.pts for frame in frames] == [frame.pts for frame in frames]


def test_sound_goes_on_with_the_pictures(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", ClipOptions(width=64, height=48, frames=25, masked=False))
    with open_source(clip) as source:
        once = [item for item in source if isinstance(item, CopiedPacket)]
    assert once
    with Repeated(open_source(clip), lambda: open_source(clip)) as source:
        packets = list(islice((item for item in source if isinstance(item, CopiedPacket)), 2 * len(once)))
    starts = [(each.packet.pts or 0) * each.packet.time_base for each in packets]
    assert starts == sorted(starts)
    assert starts[len(once)] > starts[len(once) - 1]


def test_it_ends_when_it_is_closed(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", Recipe(time_base=Fraction(1, 90_000), pts=(0, 3600, 7200)))
    source = Repeated(open_source(clip), lambda: open_source(clip))
    taken = []
    for item in source:
        taken.append(item)
        if len(taken) == 3:
            source.close()
    assert len(taken) == 3
