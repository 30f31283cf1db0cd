"""An output with a thread, a queue, a state and patience of its own: no other one waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from stream_unmask.errors import UnmaskError
from stream_unmask.output.live.delays import Delays
from stream_unmask.output.live.packets import EncodedPacket
from stream_unmask.output.live.targets import Opened, Target
from stream_unmask.video.camera import Backoff

_log = logging.getLogger(__name__)

State = Literal["waiting", "open", "lost", "failed", "closed"]

_MOST_BYTES = 64 << 20
_MOST_SECONDS = 10.0
"""What may wait for an output that is slow, before it is passed over up to the next keyframe."""

_MOST_SECONDS_KEPT = 60.0
"""The same for a camera's recording: what is late is as good there, and disks that wake up, or that many
write to, hang for longer than 10 seconds."""

_STUCK = 8.0
"""Seconds without a packet taken after which an output hangs: it is left alone once nothing more may wait."""

_STALLED = 3.0
"""Seconds without a packet taken after which that is told."""

_LAST_SECONDS = 20.0
"""Seconds that an output gets to end."""

_KEPT_NAMES = 100
"""Files whose names are remembered."""


class _Line:
    """The queue of one thread of an output; left alone, it takes nothing more."""

    def __init__(self) -> None:
        self._packets: deque[EncodedPacket] = deque()
        self._bytes = 0
        self._ended = False
        self._idle = True
        self.left = False
        self.changed = threading.Condition()

    def add(self, packet: EncodedPacket) -> None:
        with self.changed:
            self._packets.append(packet)
            self._bytes += len(packet.data)
            self.changed.notify_all()

    def is_idle(self) -> bool:
        """Whether nothing waits, and what was taken last is done."""
        with self.changed:
            return self._idle and not self._packets

    def is_full(self, most_seconds: float) -> bool:
        with self.changed:
            if not self._packets:
                return False
            waits = float(self._packets[-1].time - self._packets[0].time)
            return self._bytes > _MOST_BYTES or waits > most_seconds

    def clear(self) -> int:
        """Throw away what waits; how many packets that was."""
        with self.changed:
            count = len(self._packets)
            self._packets.clear()
            self._bytes = 0
            return count

    def end(self) -> None:
        with self.changed:
            self._ended = True
            self.changed.notify_all()

    def leave(self) -> None:
        with self.changed:
            self.left = True
            self._packets.clear()
            self.changed.notify_all()

    def take(self) -> EncodedPacket | None:
        """The next packet, once what was taken before is done; None at the end."""
        with self.changed:
            self._idle = True
            while not self._packets:
                if self._ended or self.left:
                    return None
                self.changed.wait()
            packet = self._packets.popleft()
            self._bytes -= len(packet.data)
            self._idle = False
            self.changed.notify_all()
            return packet


class Output:
    """Takes packets for a target, begins it at a keyframe, and begins it again when it fails or hangs.

    Args:
        target: where they go.
        notify: gets a sentence when it fails, and when it is there again.
        waits: whoever brings packets waits where this is slower; else they are passed over, as they are
            while it is lost.

    Attributes:
        state: what it does now.
        failure: why it takes nothing any more; empty while it does.
        passed_over: packets that it was too slow for.
        delays: from the camera's frame to what was written.
        files: the newest files that came of it.
        file_count: how many came of it in all.
    """

    def __init__(self, target: Target, notify: Callable[[str], None], *, waits: bool) -> None:
        self.target = target
        self.state: State = "waiting"
        self.failure = ""
        self.passed_over = 0
        self.delays = Delays()
        self.files: deque[Path] = deque(maxlen=_KEPT_NAMES)
        self.file_count = 0
        self._notify, self._waits = notify, waits
        self._backoff = Backoff()
        self._not_before = self._opened_at = self._ends_at = 0.0
        self._was_open = self._is_behind = False
        self._busy_since: float | None = None
        self._opened: Opened | None = None
        self._needs_keyframe = True
        self._interrupted = False
        self._start()

    @property
    def is_busy(self) -> bool:
        """Whether something waits or is being written."""
        return not self._line.is_idle()

    @property
    def stalled(self) -> float:
        """Seconds for which it has taken nothing though something is there for it; 0 where they are few."""
        since = self._busy_since
        seconds = 0.0 if since is None else time.monotonic() - since
        return seconds if seconds > _STALLED else 0.0

    def put(self, packet: EncodedPacket) -> None:
        """Hand over the next packet."""
        if self.failure:
            return
        self._make_room(self._line)
        if self._needs_keyframe and not packet.starts_video:
            self.passed_over += self._was_open
            return
        self._needs_keyframe = False
        self._line.add(packet)

    def end(self, *, interrupted: bool) -> None:
        """Have it write what waits, and end; :meth:`finish` waits for that.

        Args:
            interrupted: a file that is not whole by that says so in its name.
        """
        self._interrupted, self._ends_at = interrupted, time.monotonic() + _LAST_SECONDS
        self._line.end()

    def finish(self) -> None:
        """Wait for the end of what was told to :meth:`end`; an output that hangs is left alone."""
        self._thread.join(max(0.0, self._ends_at - time.monotonic()))
        if self._thread.is_alive():
            self._line.leave()
            if self._opened is not None:
                self._opened.kill()
            self._fail(f"{self.target.shown} takes nothing any more; it was left as it is.")
        elif not self.failure:
            self.state = "closed" if self.state != "lost" else "lost"
            self.target.end()

    def _start(self) -> None:
        self._line = _Line()
        self._needs_keyframe = True
        self._thread = threading.Thread(target=self._run, args=(self._line,), name="output", daemon=True)
        self._thread.start()

    def _make_room(self, line: _Line) -> None:
        """Wait for a slow output or throw away what it could not take, and leave it alone where it hangs."""
        recording = self.target.kind == "recording"
        # A file has all the time that a recording's disk takes.
        may_hang = self.target.retries and not (self._waits and recording)
        most_seconds = _MOST_SECONDS_KEPT if recording and not self._waits else _MOST_SECONDS
        while line.is_full(most_seconds) and not self.failure:
            busy = self._busy_since
            if may_hang and busy is not None and time.monotonic() - busy > _STUCK:
                self._leave(line)
                return
            if not self._waits or self.state == "lost":
                self._pass_over(line)
                return
            with line.changed:
                line.changed.wait(0.1)

    def _pass_over(self, line: _Line) -> None:
        self.passed_over += line.clear()
        self._needs_keyframe = True
        if self.state == "open" and not self._is_behind:
            self._is_behind = True
            self._notify(
                f"{self.target.shown} takes less than comes; pictures are left out until it catches up."
            )

    def _leave(self, line: _Line) -> None:
        """Let go of what hangs, and begin again beside it."""
        self.passed_over += line.clear()
        line.leave()
        if self._opened is not None:
            self._opened.kill()
        self._busy_since = None
        self._lose(f"{self.target.shown} takes nothing any more.")
        self._start()

    def _run(self, line: _Line) -> None:
        opened: Opened | None = None
        while not self.failure and (packet := line.take()) is not None:
            self._busy_since = time.monotonic()
            try:
                opened = self._opened = self._next(opened, packet)
                if opened is not None and opened.write(packet) and packet.arrival is not None:
                    self.delays.add(time.monotonic() - packet.arrival)
                if self.state != "open" and opened is not None and opened.started:
                    self._start_seen()
            except UnmaskError as error:
                if not line.left:
                    self._lose(str(error))
                self._give_up(opened)
                opened = None
            except Exception:  # a defect in one output must not end the others
                _log.exception("%s failed", self.target.shown)
                self._fail(f"{self.target.shown} failed; see the log.")
            if line.left:
                break
            self._busy_since = None
        self._end(opened, line)

    def _next(self, opened: Opened | None, packet: EncodedPacket) -> Opened | None:
        """What a packet goes into: another one where a new one begins."""
        if opened is not None:
            changed = packet.program is not opened.program
            if not changed and not (packet.starts_video and opened.is_over()):
                return opened
            self._note(opened.close(interrupted=False))
        if not packet.starts_video or time.monotonic() < self._not_before:
            return None
        return self.target.open(packet)

    def _start_seen(self) -> None:
        """What was begun is taken where it goes."""
        if self.state == "lost" and self._was_open:
            self._notify(f"{self.target.shown} is there again.")
        self.state, self._was_open, self._opened_at = "open", True, time.monotonic()

    def _lose(self, why: str) -> None:
        if not self.target.retries or (self._waits and not self._was_open):
            self._fail(why)
            return
        if self.state == "open":
            self._backoff.lasted(time.monotonic() - self._opened_at)
        self._is_behind = False
        pause = self._backoff.next(refused=False)
        self._not_before = time.monotonic() + pause
        self.state = "lost"
        self._notify(f"{why} Trying again in {pause:.0f} s.")

    def _fail(self, why: str) -> None:
        self.state, self.failure = "failed", why
        self._notify(why)
        with self._line.changed:
            self._line.changed.notify_all()

    def _give_up(self, opened: Opened | None) -> None:
        """Keep what can be kept of what failed."""
        if opened is None:
            return
        try:
            kept = opened.close(interrupted=True)
        except (UnmaskError, OSError) as error:
            self._notify(str(error))
            return
        if kept is not None:
            self._note(kept)
            self._notify(f"What was recorded until then is in {kept}.")

    def _end(self, opened: Opened | None, line: _Line) -> None:
        if opened is None:
            return
        if line.left:
            self._give_up(opened)
            return
        try:
            self._note(opened.close(interrupted=self._interrupted))
        except (UnmaskError, OSError) as error:
            self._fail(str(error))

    def _note(self, file: Path | None) -> None:
        if file is not None:
            self.files.append(file)
            self.file_count += 1
