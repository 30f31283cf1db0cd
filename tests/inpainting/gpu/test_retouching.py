"""Whole clips on a device, three frames in flight, against the same clips on the CPU, one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.clips import ClipOptions, make_clip
from engines.backends.pytorch_cuda import PyTorchEngine
from engines.contract import NetworkName
from stream_unmask.api import Unmasker
from stream_unmask.faces.detection import Detections
from stream_unmask.faces.mesh import Mesh, Region
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.guides import Seen, StandIns
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.sources import Sources
from stream_unmask.inpainting.tasks import Unmask
from stream_unmask.networks import Networks
from stream_unmask.output.writing import OutputOptions, Progress
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.pixels.geometry import Box
from stream_unmask.pixels.planes import Planes
from stream_unmask.settings import Settings
from stream_unmask.video.thumbnail import Thumbnail
from tests.conftest import SMALL
from tests.inpainting.gpu.clips import assert_alike, assert_all_alike, frames, in_flight, pictures
from tests.inpainting.gpu.engines import NO_GPU
from tests.inpainting.wearing import with_wearer


@pytest.fixture(scope="module")
def two_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    return make_clip(path, ClipOptions(faces=2, sound=False, **{**SMALL, "frames": 5}))


def test_a_clip_with_cuts_bare_faces_and_two_faces_comes_out_alike(
    ways: tuple[Networks, Networks], masked_clip: Path, bare_clip: Path, two_faces: Path
) -> None:
    on_cpu, on_device = ways
    empty = av.VideoFrame.from_ndarray(np.full((360, 640, 3), 90, np.uint8), "rgb24").reformat(
        format="yuv420p"
    )
    shown = [
        *pictures(masked_clip, 3),
        *[empty] * 2,
        *pictures(two_faces, 3),
        empty,
        *pictures(bare_clip, 1),
        *pictures(masked_clip, 3),
    ]
    plain, ahead = (Stream(networks, Settings()) for networks in ways)
    expected = [UnmaskedFrame(frame, plain.process(frame)) for frame in frames(shown)]
    done, counts = in_flight(ahead, frames(shown))
    assert on_cpu.gpu is None
    assert on_device.gpu is not None
    assert counts == [0, 0] + [1] * (len(shown) - 2)
    assert [each.frame.index for each in done] == list(range(len(shown)))
    assert [len(each.faces) for each in expected] == [1, 1, 1, 0, 0, 2, 2, 2, 0, 0, 1, 1, 1]
    assert_all_alike(expected, done)
    for report, other_report in zip(plain.faces, ahead.faces, strict=True):
        assert replace(report, score=0) == replace(other_report, score=0)


class Unsure:
    """A detector and a mesh that are sure of no face."""

    def __init__(self, networks: Networks) -> None:
        self._detector, self._mesh = networks.detector, networks.mesh

    def detect(self, thumbnail: Thumbnail) -> Detections:
        found = self._detector.detect(thumbnail)
        return replace(found, scores=found.scores * 0.4)

    def look_closer(self, planes: Planes, region: Region) -> tuple[float, NDArray[np.float64]] | None:
        found = self._detector.look_closer(planes, region)
        return found and (found[0] * 0.4, found[1])

    def fit(self, planes: Planes, region: Region) -> Mesh:
        return replace(self._mesh.fit(planes, region), presence=0.0)


def test_in_a_single_picture_a_mask_proves_a_face(
    ways: tuple[Networks, Networks], masked_clip: Path, bare_clip: Path
) -> None:
    for networks in ways:
        unsure = Unsure(networks)
        doubting = replace(networks, detector=unsure, mesh=unsure)  # type: ignore[arg-type]
        for clip, still, expected in ((masked_clip, True, 1), (bare_clip, True, 0), (masked_clip, False, 0)):
            (frame,) = frames(pictures(clip, 1))
            stream = Stream(doubting, Settings(), still=still)
            assert len(stream.process(frame)) == len(stream.faces) == expected


@pytest.mark.parametrize("pixel_format", ["nv12", "yuv420p10le", "p010le", "yuv444p", "yuvj422p"])
def test_all_pixel_formats_come_out_alike(
    ways: tuple[Networks, Networks], masked_clip: Path, pixel_format: str
) -> None:
    shown = pictures(masked_clip, 2)
    plain, ahead = (Stream(networks, Settings(blend="poisson")) for networks in ways)
    done, _ = in_flight(ahead, frames(shown, pixel_format))
    for frame, other in zip(frames(shown, pixel_format), done, strict=True):
        assert len(plain.process(frame)) == len(other.faces) == 1
        assert_alike(frame, other.frame)


class OneFace:
    """Lays the same picture on the first face of every frame, and nothing on others."""

    def guide(self, seen: Seen) -> LaidFace | None:
        if seen.view.number > 1:
            return None
        size = seen.view.alignment.size
        rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
        picture = np.stack([0.4 + 0.2 * rows, 0.3 + 0.2 * columns, 0.3 + 0.1 * np.sin(rows * 60)], axis=2)
        trust = np.clip(4 - 10 * np.hypot(rows - 0.65, columns - 0.5), 0, 1)
        whole = Box(0, 0, size, size)
        return LaidFace(picture.astype(np.float32), trust.astype(np.float32), whole)


@pytest.mark.parametrize("still", [False, True])
def test_guided_faces_come_out_alike(ways: tuple[Networks, Networks], two_faces: Path, still: bool) -> None:
    task = Unmask("feather", smooth=True, still=still, sources=Sources(stand_ins=cast(StandIns, OneFace())))
    shown = pictures(two_faces, 1 if still else 3)
    plain, ahead = (Stream(networks, Settings(), still=still, task=task) for networks in ways)
    expected = [UnmaskedFrame(frame, plain.process(frame)) for frame in frames(shown)]
    assert_all_alike(expected, in_flight(ahead, frames(shown))[0])
    alone = Stream(ways[0], Settings(), still=still)
    (first, *_) = frames(shown)
    alone.process(first)
    assert (first.planes().y != expected[0].frame.planes().y).any()


def test_a_single_picture_is_done_at_once_and_left_as_it_is_where_nobody_wears_a_mask(
    ways: tuple[Networks, Networks], masked_clip: Path, bare_clip: Path
) -> None:
    for clip, masked in ((masked_clip, 1), (bare_clip, 0)):
        (one,), (other,) = (frames(pictures(clip, 1)) for _ in ways)
        for networks, frame in zip(ways, (one, other), strict=True):
            assert len(Stream(networks, Settings(), still=True).process(frame)) == masked
            assert frame.touched == bool(masked)
        assert_alike(one, other)


def test_a_single_picture_takes_more_work_than_a_videos_first(
    ways: tuple[Networks, Networks], masked_clip: Path
) -> None:
    for networks in ways:
        (still,), (first,) = (frames(pictures(masked_clip, 1)) for _ in range(2))
        Stream(networks, Settings(), still=True).process(still)
        Stream(networks, Settings()).process(first)
        assert (still.planes().y != first.planes().y).any()


def test_a_frame_cannot_overtake_those_in_flight(ways: tuple[Networks, Networks], masked_clip: Path) -> None:
    first, second = frames(pictures(masked_clip, 2))
    stream = Stream(ways[1], Settings())
    assert stream.submit(first) == []
    with pytest.raises(RuntimeError, match="drained"):
        stream.process(second)
    (done,) = stream.drain()
    assert (done.frame, len(done.faces)) == (first, 1)
    assert len(stream.process(second)) == 1


def test_a_video_is_written_whole(ways: tuple[Networks, Networks], two_faces: Path, tmp_path: Path) -> None:
    ahead = object.__new__(Unmasker)
    ahead.settings, ahead.networks, ahead._references = Settings(), ways[1], {}
    seen: list[Progress] = []
    options = OutputOptions(save_masks=True, watermark=True, compare=True)
    report = ahead.video(two_faces, tmp_path / "out.mp4", options, progress=seen.append)
    assert (report.frames, [face.masked_frames for face in report.faces]) == (5, [5, 5])
    assert [(each.frames, each.faces) for each in seen] == [(count, 2) for count in range(1, 6)]
    with av.open(two_faces) as given, av.open(tmp_path / "out.mp4") as made:
        assert times(given) == times(made)
    with av.open(tmp_path / "out.mask.mp4") as masks:
        assert len(times(masks)) == 5


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("wear", [False, True])
def test_the_host_waits_for_nothing_unasked_and_memory_is_used_again(
    unmasker: Unmasker, masked_clip: Path, bare_clip: Path, tmp_path: Path, wear: bool
) -> None:
    weights, clip = with_wearer(tmp_path / "weights"), bare_clip if wear else masked_clip
    names: tuple[NetworkName, ...] = ("segmenter", "wearer" if wear else "generator")
    networks = GpuNetworks({name: PyTorchEngine(weights / f"{name}.onnx", device="cuda") for name in names})
    stream = Stream(replace(unmasker.networks, gpu=networks), Settings(wear=wear))
    shown = list(frames(pictures(clip, 16)))
    # These load kernels, record graphs and bring constants over.
    done, _ = in_flight(stream, iter(shown[:8]))
    reserved = torch.cuda.memory_reserved()
    torch.cuda.set_sync_debug_mode("error")
    try:
        done += in_flight(stream, iter(shown[8:]))[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert [len(each.faces) for each in done] == [1] * 16
    assert torch.cuda.memory_reserved() <= reserved + 4 * 2**20


def times(container: av.container.InputContainer) -> list[float]:
    return [round(frame.time, 3) for frame in container.decode(video=0)]
