"""Every frame comes out at the time it had."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.video.frame import Frame
from tests.video.making import FAST, LOSSLESS, Recipe, make_video, pass_through, read

UNEVEN = (0, 300, 900, 1000, 4000, 4001, 9000, 9500, 16_000, 20_000)
NTSC_FILM = Recipe(
    pts=tuple(range(0, 12 * 1001, 1001)), time_base=Fraction(1, 24_000), rate=Fraction(24_000, 1001)
)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(Recipe(), id="constant"),
        pytest.param(NTSC_FILM, id="23.976"),
        pytest.param(Recipe(pts=UNEVEN), id="variable"),
        pytest.param(Recipe(pts=tuple(p + 7777 for p in UNEVEN)), id="starts late"),
        pytest.param(
            Recipe(time_base=Fraction(1, 600), pts=range(0, 240, 20), rate=Fraction(30)), id="1/600"
        ),
        pytest.param(
            Recipe(time_base=Fraction(1, 1_000_000), pts=range(0, 400_000, 33_367)), id="microseconds"
        ),
        pytest.param(Recipe(options={"preset": "medium", "bf": "3", "b-pyramid": "normal"}), id="B-pyramid"),
        pytest.param(Recipe(sounds=("eng",), sound_start=-1024), id="priming"),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_mp4_keeps_every_pts(tmp_path: Path, recipe: Recipe, suffix: str) -> None:
    source = make_video(
        tmp_path / f"in{suffix}",
        replace(recipe, container_options={"video_track_timescale": str(recipe.time_base.denominator)}),
    )
    sink = pass_through(source, tmp_path / f"out{suffix}", EncoderSettings("libx264", 30, "veryfast"))
    before, after = read(source), read(tmp_path / f"out{suffix}")
    assert len(before.pts) == len(recipe.pts)
    assert after.info.time_base == before.info.time_base
    assert after.pts == before.pts
    assert after.packet_times == before.packet_times
    assert sink.repaired_timestamps == 0
    assert sink.frames_written == len(recipe.pts)


@pytest.mark.parametrize("settings", [FAST, LOSSLESS], ids=["x264", "ffv1"])
def test_matroska_keeps_every_pts(tmp_path: Path, settings: EncoderSettings) -> None:
    recipe = Recipe(pts=(0, 40, 45, 200, 201, 999, 1500), time_base=Fraction(1, 1000), sounds=("eng",))
    source = make_video(tmp_path / "in.mkv", recipe)
    pass_through(source, tmp_path / "out.mkv", settings)
    before, after = read(source), read(tmp_path / "out.mkv")
    assert after.pts == before.pts
    assert after.packet_times == before.packet_times


@pytest.mark.parametrize(
    ("suffix", "settings", "tick"),
    [
        (".webm", EncoderSettings("libvpx", preset="8"), Fraction(1, 1000)),
        (".ts", FAST, Fraction(1, 90_000)),
        (".mkv", FAST, Fraction(1, 1000)),
        (".mp4", EncoderSettings("mpeg4"), Fraction(1, 24_000)),
    ],
)
def test_other_containers_keep_times_to_a_tick_of_theirs(
    tmp_path: Path, suffix: str, settings: EncoderSettings, tick: Fraction
) -> None:
    source = make_video(tmp_path / "in.mp4", NTSC_FILM)
    pass_through(source, tmp_path / f"out{suffix}", settings)
    before, after = read(source).times, read(tmp_path / f"out{suffix}").times
    shift = after[0] - before[0]
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        assert abs(other - shift - one) <= tick


def test_avi_keeps_every_time_of_a_steady_video(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", replace(NTSC_FILM, sounds=("eng",)))
    pass_through(source, tmp_path / "out.avi", EncoderSettings())
    after = read(tmp_path / "out.avi")
    assert after.info.codec == "mpeg4"
    assert after.times == [index * Fraction(1001, 24_000) for index in range(12)]
    assert after.packets == read(source).packets


def test_an_edit_list_that_skips_a_start_is_followed(tmp_path: Path) -> None:
    # A negative start makes the muxer write an edit list that cuts off what lies before zero.
    recipe = Recipe(pts=range(-1536, 4096, 512), sounds=("eng",), options={"preset": "ultrafast", "g": "3"})
    source = make_video(tmp_path / "in.mp4", recipe)
    pass_through(source, tmp_path / "out.mp4")
    before, after = read(source), read(tmp_path / "out.mp4")
    assert before.pts
    assert after.pts == before.pts
    assert after.packet_times[1] == before.packet_times[1]


@pytest.mark.parametrize("last", [512, 4096, 100])
def test_the_last_frame_keeps_its_duration(tmp_path: Path, last: int) -> None:
    recipe = Recipe(durations=(512,) * 9 + (last,))
    source = make_video(tmp_path / "in.mp4", recipe)
    pass_through(source, tmp_path / "out.mp4")
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        assert after.streams.video[0].duration == before.streams.video[0].duration == 9 * 512 + last


def test_frames_without_durations_get_the_usual_one(clip: Path, tmp_path: Path) -> None:
    def forget(frame: Frame) -> Frame:
        return replace(frame, duration=0)

    pass_through(clip, tmp_path / "out.mp4", change=forget)
    with av.open(str(tmp_path / "out.mp4")) as after:
        assert after.streams.video[0].duration == 10 * 512


def test_timestamps_that_stand_still_or_go_back_are_moved_by_a_tick(clip: Path, tmp_path: Path) -> None:
    order = [0, 512, 512, 400, 2048, 2560, 3072, 3584, 4096, 4608]

    def shuffle(frame: Frame) -> Frame:
        return replace(frame, pts=order[frame.index])

    sink = pass_through(clip, tmp_path / "out.mp4", change=shuffle)
    assert sink.repaired_timestamps == 2
    assert read(tmp_path / "out.mp4").pts == [0, 512, 513, 514, 2048, 2560, 3072, 3584, 4096, 4608]


def test_frames_of_another_time_base_are_brought_to_that_of_the_stream(clip: Path, tmp_path: Path) -> None:
    def in_milliseconds(frame: Frame) -> Frame:
        return replace(frame, pts=frame.index * 40, time_base=Fraction(1, 1000), duration=40)

    pass_through(clip, tmp_path / "out.mp4", change=in_milliseconds)
    assert read(tmp_path / "out.mp4").pts == list(range(0, 5120, 512))


def test_a_pause_of_a_video_with_b_frames_keeps_its_place(tmp_path: Path) -> None:
    # In MP4 the time that the pause takes is borne by a frame that is shown after it.
    pts = [*range(0, 20 * 512, 512), *range(200 * 512, 220 * 512, 512)]
    options = {"preset": "veryfast", "bf": "3"}
    source = make_video(tmp_path / "in.mp4", Recipe(pts=pts, options=options, sounds=("eng",)))
    sink = pass_through(source, tmp_path / "out.mp4", EncoderSettings("libx264", 30, "veryfast"))
    before, after = read(source), read(tmp_path / "out.mp4")
    assert after.times == before.times
    assert after.packet_times == before.packet_times
    assert sink.repaired_timestamps == 0


def test_frames_out_of_order_in_a_container_that_tells_no_order_run_evenly(tmp_path: Path) -> None:
    # AVI has times of decoding only; of those of presentation, its reader has an idea.
    recipe = Recipe(pts=range(0, 60 * 3600, 3600), time_base=Fraction(1, 90_000))
    source = make_video(tmp_path / "in.ts", recipe)
    with av.open(str(source)) as whole, av.open(str(tmp_path / "in.avi"), "w") as copy:
        video = copy.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                copy.mux(packet)
    sink = pass_through(tmp_path / "in.avi", tmp_path / "out.mkv", EncoderSettings("libx264", 30, "veryfast"))
    after = read(tmp_path / "out.mkv")
    steps = [late - early for early, late in zip(after.times, after.times[1:], strict=False)]
    assert len(after.times) == 60
    # The first ones may show what the reader guessed at first, and the last are flushed a field apart.
    assert set(steps[2:-2]) == {Fraction(1, 25)}
    assert max(steps) < Fraction(1, 10)
    assert sink.repaired_timestamps <= 2


def test_short_recordings_that_are_joined_follow_one_another(tmp_path: Path) -> None:
    recipe = Recipe(pts=range(0, 18 * 3600, 3600), time_base=Fraction(1, 90_000), sounds=("eng",))
    part = make_video(tmp_path / "part.ts", recipe).read_bytes()
    (tmp_path / "in.ts").write_bytes(part * 3)
    pass_through(tmp_path / "in.ts", tmp_path / "out.mp4")
    after = read(tmp_path / "out.mp4")
    steps = [late - early for early, late in zip(after.times, after.times[1:], strict=False)]
    assert len(after.times) == 3 * 18
    assert min(steps) > Fraction(1, 50)
    assert abs(after.times[-1] - after.packet_times[1][-1]) < Fraction(1, 5)


def test_subtitles_that_overlap_stay_where_they_are(tmp_path: Path) -> None:
    lines = tuple((second * 500, 4000, b"0,0,Default,,0,0,0,,Hello") for second in range(12))
    recipe = Recipe(
        pts=range(0, 6000, 40), time_base=Fraction(1, 1000), subtitles=lines, subtitle_codec="ass"
    )
    source = make_video(tmp_path / "in.mkv", recipe)
    sink = pass_through(source, tmp_path / "out.mkv")
    before, after = read(source), read(tmp_path / "out.mkv")
    assert len(before.packet_times[1]) == 12
    assert after.packet_times == before.packet_times
    assert sink.repaired_timestamps == 0


def test_pictures_of_an_avi_run_evenly_whatever_their_order_of_decoding(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "3", "b-adapt": "0"}
    recipe = Recipe(time_base=Fraction(1, 25), pts=range(20), options=options)
    source = make_video(tmp_path / "in.avi", recipe)
    found = read(source)
    assert found.pts == list(range(found.pts[0], found.pts[0] + 20))
    sink = pass_through(source, tmp_path / "out.mp4")
    assert sink.repaired_timestamps == 0


@pytest.mark.parametrize("codec", ["adpcm_ms", "adpcm_ima_wav", "mp3", "pcm_s16le"])
def test_sound_of_an_avi_lasts_as_long_in_another(codec: str, tmp_path: Path) -> None:
    recipe = Recipe(time_base=Fraction(1, 25), pts=range(50), codec="mpeg4", options={}, sounds=("eng",))
    source = make_video(tmp_path / "in.avi", replace(recipe, sound_codec=codec))
    sink = pass_through(source, tmp_path / "out.avi", EncoderSettings())
    assert lasting(tmp_path / "out.avi") == pytest.approx(lasting(source), abs=0.1)
    # FFmpeg takes packets of ADPCM for half as long again as they are.
    assert ("is written as MP3" in " ".join(sink.warnings)) == codec.startswith("adpcm")


def lasting(path: Path) -> float:
    """Seconds from the first packet of the sound to the last."""
    with av.open(str(path)) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.size]  # type: ignore[operator]
    return times[-1] - times[0]
