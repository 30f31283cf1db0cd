"""What is heard while the camera is away: silence, so that players keep their clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.audio.frame import format_dtypes
from av.audio.stream import AudioStream

from stream_unmask.output.live.silence import Silence, silent_packet
from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.sounds import Sound, sounds
from tests.output.live.making import Camera, camera, fan_out, frames, ticks, write
from tests.output.live.test_outputs import FakeTarget, recording
from tests.support.waiting import wait_until

_CODECS = {"aac": ("mp4", 48_000), "libopus": ("mkv", 48_000), "libmp3lame": ("mkv", 44_100)}


def heard_as(codec: str, folder: Path) -> Sound:
    """The sound of a file."""
    suffix, rate = _CODECS.get(codec, ("wav", 8000))
    path = folder / f"sound.{suffix}"
    with av.open(path, "w") as container:
        stream = cast(AudioStream, container.add_stream(codec, rate, layout="stereo"))
        container.start_encoding()
        name = stream.codec_context.format.name
        shape = (2, 4608) if name.endswith("p") else (1, 2 * 4608)
        frame = av.AudioFrame.from_ndarray(np.zeros(shape, format_dtypes[name]), name, "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with av.open(path) as container:
        return sounds(container.streams.audio)[0]


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw", "pcm_s16le", "aac", "libopus", "libmp3lame"])
def test_silence_is_what_the_camera_would_send(codec: str, tmp_path: Path) -> None:
    sound = heard_as(codec, tmp_path)
    packet = silent_packet(sound)
    decoder = av.CodecContext.create(sound.codec, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout, decoder.extradata = sound.rate, "stereo", sound.extradata
    decoded = [
        frame
        for number in range(5)
        for frame in decoder.decode(packet.at(Fraction(number * packet.samples, sound.rate), sound.rate))
    ]
    assert sum(frame.samples for frame in decoded[1:]) >= 3 * packet.samples
    for frame in decoded:
        assert (frame.sample_rate, frame.layout.nb_channels) == (sound.rate, 2)
        assert np.abs(frame.to_ndarray().astype(np.float64)).max() <= 8


def test_a_camera_that_sends_aac_with_headers_gets_them(tmp_path: Path) -> None:
    sound = heard_as("aac", tmp_path)
    bare = Sound(sound.codec, sound.rate, 2, None, sound.template, sound._holder)
    (tmp_path / "quiet.aac").write_bytes(silent_packet(bare).data * 5)
    with av.open(tmp_path / "quiet.aac") as container:
        read = [(frame.samples, frame.sample_rate, frame.layout.name) for frame in container.decode(audio=0)]
    assert read[1:] == [(1024, 48_000, "stereo")] * 4


def test_what_nothing_encodes_alike_is_left_alone(tmp_path: Path) -> None:
    sound = heard_as("aac", tmp_path)
    other = Sound("aac", sound.rate, 2, b"\x2b\x11\x88\x00", sound.template, sound._holder)
    unknown = Sound("adpcm_ima_wav_none", 8000, 1, None, sound.template, sound._holder)
    assert [bool(silent_packet(each)) for each in (other, unknown)] == [False, False]


def spans(packets: list[CopiedPacket]) -> list[tuple[float, float]]:
    return [
        (float((each.packet.pts or 0) * each.packet.time_base), float(each.packet.duration or 0) / 8000)
        for each in packets
    ]


def test_silence_goes_on_where_sound_ended_and_a_little_behind_real_time(tmp_path: Path) -> None:
    source = camera(tmp_path, "pcm_mulaw")
    silence = Silence(source.sounds)
    assert list(silence.due(1000.0)) == []
    for packet in ticks(0, 2):
        silence.heard(packet, 100.0)
    assert list(silence.due(100.9)) == []
    found = spans([*silence.due(103.0), *silence.due(103.0), *silence.due(105.0)])
    starts = [start for start, _ in found]
    assert starts == pytest.approx([2 + 0.02 * number for number in range(len(found))])
    assert sum(found[-1]) == pytest.approx(2 + 5 - 0.5)
    for packet in ticks(7, 8):
        silence.heard(packet, 106.0)
    assert list(silence.due(106.5)) == []
    assert spans(list(silence.due(107.5)))[0][0] == pytest.approx(8)


def test_live_outputs_carry_silence_and_recordings_do_not(tmp_path: Path) -> None:
    source: Camera = camera(tmp_path, "pcm_mulaw")
    copied, encoded = FakeTarget(), FakeTarget(format="mpegts")
    outputs = fan_out(source, copied, encoded, recording(tmp_path))
    write(outputs, frames(25), ticks(0, 1))

    def heard(target: FakeTarget, variant: str) -> list[float]:
        return [float(each.time) for each in target.packets if each.track.variant == variant]

    wait_until(lambda: max(heard(encoded, "aac"), default=0) > 1.8)
    shown = [float(each.time) for each in copied.packets if each.starts_video]
    write(outputs, frames(25, 75), ticks(3, 4))
    outputs.close()
    assert shown
    for target, variant in ((copied, "copy"), (encoded, "aac")):
        times = heard(target, variant)
        assert times == sorted(times)
        assert max(np.diff([each for each in times if each < 1.8])) < 0.1
    with av.open(tmp_path / "out.mp4") as container:
        times = [frame.time or 0 for frame in container.decode(audio=0)]
    assert not [each for each in times if 1.2 < each < 2.8]
