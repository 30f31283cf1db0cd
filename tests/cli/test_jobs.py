"""From what the user named to the files to do, and what is passed over."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from stream_unmask.cli.jobs import Job, plan, tidy
from stream_unmask.errors import OutputError, UnmaskError
from stream_unmask.output.parts import PartFile
from stream_unmask.video.files import LONGEST_NAME, list_folder
from tests.video.making import Recipe, make_video


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"something")
    return folder


def test_a_folder_says_what_it_passes_over(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", "a.JPG", "b.HEIC", "pi.h264", "Thumbs.db", ".hidden", "sub/c.jpg")
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    planned = plan(str(folder), (), overwrite=False)
    assert [job.output.name for job in planned.jobs] == ["a.JPG", "b.HEIC.jpg", "pi.h264.mp4"]
    assert [job.picture for job in planned.jobs] == [True, True, False]
    said = " ".join(planned.passed_over)
    assert "Thumbs.db" in said
    assert "dangling.jpg" in said
    assert "folder sub" in said
    assert "--recursive" in said
    assert ".hidden" not in said


def test_long_lists_are_cut_short(tmp_path: Path) -> None:
    folder = filled(tmp_path, "a.jpg", *(f"{index}.txt" for index in range(9)))
    (sentence,) = list_folder(folder).passed_over
    assert (
        sentence == "Passed over (no videos or pictures): files 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 4 more."
    )


def test_folders_in_a_folder_keep_their_places(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", "a.jpg", "x/a.jpg", "x/y/b.mp4", "out/c.jpg")
    (folder / "loop").symlink_to(folder)
    planned = plan(str(folder), (str(folder / "out"),), overwrite=False, recursive=True)
    outputs = [str(job.output.relative_to(folder / "out")) for job in planned.jobs]
    assert outputs == ["a.jpg", "x/a.jpg", "x/y/b.mp4"]
    assert all(job.output.parent.is_dir() for job in planned.jobs)
    assert "loop" in " ".join(planned.passed_over)


def test_what_was_done_before_is_left_out(tmp_path: Path) -> None:
    folder = filled(tmp_path / "in", "a.jpg", "b.jpg")
    filled(tmp_path / "out", "a.jpg")
    planned = plan(str(folder), (str(tmp_path / "out"),), overwrite=False)
    assert ([Path(job.source).name for job in planned.jobs], planned.done_before) == (["b.jpg"], 1)
    assert len(plan(str(folder), (str(tmp_path / "out"),), overwrite=True).jobs) == 2


def test_a_folder_without_media_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match=r"no video or picture.*notes\.txt"):
        plan(str(filled(tmp_path, "notes.txt")), (), overwrite=False)


@pytest.mark.parametrize("letter", ["a", "字"])
def test_the_name_of_an_output_fits(tmp_path: Path, letter: str) -> None:
    source = tmp_path / (letter * (250 // len(letter.encode())) + ".mp4")
    source.write_bytes(b"something")
    (job,) = plan(str(source), (), overwrite=False).jobs
    assert len(os.fsencode(job.output.name)) <= LONGEST_NAME
    assert job.output.name.endswith(".unmasked.mp4")


@pytest.mark.parametrize(
    ("codec", "subtitles", "suffix"),
    [("mp2", "", ".mp4"), ("mp2", "subrip", ".mkv"), ("pcm_s16le", "", ".mp4"), ("tta", "", ".mkv")],
)
def test_the_container_is_chosen_by_what_the_input_holds(
    tmp_path: Path, codec: str, subtitles: str, suffix: str
) -> None:
    recipe = Recipe(sounds=("eng",), sound_codec=codec, subtitle_codec=subtitles)
    if subtitles:
        recipe = replace(recipe, subtitles=((0, 300, b"0,0,Default,,0,0,0,,Hello"),))
    source = make_video(tmp_path / "in.mkv", recipe).rename(tmp_path / "in.mxf")
    (job,) = plan(str(source), (), overwrite=False).jobs
    assert job.output.name == f"in.mxf.unmasked{suffix}"


def test_what_comes_through_a_pipe_is_not_looked_into_before_it_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wmv"
    os.mkfifo(pipe)  # which nobody writes to: to open it would wait for ever
    (job,) = plan(str(pipe), (str(tmp_path / "out.mp4"),), overwrite=False).jobs
    assert job.output == tmp_path / "out.mp4"
    (job,) = plan(str(pipe), (), overwrite=False).jobs
    assert job.output.name == "pipe.wmv.unmasked.mp4"


def test_what_is_made_of_a_folder_goes_into_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    folder = filled(tmp_path, "video.mp4")
    planned = plan(str(folder), (f"{tmp_path}/new/",), overwrite=False)
    assert [job.output for job in planned.jobs] == [tmp_path / "new/video.mp4"]


def test_what_is_made_of_a_folder_goes_into_no_stream(tmp_path: Path) -> None:
    folder = filled(tmp_path, "video.mp4")
    for output in ("rtsp://127.0.0.1/door/", "-"):
        with pytest.raises(OutputError, match="written to one place"):
            plan(str(folder), (output,), overwrite=False)


def test_what_a_crash_leaves_of_a_file_goes_and_of_a_camera_is_kept(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"

    def leave() -> Path:
        part = PartFile.claim(output)
        part.path.write_bytes(b"half")
        part.release()
        return part.path

    part = leave()
    assert tidy(Job("in.mp4", (output,))) == []
    assert not part.exists()
    leave()
    (said,) = tidy(Job("rtsp://camera.local/stream", ("rtsp://127.0.0.1/out", output)))
    assert said == f"What was recorded is in {tmp_path / 'out.interrupted.mp4'}."
    assert (tmp_path / "out.interrupted.mp4").read_bytes() == b"half"
