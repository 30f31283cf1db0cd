"""A GPU decodes what the CPU would have decoded, and where there is none the CPU does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.hwaccel import HWAccel

from stream_unmask.errors import UnmaskError
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video


def has_gpu() -> bool:
    try:
        return bool(av.CodecContext.create("h264", "r", hwaccel=HWAccel("cuda")).is_hwaccel)
    except (av.FFmpegError, ValueError):
        return False


def frames(path: Path, *, gpu_decode: bool) -> tuple[list[Frame], list[str]]:
    with open_source(path, gpu_decode=gpu_decode) as source:
        found = [item for item in source if isinstance(item, Frame)]
        return found, source.problems.sentences()


NO_NVDEC = pytest.mark.skipif(not has_gpu(), reason="no GPU here decodes video")
H264 = Recipe(width=320, height=240, colours=(1, 1, 1, 1))


@pytest.mark.parametrize("recipe", [H264, replace(H264, codec="ffv1", options={})], ids=["h264", "ffv1"])
@pytest.mark.parametrize("gpu", [pytest.param(True, marks=[pytest.mark.gpu, NO_NVDEC]), False])
def test_frames_are_the_same(
    tmp_path: Path, recipe: Recipe, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not gpu:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    path = make_video(tmp_path / "in.mkv", recipe)
    plain, _ = frames(path, gpu_decode=False)
    decoded, sentences = frames(path, gpu_decode=True)
    assert [frame.pts for frame in decoded] == [frame.pts for frame in plain]
    for one, other in zip(plain, decoded, strict=True):
        assert one.duration == other.duration
        assert one.picture.colorspace == other.picture.colorspace
        ours, theirs = one.planes(), other.planes()
        for mine, its in ((ours.y, theirs.y), (ours.u, theirs.u), (ours.v, theirs.v)):
            np.testing.assert_array_equal(mine, its)
    by_cpu = not gpu or recipe.codec == "ffv1"
    assert sentences == ([f"No GPU here decodes {path}; the CPU does."] if by_cpu else [])


def test_what_is_no_video_is_still_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    with pytest.raises(UnmaskError, match="is not a video"):
        open_source(tmp_path / "notes.mp4", gpu_decode=True)
