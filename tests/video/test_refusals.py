"""Bad input and bad outputs: one sentence, nothing lost, nothing half-written."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream_unmask.errors import InputError, UnmaskError
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.sink import FileSink
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from tests.video.making import FAST, LOSSLESS, Recipe, make_video, pass_through, read


def _text(folder: Path) -> Path:
    path = folder / "notes.mp4"
    path.write_text("These are notes, and no video at all.\n" * 50)
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def _headless(folder: Path) -> Path:
    """Cut off before the index at its end was written."""
    whole = make_video(folder / "whole.mp4", Recipe())
    path = folder / "cut.mp4"
    path.write_bytes(whole.read_bytes()[:-2000])
    return path


def _sound_only(folder: Path) -> Path:
    path = folder / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        for start in range(0, 8192, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _no_frames(folder: Path) -> Path:
    path = folder / "nothing.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    return path


def _random(folder: Path) -> Path:
    path = folder / "noise.mkv"
    path.write_bytes(np.random.default_rng(1).bytes(20_000))
    return path


LISTS = {
    "concat.mp4": "ffconcat version 1.0\nfile 'other.ts'\n",
    "outside.mp4": "ffconcat version 1.0\nfile '../other.ts'\n",
    "absolute.mkv": "ffconcat version 1.0\nfile '{folder}/other.ts'\n",
    "nested.mp4": "ffconcat version 1.0\nfile 'concat:{folder}/other.ts'\n",
    "playlist.ts": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{folder}/other.ts\n#EXT-X-ENDLIST\n",
    "call.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 26\n",
}
"""What is called a video, and names other files, or a port to listen at."""


@pytest.mark.parametrize("name", LISTS)
def test_a_file_that_names_others_shows_nothing_of_them(tmp_path: Path, name: str) -> None:
    make_video(tmp_path / "other.ts", Recipe())
    (tmp_path / name).write_text(LISTS[name].format(folder=tmp_path))
    with pytest.raises(InputError, match="is a list of other files|is not a video|cannot be opened"):
        open_source(tmp_path / name)


def test_a_list_that_is_called_one_is_followed(tmp_path: Path) -> None:
    make_video(tmp_path / "other.ts", Recipe())
    (tmp_path / "in.ffconcat").write_text(LISTS["concat.mp4"])
    assert len(read(tmp_path / "in.ffconcat").pts) == 10


@pytest.mark.parametrize(
    "make",
    [_text, _empty, _headless, _sound_only, _no_frames, _random, lambda f: f, lambda f: f / "none.mp4"],
)
def test_bad_inputs_are_refused_in_one_sentence(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    with pytest.raises(UnmaskError) as caught:
        open_source(path)
    message = str(caught.value)
    assert path.name in message
    assert message.endswith(".")
    assert "\n" not in message
    assert "Error" not in message


def test_names_with_colons_percents_and_letters_of_all_kinds_work(tmp_path: Path) -> None:
    folder = tmp_path / "a b · ü"
    folder.mkdir()
    source = make_video(folder / "file:clip %03d é 漢字.mp4", Recipe())
    pass_through(source, folder / "https:out %d 'x'.mp4")
    assert read(folder / "https:out %d 'x'.mp4").pts == read(source).pts


@pytest.mark.parametrize(
    "address", ["rtsp://user:hush@127.0.0.1:9/a", "http://user:hush@127.0.0.1:9/a?token=hush"]
)
def test_passwords_are_never_shown(address: str) -> None:
    with pytest.raises(UnmaskError) as caught:
        open_source(address)
    assert "hush" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def _sink(clip: Path, output: Path, settings: EncoderSettings = FAST, **options: bool) -> None:
    with open_source(clip) as source:
        FileSink(output, source, settings, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("none/out.mp4", FAST, "does not exist"),
        ("out.xyz", FAST, "cannot be written to out.xyz"),
        ("out", FAST, "name it out.mp4"),
        ("out.png", FAST, "name it out.mp4"),
        ("out.gif", FAST, "name it out.mp4"),
        ("out.webm", FAST, "cannot hold"),
        ("out.flv", LOSSLESS, "ffv1"),
        ("out.mp4", EncoderSettings("libx264", preset="hasty"), "libx264"),
        ("out.mkv", EncoderSettings("ffv1", quality=3), "no quality"),
        ("out.mkv", EncoderSettings("ffv1", preset="fast"), "no presets"),
        ("folder.mp4", FAST, "is a folder"),
    ],
)
def test_bad_outputs_are_refused_and_leave_nothing(
    clip: Path, tmp_path: Path, name: str, settings: EncoderSettings, expected: str
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnmaskError, match=expected):
        _sink(clip, tmp_path / name, settings)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_closed_to_us_is_refused(clip: Path) -> None:
    closed = Path("/proc/self")
    if not closed.is_dir():
        pytest.skip("there is no /proc here")
    with pytest.raises(UnmaskError, match="writable|cannot be written"):
        _sink(clip, closed / "out.mp4")


def test_the_input_is_never_overwritten(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    (tmp_path / "twin.mp4").hardlink_to(clip)
    monkeypatch.chdir(tmp_path)
    for name in (clip, "clip.mp4", "./link.mp4", "twin.mp4", "../" + tmp_path.name + "/clip.mp4"):
        with pytest.raises(UnmaskError, match="input itself"):
            _sink(clip, Path(name), overwrite=True)
    assert clip.read_bytes() == data


def test_an_existing_output_is_kept_unless_told(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    output.write_text("precious")
    with pytest.raises(UnmaskError, match="exists"):
        _sink(clip, output)
    assert output.read_text() == "precious"
    pass_through(clip, output, overwrite=True)
    assert len(read(output).pts) == 10


def test_an_output_that_appears_meanwhile_is_kept_too(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with open_source(clip) as source:
        sink = FileSink(output, source, FAST)
        for item in source:
            sink.write(item)
        output.write_text("precious")
        with pytest.raises(UnmaskError, match="interrupted"):
            sink.close()
    assert output.read_text() == "precious"
    assert len(read(tmp_path / "out.interrupted.mp4").pts) == 10


def test_nothing_has_the_final_name_before_the_end(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with open_source(clip) as source:
        sink = FileSink(output, source, FAST)
        for item in source:
            sink.write(item)
            assert not output.exists()
        assert (tmp_path / ".out.part.mp4").exists()
        assert sink.close() == output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.mp4"]


def test_interrupted_work_is_kept_and_plays(clip: Path, tmp_path: Path) -> None:
    for expected in ("out.interrupted.mp4", "out.interrupted-2.mp4"):
        with open_source(clip) as source:
            sink = FileSink(tmp_path / "out.mp4", source, FAST)
            for item in source:
                if isinstance(item, Frame) and item.index == 6:
                    break
                sink.write(item)
            assert sink.keep() == tmp_path / expected
    for name in ("out.interrupted.mp4", "out.interrupted-2.mp4"):
        assert read(tmp_path / name).pts == list(range(0, 6 * 512, 512))
    assert len(list(tmp_path.iterdir())) == 3


def test_interrupted_before_the_first_frame_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with open_source(clip) as source:
        assert FileSink(tmp_path / "out.mp4", source, FAST).keep() is None
        with pytest.raises(UnmaskError, match="No frame"):
            FileSink(tmp_path / "out.mp4", source, FAST).close()
        sink = FileSink(tmp_path / "out.mp4", source, FAST)
        sink.discard()
        sink.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """Lets this process write files of no more than so many bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("most", [10, 20_000, 150_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, suffix: str, most: int) -> None:
    recipe = Recipe(pixel_format="yuv444p", pts=range(0, 60 * 512, 512), sounds=("eng",))
    clip = make_video(tmp_path / "clip.mp4", replace(recipe, time_base=Fraction(1, 12_800)))
    settings = EncoderSettings("libx264", quality=0, preset="ultrafast")
    refused = pytest.raises(UnmaskError, match="cannot be (written|started): file too large")
    with refused, small_files(most):
        pass_through(clip, tmp_path / f"out.{suffix}", settings)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_second_run_leaves_the_first_ones_file_alone(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with open_source(clip) as first, open_source(clip) as second:
        one, other = FileSink(output, first, FAST, overwrite=True), FileSink(output, second, FAST)
        for item in first:
            one.write(item)
        one.close()
        whole = output.read_bytes()
        for item in second:
            other.write(item)
        other.discard()
    assert output.read_bytes() == whole
    assert len(read(output).pts) == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.mp4"]


def test_an_output_that_is_a_link_stays_one(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "there.mp4").write_text("old")
    link = tmp_path / "link.mp4"
    link.symlink_to("real/there.mp4")
    pass_through(clip, link, overwrite=True)
    assert link.is_symlink()
    assert len(read(tmp_path / "real" / "there.mp4").pts) == 10
