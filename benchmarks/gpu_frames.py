"""The work on the pixels of faces as a GPU does it, without following: host, GPU and launches a frame.

Without a GPU the CPU plays one, with few frames, so that all this can be tried.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.spread import Laps, Spread, spreads
from engines.backends.pytorch_cuda import PyTorchEngine
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.faces.alignment import Pose, mean_face
from stream_unmask.inpainting.face import FaceView
from stream_unmask.inpainting.gpu.networks import GpuNetworks
from stream_unmask.inpainting.gpu.ops import GpuDevice
from stream_unmask.inpainting.inpainter import Inpainter, Inpainting
from stream_unmask.inpainting.tasks import Unmask
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame

_SIDE = 256
_WARM_UPS = 10
_PROFILED = 5


@dataclass(frozen=True, slots=True)
class FrameCost:
    """One workload.

    Attributes:
        faces: in a frame of 1280x720.
        ahead: frames that are queued before the last one is waited for.
        frame: host time from one frame to the next, in milliseconds.
        host: processor time a frame, in milliseconds.
        fps: frames a second.
        stages: what the host did, by stage.
    """

    faces: int
    ahead: int
    frame: Spread
    host: float
    fps: float
    stages: dict[str, Spread]


def measure(target: Path, table: Path, say: Callable[[str], None]) -> None:
    """Measure one stream with 1, 2 and 4 faces, several streams at once, and the launches of a frame.

    Args:
        target: JSON file, written anew after each step: what ends the measurement takes nothing away.
        table: text file, what torch's profiler says of some frames.
        say: told of each step.
    """
    on_gpu = torch.cuda.is_available()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    networks = _networks("cuda" if on_gpu else "cpu")
    count = 200 if on_gpu else 3
    found: dict[str, Any] = {"device": torch.cuda.get_device_name() if on_gpu else "the CPU"}

    def keep(key: str, value: object) -> None:
        found.setdefault(key, []).append(value)
        target.write_text(json.dumps(found, indent=1))

    for faces in (1, 2, 4) if on_gpu else (1,):
        for ahead in (0, 1):
            way = one_stream(networks, faces, count, ahead)
            say(f"{faces} faces, {ahead} ahead: {way.frame.p50:.2f} ms, host {way.host:.2f} ms")
            keep("one stream", asdict(way))
    for streams in (2, 4, 8) if on_gpu else (2,):
        fps = many_streams(networks, streams, count)
        say(f"{streams} streams: {fps:.0f} frames/s together")
        keep("streams", {"streams": streams, "fps": fps})
    launches = profiled(networks, table)
    say(f"launches of a frame: {launches}")
    keep("launches", launches)


def _networks(device: str) -> GpuNetworks:
    precision: Any = "fp16" if device == "cuda" else "fp32"
    return GpuNetworks(
        {
            "segmenter": PyTorchEngine(
                BUNDLED_WEIGHTS / "segmenter.onnx", precision=precision, device=device
            ),
            "generator": PyTorchEngine(
                BUNDLED_WEIGHTS / "generator.onnx", precision=precision, device=device
            ),
        }
    )


def _stream(networks: GpuNetworks, faces: int) -> tuple[Inpainter[Tensor], list[FaceView]]:
    inpainter = Inpainter(GpuDevice(networks), Unmask("feather", smooth=True))
    views = []
    for k in range(faces):
        x, y, eyes = 300 + 230 * k, 360, 60.0
        alignment = Pose(x, y, 0.02, eyes, 0.0).alignment(_SIDE)
        points, box = mean_face() * eyes + (x, y, 0), (x - eyes, y - eyes, x + eyes, y + eyes)
        views.append(FaceView(inpainter.task.new_state(), alignment, points, box))
    return inpainter, views


def _frames(count: int) -> list[Frame]:
    """Frames of 1280x720 with something in them."""
    noise = np.random.default_rng(0).integers(0, 256, (1080, 1280), dtype=np.uint8)
    planes = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.uint8)
    return [
        Frame(av.VideoFrame.from_ndarray(planes, "yuv420p"), k, k, Fraction(1, 30), 1) for k in range(count)
    ]


def one_stream(networks: GpuNetworks, faces: int, count: int, ahead: int) -> FrameCost:
    """Time the frames of one stream.

    Args:
        networks: what it uses.
        faces: in each frame, all of them inpainted.
        count: frames, after some to warm up.
        ahead: frames that are queued before the last one is waited for.
    """
    inpainter, views = _stream(networks, faces)
    shown = _frames(count + _WARM_UPS)
    _walk(inpainter, views, shown[:_WARM_UPS], ahead, Laps())
    stages = Laps()
    begun, worked = time.perf_counter(), time.thread_time()
    laps = _walk(inpainter, views, shown[_WARM_UPS:], ahead, stages)
    seconds, host = time.perf_counter() - begun, time.thread_time() - worked
    frame = Spread.of(laps)
    assert frame is not None
    return FrameCost(faces, ahead, frame, 1000 * host / count, count / seconds, spreads([stages]))


def _walk(
    inpainter: Inpainter[Tensor],
    views: Sequence[FaceView],
    shown: Sequence[Frame],
    ahead: int,
    stages: Stages,
) -> list[float]:
    """Seconds that the host was with each frame."""
    segmented: deque[Inpainting[Tensor]] = deque()
    inpainted: deque[Inpainting[Tensor]] = deque()

    def go_on(ahead: int) -> None:
        while len(segmented) > ahead:
            each = segmented.popleft()
            each.scores()
            each.inpaint([1.0] * len(views))
            inpainted.append(each)
        while len(inpainted) > ahead:
            inpainted.popleft().finish()

    laps = []
    for frame in shown:
        begun = time.perf_counter()
        segmented.append(inpainter.begin(frame, views, stages))
        go_on(ahead)
        laps.append(time.perf_counter() - begun)
    go_on(0)
    return laps


def many_streams(networks: GpuNetworks, streams: int, count: int) -> float:
    """Frames a second of several streams together, each in a thread: what the interpreter's lock leaves."""
    networks.prepare(streams)
    threads = [threading.Thread(target=one_stream, args=(networks, 1, count, 1)) for _ in range(streams)]
    begun = time.perf_counter()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return streams * (count + _WARM_UPS) / (time.perf_counter() - begun)


def profiled(networks: GpuNetworks, table: Path) -> dict[str, float]:
    """Launches and GPU time of a frame with one face."""
    on_gpu = torch.cuda.is_available()
    inpainter, views = _stream(networks, 1)
    shown = _frames(_WARM_UPS + _PROFILED)
    _walk(inpainter, views, shown[:_WARM_UPS], 0, Stages())
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=kinds) as seen:
        _walk(inpainter, views, shown[_WARM_UPS:], 0, Stages())
    events = seen.events() or []
    kernels = [each for each in events if str(each.device_type).endswith("CUDA")]
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    table.write_text(seen.key_averages().table(sort_by=order, row_limit=60))
    return {
        "kernels": len(kernels) / _PROFILED,
        "gpu_ms": sum(each.time_range.elapsed_us() for each in kernels) / 1000 / _PROFILED,
        "operators": sum(each.name.startswith("aten::") for each in events) / _PROFILED,
    }
