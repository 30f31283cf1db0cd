"""Masks are put on bare faces, and on no others."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from stream_unmask import EncoderSettings, OutputOptions, Settings, Unmasker
from stream_unmask.cli.unmask import unmask
from stream_unmask.output.pictures import write_image
from stream_unmask.video.images import read_image
from tests.inpainting.wearing import with_wearer

LOSSLESS = OutputOptions(encoder=EncoderSettings(codec="ffv1"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without a generator: wearing needs none, so none is compiled."""
    folder = with_wearer(tmp_path_factory.mktemp("wearing") / "weights")
    (folder / "generator.onnx").unlink()
    return folder


@pytest.fixture(scope="module")
def dresser(weights: Path) -> Unmasker:
    return Unmasker(Settings(wear=True, weights=weights))


def pictures(path: Path) -> NDArray[np.int64]:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(int)


def test_a_bare_face_is_given_a_mask_and_keeps_it(dresser: Unmasker, bare_clip: Path, tmp_path: Path) -> None:
    report = dresser.video(bare_clip, tmp_path / "out.mkv", LOSSLESS)
    assert (report.masked_faces, report.faces[0].masked_frames) == (1, 24)
    assert report.faces[0].score < 0.2
    given, made = pictures(bare_clip), pictures(tmp_path / "out.mkv")
    worn = np.abs(made - given).max(axis=-1) > 40
    assert 0.005 < worn.mean() < 0.1
    colours = np.array([now[here].mean(axis=0) for now, here in zip(made, worn, strict=True)])
    assert colours.std(axis=0).max() < 3
    with av.open(tmp_path / "out.mkv") as container:
        assert "put masks on" in container.metadata["COMMENT"]


def test_a_face_that_wears_one_is_left_alone_bit_for_bit(
    dresser: Unmasker, masked_clip: Path, tmp_path: Path
) -> None:
    report = dresser.video(masked_clip, tmp_path / "out.mkv", LOSSLESS)
    assert (len(report.faces), report.masked_faces) == (1, 0)
    assert np.array_equal(pictures(tmp_path / "out.mkv"), pictures(masked_clip))


def test_the_command_says_what_it_did_to_a_picture(
    weights: Path, bare_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with av.open(bare_clip) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    write_image(tmp_path / "face.png", picture)
    done = CliRunner().invoke(unmask, ["face.png", "--wear", "--weights", str(weights)])
    assert done.exit_code == 0, done.output
    assert "1 of 1 faces given a mask" in done.output
    assert (read_image("face.masked.png").pixels != picture).any()
