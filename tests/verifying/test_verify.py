"""What was made here is known again: by its mark, by its label, by its credential."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.clips import portrait, put_mask_on
from stream_unmask.api import Unmasker
from stream_unmask.cli.main import cli
from stream_unmask.errors import InputError
from stream_unmask.output.pictures import write_image
from stream_unmask.pipeline import Stream
from stream_unmask.verifying.findings import Credential, Findings
from stream_unmask.verifying.verify import verify
from tests.inpainting.gpu.clips import frames, pictures


@pytest.fixture(scope="module")
def unmasked(unmasker: Unmasker, masked_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a face, unmasked."""
    path = tmp_path_factory.mktemp("unmasked") / "out.mp4"
    unmasker.video(masked_clip, path)
    return path


def encoded_again(source: Path, target: Path, width: int, height: int) -> Path:
    """A smaller and worse copy without metadata."""
    with av.open(source) as old, av.open(target, "w") as new:
        stream = new.add_stream("libx264", 12)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "23"}
        for frame in old.decode(video=0):
            small = frame.reformat(width, height, "yuv420p")
            small.pts, small.time_base = frame.pts, frame.time_base
            new.mux(stream.encode(small))
        new.mux(stream.encode(None))
    return target


def test_a_video_says_what_was_done_and_when(unmasked: Path) -> None:
    found = verify(unmasked)
    assert found.made_here
    assert "synthetic" in found.label
    (face,) = found.marks
    assert (face.number, face.worn, face.version) == (1, False, 1)
    ((first, last),) = face.seconds
    assert first == 0
    assert 1.8 < last < 2
    assert face.log10_chance < -6
    assert found.credential is None
    assert "face 1" in "\n".join(found.sentences())


def test_the_mark_outlives_another_encoder_and_lost_metadata(unmasked: Path, tmp_path: Path) -> None:
    copy = encoded_again(unmasked, tmp_path / "copy.mkv", 560, 314)
    result = CliRunner().invoke(cli, ["verify", str(copy), "--json"], standalone_mode=False)
    assert result.exception is None
    found = json.loads(result.output)
    assert found["made_here"] is True
    assert found["label"] == ""
    assert found["marks"][0]["log10_chance"] < -6


def test_a_video_that_nobody_touched_is_not_taken_for_made_here(bare_clip: Path) -> None:
    result = CliRunner().invoke(cli, ["verify", str(bare_clip)])
    assert result.exit_code == 1
    assert "none was read (1 face in 24 frames)" in result.output
    assert "proves nothing" in result.output


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_what_cannot_be_read_is_said_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    for name in ("broken.mp4", "broken.png"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"broken\.\w+ .*\.$"):
            verify(tmp_path / name)


def test_a_picture_has_a_mark_and_a_label(unmasker: Unmasker, tmp_path: Path) -> None:
    photo = write_image(tmp_path / "photo.png", put_mask_on(portrait(512), 2))
    unmasker.image(photo, tmp_path / "out.png")
    found = verify(tmp_path / "out.png")
    assert "synthetic" in found.label
    assert [face.worn for face in found.marks] == [False]


def test_a_mark_changes_nothing_but_what_is_inpainted(unmasker: Unmasker, masked_clip: Path) -> None:
    plain = Stream(unmasker.networks, replace(unmasker.settings, mark=False))
    marked, bare = (next(iter(frames(pictures(masked_clip, 1)))) for _ in range(2))
    (face,) = unmasker.stream().process(marked)
    (same,) = plain.process(bare)
    np.testing.assert_array_equal(face.alpha, same.alpha)
    before, with_mark, without = (
        frame.y.astype(int) for frame in (bare.decoded_planes(), marked.planes(), bare.planes())
    )
    differs = with_mark != without
    assert differs.sum() / (without != before).sum() > 0.2
    assert np.abs(with_mark - without).max() <= 6
    # Bit for bit, also where something faint was laid over it.
    assert not differs[before == without].any() or (without != before)[differs].mean() > 0.9


def test_a_credential_is_said_in_words() -> None:
    signed = Credential("Ada", "Valid", "A guess.", names_the_mark=True)
    found = Findings("a.mp4", signed, "", (), 0, 0)
    assert found.made_here
    assert "signed by Ada, for whom nobody vouches here" in "\n".join(found.sentences())
    changed = replace(found, credential=replace(signed, state="Invalid"))
    assert "was changed since" in "\n".join(changed.sentences())
