"""One file, as a worker does it."""

from __future__ import annotations

import io
from pathlib import Path

import av
import PIL.Image
import pytest

from stream_unmask.fleet.planning import plan
from stream_unmask.fleet.work import How, do_file
from stream_unmask.output.pictures import write_image
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings

pytest.importorskip("fsspec")

HOW = How.on(1, Settings(backend="openvino"), OutputOptions())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, masked_clip: Path) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "a.mp4").write_bytes(masked_clip.read_bytes())
    (folder / "broken.mp4").write_bytes(b"no video")
    with av.open(masked_clip) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    write_image(folder / "p.png", picture)
    return folder


def test_a_worker_tells_what_became_of_each_file(archive: Path, tmp_path: Path) -> None:
    (tmp_path / ".a.part.mp4").write_bytes(b"left by a worker that died")
    video, broken, picture = (do_file(item, HOW) for item in plan([str(archive)], str(tmp_path)))
    assert (video.state, video.frames, video.masked) == ("done", 24, 1)
    assert video.seconds == pytest.approx(2, abs=0.1)
    assert video.sheet is not None
    # Rows of input, mask and output, 128 pixels each.
    assert PIL.Image.open(io.BytesIO(video.sheet)).width == 3 * 128
    assert (broken.state, broken.frames) == ("failed", 0)
    assert "is not a video" in broken.why
    assert picture.state == "done"
    assert picture.sheet is not None
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "p.png"}


def test_the_same_file_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (item, *_) = plan([str(archive / "a.mp4")], str(tmp_path / name))
        do_file(item, HOW)
        made.append(Path(item.output).read_bytes())
    assert made[0] == made[1]
