"""What a run leaves to look at: a JSON line for each step, TensorBoard events, sample sheets."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.whole import replacing
from stream_unmask.errors import UnmaskError
from trainer.recipe import Shown

LOG = "log.jsonl"


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; a last one that was cut short is left out.

    Raises:
        UnmaskError: there is no log.
    """
    lines = []
    try:
        with (run / LOG).open(encoding="utf-8") as file:
            for text in file:
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    break
    except OSError as error:
        raise UnmaskError(f"There is no log in {run}.", path=run) from error
    return lines


def draw_sheet(shown: Shown) -> NDArray[np.uint8]:
    """(N*S, columns*S, 3) uint8 RGB: a row for each pair, a column for each kind of picture."""
    columns = [_as_bytes(pictures) for pictures in shown.pictures]
    return np.hstack([np.vstack(list(column)) for column in columns])


def _as_bytes(pictures: Tensor) -> NDArray[np.uint8]:
    """N,3,S,S in -1..1 or N,1,S,S in 0..1 to (N, S, S, 3)."""
    values = pictures.float().expand(-1, 3, -1, -1)
    scaled = values * 255 if pictures.shape[1] == 1 else (values + 1) * 127.5
    return scaled.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


class _Events:
    """TensorBoard's file of a run, where its writer is installed: a bare GPU machine has none."""

    def __init__(self, folder: Path) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        folder.mkdir(exist_ok=True)
        # Not SummaryWriter: its thread dies silently on a full disk, and the training then waits for it.
        self._writer = EventsWriter(str(folder / "events"))

    @classmethod
    def begun(cls, folder: Path, step: int) -> _Events | None:
        """Begin a file whose next step is ``step``; None where it cannot be written."""
        try:
            from tensorboardX.proto.event_pb2 import SessionLog
        except ModuleNotFoundError:
            return None
        events = cls(folder)
        events._write(step, session_log=SessionLog(status=SessionLog.START))
        return events

    def numbers(self, numbers: dict[str, float], step: int) -> None:
        """Write a step's numbers by name."""
        from tensorboardX.summary import scalar

        for name, value in numbers.items():
            self._write(step, summary=scalar(name, value))
        self._writer.flush()

    def picture(self, picture: NDArray[np.uint8], step: int) -> None:
        """Write a step's sheet, (H, W, 3) RGB."""
        from tensorboardX.summary import image

        self._write(step, summary=image("held_out", picture, dataformats="HWC"))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(wall_time=time.time(), step=step, **content))


class RunLog:
    """Writes into a run's folder; to be entered before use."""

    def __init__(self, run: Path, step: int) -> None:
        """Go on after ``step`` steps; what a broken run logged beyond them is dropped."""
        self._run = run
        self._step = step

    def __enter__(self) -> RunLog:
        self._forget_what_was_lost()
        self._file = (self._run / LOG).open("a", encoding="utf-8")
        self._events = _Events.begun(self._run / "tensorboard", self._step + 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._events is not None:
            with suppress(OSError):
                self._events.close()

    def write(self, line: dict[str, float]) -> None:
        """One line, ``step`` among its numbers. What is not finite becomes null."""
        rounded = {name: _rounded(value) for name, value in line.items()}
        self._file.write(json.dumps(rounded) + "\n")
        self._file.flush()
        if self._events is not None:
            numbers = {name: value for name, value in line.items() if name != "step" and math.isfinite(value)}
            self._events.numbers(numbers, int(line["step"]))

    def sheet(self, shown: Shown, step: int) -> None:
        """A sample sheet: ``sheets/<step>.png``."""
        picture = draw_sheet(shown)
        folder = self._run / "sheets"
        folder.mkdir(exist_ok=True)
        _, coded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        (folder / f"{step:07d}.png").write_bytes(coded.tobytes())
        if self._events is not None:
            self._events.picture(picture, step)

    def _forget_what_was_lost(self) -> None:
        path = self._run / LOG
        if not path.exists():
            return
        kept = [line for line in read_log(self._run) if line["step"] <= self._step]
        with replacing(path) as part:
            part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def _rounded(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return value if isinstance(value, int) else round(value, 6)
