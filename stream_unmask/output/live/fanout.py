"""A camera's outputs: one encode for each kind of them, and each on its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from stream_unmask.errors import UnmaskError
from stream_unmask.heap import give_back_memory
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.compare import side_by_side
from stream_unmask.output.live.encoding import BESIDE, Encode, Kind, still
from stream_unmask.output.live.holding import Held, OnLoss
from stream_unmask.output.live.muxing import check
from stream_unmask.output.live.outputs import Output
from stream_unmask.output.live.packets import EncodedPacket, Variant
from stream_unmask.output.live.silence import Silence
from stream_unmask.output.live.sound import WINDOW, variant_for
from stream_unmask.output.live.targets import Target
from stream_unmask.video.container import CopiedPacket, Reconnected
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo
from stream_unmask.video.sounds import Sound
from stream_unmask.video.source import Item, Source

_TICK = 0.1
"""Seconds between two looks at whether live outputs need a picture while the camera is away."""

_SETTLES = 5.0
"""Seconds after which outputs have let go of what was for a camera's connection before."""

_WEBM_CODEC = "libvpx-vp9"

_HEARD: frozenset[Kind] = frozenset(("recording", "live"))
"""Kinds that have sound."""


class Fanout:
    """Takes a camera's finished frames and its sound, and brings them to all outputs.

    Args:
        source: what they come from.
        targets: where they go.
        settings: how recordings are encoded.
        on_loss: what live outputs show while the camera is away.
        notify: gets a sentence for what a user should know at once.
        width_factor: how many times wider than the source's the frames are.

    Attributes:
        outputs: what became of each target.
        warnings: a sentence for what is not as it came.

    Raises:
        UnmaskError: a target cannot be, or an encoder refuses.
    """

    def __init__(
        self,
        source: Source,
        targets: Sequence[Target],
        settings: EncoderSettings,
        on_loss: OnLoss,
        notify: Callable[[str], None],
        *,
        width_factor: int = 1,
    ) -> None:
        self.warnings: list[str] = []
        self._notify, self._settings, self._width_factor = notify, settings, width_factor
        if settings.codec is None and any(target.format == "webm" for target in targets):
            self._settings = EncoderSettings(_WEBM_CODEC, settings.quality, settings.preset, settings.threads)
        for target in targets:
            target.prepare(notify)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._repaired = 0
        self._encodes: dict[Kind, Encode] = {}
        self._targets = list(targets)
        self._live = source.info.live
        self._begin(source.info, source.sounds)
        self.outputs = [Output(target, notify, waits=not self._live) for target in targets]
        self._held = Held(on_loss)
        self._connection = 0
        self._settles_at: float | None = None
        self._seen_at = time.strftime("%H:%M")
        self._ticking = False
        self._tick_if_needed()

    @property
    def repaired_timestamps(self) -> int:
        return self._repaired + sum(encode.repaired_timestamps for encode in self._encodes.values())

    @property
    def newest(self) -> Frame | None:
        """The last frame that was written; None before the first. It is not to be drawn into."""
        return self._held.last

    def add(self, target: Target) -> Output:
        """Begin another output, at the next keyframe.

        Raises:
            UnmaskError: it cannot be, or an encoder refuses.
        """
        target.prepare(self._notify)
        with self._lock:
            self._targets.append(target)
            if target.kind not in self._encodes:
                self._begin_kind(target.kind, self._info, self._sounds)
            output = Output(target, self._notify, waits=not self._live)
            self.outputs = [*self.outputs, output]
            self._encodes[target.kind].refresh()
            self._tick_if_needed()
        return output

    def remove(self, output: Output) -> None:
        """End one output; the others go on."""
        with self._lock:
            self._targets.remove(output.target)
            kind = output.target.kind
            if not any(target.kind == kind for target in self._targets):
                self._put(kind, self._encodes.pop(kind).flush())
            self.outputs = [each for each in self.outputs if each is not output]
        output.end(interrupted=False)
        output.finish()

    def refresh(self, kind: Kind) -> None:
        """Make the next picture of a kind one that a player can start at: somebody joins."""
        with self._lock:
            if kind in self._encodes:
                self._encodes[kind].refresh()

    def write(self, item: Item) -> None:
        """Encode the next frame, or pass sound on.

        Raises:
            UnmaskError: no output takes anything any more, or the encoder refuses.
        """
        with self._lock:
            if isinstance(item, Frame):
                self._frame(item, self._encodes)
                self._held.seen(item, time.monotonic())
                self._seen_at = time.strftime("%H:%M:%S")
            elif isinstance(item, CopiedPacket):
                self._silence.heard(item, time.monotonic())
                for kind, encode in self._encodes.items():
                    self._put(kind, encode.sound(item))
            else:
                self._restart(item)
        failures = [output.failure for output in self.outputs]
        if failures and all(failures):
            raise UnmaskError(" ".join(dict.fromkeys(failures)))
        if isinstance(item, Frame):
            self._settle(item.connection)

    def _settle(self, connection: int) -> None:
        """Give back what was for the connection before, lest decoders and encoders pile up for a minute."""
        now = time.monotonic()
        if connection != self._connection:
            self._connection, self._settles_at = connection, now + _SETTLES
        elif self._settles_at is not None and now >= self._settles_at:
            self._settles_at = None
            give_back_memory()

    def close(self) -> Path | None:
        """End all outputs; the first file that came of them.

        Raises:
            UnmaskError: one of them failed on the way. The others are whole.
        """
        self._finish(interrupted=False)
        failures = [output.failure for output in self.outputs if output.failure]
        if failures:
            raise UnmaskError(" ".join(dict.fromkeys(failures)))
        return self.first_file

    def keep(self) -> Path | None:
        """End all outputs; files say in their names that they are not whole."""
        self._finish(interrupted=True)
        return self.first_file

    def discard(self) -> None:
        """Keep what is there, after an error: a camera's recording cannot be made again."""
        if not self._over.is_set():
            self._finish(interrupted=True)

    @property
    def first_file(self) -> Path | None:
        return next((file for output in self.outputs for file in output.files), None)

    def _finish(self, *, interrupted: bool) -> None:
        self._over.set()
        with self._lock:
            for kind, encode in self._encodes.items():
                self._put(kind, encode.flush())
        for output in self.outputs:
            output.end(interrupted=interrupted)
        for output in self.outputs:
            output.finish()

    def _begin(self, info: SourceInfo, sounds: Mapping[int, Sound]) -> None:
        self._info, self._sounds = info, sounds
        self._silence = Silence(sounds)
        for kind in dict.fromkeys(target.kind for target in self._targets):
            self._begin_kind(kind, info, sounds)
        self._warn(
            f"The stream {index} ({name}) of the camera was left out."
            for index, name in info.other_streams.items()
            if index not in sounds
        )

    def _begin_kind(self, kind: Kind, info: SourceInfo, sounds: Mapping[int, Sound]) -> None:
        said: list[str] = []
        variants: dict[int, set[Variant]] = {index: set() for index in sounds}
        for target in self._targets:
            if target.kind == kind and kind in _HEARD and target.format != WINDOW:
                said += self._choose(target, sounds, variants)
        width_factor = 2 if kind in BESIDE else self._width_factor
        encode = Encode(kind, info, sounds, self._settings, variants, width_factor)
        for target in self._targets:
            if target.kind == kind == "recording":
                check(target.format, encode.program, target.shown)
        self._encodes[kind] = encode
        self._warn([*said, *encode.warnings])

    def _warn(self, said: Iterable[str]) -> None:
        self.warnings += [sentence for sentence in dict.fromkeys(said) if sentence not in self.warnings]

    def _choose(
        self, target: Target, sounds: Mapping[int, Sound], variants: dict[int, set[Variant]]
    ) -> list[str]:
        """Add how a target wants each stream of sound; a sentence for what is encoded."""
        said = []
        for index, sound in sounds.items():
            variant = variant_for(target.format, sound.codec)
            variants[index].add(variant)
            if variant != "copy":
                said.append(f"The sound ({sound.codec}) is encoded as {variant.upper()} for {target.format}.")
        return said

    def _restart(self, camera: Reconnected) -> None:
        """Go on with a camera that came back as another one: in new files and new connections."""
        for kind, encode in self._encodes.items():
            self._put(kind, encode.flush())
            self._repaired += encode.repaired_timestamps
        info = camera.info
        self._notify(f"{info.uri} is another one now ({info.codec}, {info.width}x{info.height}).")
        self._begin(info, camera.sounds)

    def _frame(self, frame: Frame, kinds: Iterable[Kind]) -> None:
        """Encode a frame for each kind that somebody takes."""
        taken = {target.kind for target in self._targets if target.wanted}
        wanted = [kind for kind in kinds if kind in taken]
        beside = frame
        if self._width_factor == 1 and any(kind in BESIDE for kind in wanted):
            beside = side_by_side(frame)
        for kind in wanted:
            shown = beside if kind in BESIDE else frame
            self._put(kind, self._encodes[kind].frame(still(shown) if kind == "stills" else shown))

    def _put(self, kind: Kind, packets: Iterable[EncodedPacket]) -> None:
        for packet in packets:
            for output in self.outputs:
                if output.target.kind == kind:
                    output.put(packet)

    def _tick_if_needed(self) -> None:
        if self._live and not self._ticking and any(each.kind != "recording" for each in self._targets):
            self._ticking = True
            threading.Thread(target=self._tick, name="hold", daemon=True).start()

    def _tick(self) -> None:
        """Show live outputs the last picture, and let them hear silence, while the camera brings none."""
        while not self._over.wait(_TICK):
            self._hold(time.monotonic())

    def _hold(self, now: float) -> None:
        """What is due at a time of ``time.monotonic``."""
        with self._lock:
            if self._over.is_set():
                return
            shown = {kind: encode for kind, encode in self._encodes.items() if kind != "recording"}
            frame = self._held.next(now, self._seen_at)
            if frame is not None:
                self._frame(frame, shown)
            if not self._held.stops:
                for packet in self._silence.due(now):
                    for kind, encode in shown.items():
                        self._put(kind, encode.sound(packet))
