"""A video of which only what changed is encoded anew."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.encoder import USUAL_RATE, open_encoder, tell_encoder
from stream_unmask.output.splicing.bitstreams import Bitstream, bitstream_of
from stream_unmask.output.splicing.groups import GroupReader, plan_groups, refusal
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.frame import Frame
from stream_unmask.video.info import SourceInfo, side_data_names

_log = logging.getLogger(__name__)

_READ_FROM = ("mov,mp4", "matroska,webm")
_TAGGED = frozenset(("mp4", "mov", "ipod"))
_WRITTEN_TO = _TAGGED | {"matroska", "webm"}

_DOLBY_VISION = frozenset(("DOVI_RPU_BUFFER", "DOVI_METADATA"))


class Splicer:
    """One video stream of a container: groups of pictures that nothing changed are copied from the source.

    A group is copied when all its pictures came by untouched. At the first that was drawn into, those before
    it are decoded again and encoded, and the others as they come: so no picture waits in memory but an
    encoder's own, however long a group is. Each picture is shown when the source shows it, copied or not;
    the times of decoding are given by those (:meth:`GroupPlan.decoding_times`), and go on over the seams.

    Args:
        container: gets the stream; its header must not have been written.
        info: the video, a file's.
        settings: how what changed is encoded.
        timeline: that of all streams of the container.

    Attributes:
        stream: as the container knows it.
        time_base: seconds in a tick of what is written.
        warnings: a sentence for what a user should know.
        repaired_timestamps: none ever.
        copied: pictures that were copied so far.

    Raises:
        OutputError: nothing of this video can be copied into this container with these settings.
        InputError: the file cannot be read.
    """

    def __init__(
        self, container: OutputContainer, info: SourceInfo, settings: EncoderSettings, timeline: Timeline
    ) -> None:
        self._info, self._settings, self._timeline = info, settings, timeline
        self._path = Path(info.uri)
        self.time_base = info.time_base
        self.warnings: list[str] = []
        self.repaired_timestamps = self.copied = 0
        if not self._path.is_file() or not info.format.startswith(_READ_FROM):
            raise refusal(self._path, "it is no MP4, MOV or Matroska file")
        self._reader = GroupReader(self._path, settings.threads)
        self._bitstream = self._choose_bitstream()
        self._plan = plan_groups(self._path, self._bitstream.opens)
        if len(self._plan.groups) == 1 < self._plan.keyframes:
            raise refusal(self._path, "what follows its keyframes needs what comes before them (open GOPs)")
        self._spare: VideoCodecContext | None = self._new_encoder()  # refuses now what it does not take
        self.stream = self._add_stream(container, self._spare.extradata or b"")
        self._groups = iter(self._plan.groups)
        self._group = next(self._groups)
        self._run: _Run | None = None
        self._changed = False
        self._seen = self._last = 0

    def encode(self, frame: Frame) -> Iterator[Packet[Any]]:
        """Packets that are ready once ``frame`` is there: none for long, then those of a whole group.

        Args:
            frame: the next one of the source.

        Raises:
            OutputError: it is none that the packets of the source tell of, or of another size.
        """
        while frame.pts > self._group.last and (following := next(self._groups, None)) is not None:
            yield from self._end_group()
            self._group = following
        self._check(frame)
        self._timeline.place(self.stream.index, frame.pts * frame.time_base)
        if frame.touched and not self._changed:
            yield from self._encode_seen()
            self._changed = True
        self._seen, self._last = self._seen + 1, frame.pts
        if self._changed:
            yield from self._running().encode(frame.picture)

    def flush(self) -> Iterator[Packet[Any]]:
        """What is left at the end. Of a group that is not over, what was seen of it is encoded."""
        yield from self._end_group()
        yield from self._end_run()
        self._reader.close()
        _log.info("%d pictures of %s were copied", self.copied, self._path)

    def _end_group(self) -> Iterator[Packet[Any]]:
        """Copy the group, where it is whole and untouched."""
        if not self._changed and self._seen == self._group.packets:
            yield from self._end_run()
            yield from self._copy()
        elif not self._changed and self._seen:
            yield from self._encode_seen()
        self._changed, self._seen = False, 0

    def _copy(self) -> Iterator[Packet[Any]]:
        times = self._plan.decoding_times(self._group)
        for source, dts in zip(self._reader.packets(self._group), times, strict=False):
            packet: Packet[Any] = source
            if source.is_keyframe:
                packet = Packet(self._bitstream.copied(bytes(source)))
                packet.pts, packet.duration, packet.is_keyframe = source.pts, source.duration, True
            packet.dts, packet.time_base, packet.stream = dts, self.time_base, self.stream
            self.copied += 1
            yield packet

    def _encode_seen(self) -> Iterator[Packet[Any]]:
        """Encode what came by untouched of the group so far."""
        if self._seen:
            for picture in self._reader.pictures(self._group, self._last):
                yield from self._running().encode(picture)

    def _running(self) -> _Run:
        """What encodes; begun where nothing is encoded yet."""
        if self._run is None:
            times = self._plan.decoding_times(self._group)
            encoder, self._spare = self._spare or self._new_encoder(), None
            self._run = _Run(encoder, self._bitstream, self.stream, times)
        return self._run

    def _end_run(self) -> Iterator[Packet[Any]]:
        if self._run is not None:
            yield from self._run.encode(None)
            self._run = None

    def _check(self, frame: Frame) -> None:
        picture = frame.picture
        if not self._group.shows(frame.pts):
            raise refusal(self._path, f"its picture at {frame.time:.3f} s is not where its packets say")
        if (picture.width, picture.height) != (self._info.width, self._info.height):
            raise refusal(self._path, "the picture's size changes on the way")
        if not self._seen and _DOLBY_VISION & side_data_names(picture):
            raise refusal(self._path, "its Dolby Vision data would be there in some pictures only")

    def _choose_bitstream(self) -> Bitstream:
        source, info, asked = self._reader.stream, self._info, self._settings.codec
        kind = source.codec_context.codec.canonical_name
        bitstream = bitstream_of(kind, source.profile, source.codec_context.extradata or b"")
        if bitstream is None:
            raise refusal(
                self._path, f"that takes H.264, HEVC or AV1 as MP4 and Matroska hold it, not {kind}"
            )
        if asked not in (None, bitstream.encoder):
            raise refusal(self._path, f"{kind} is joined with what {bitstream.encoder} writes, not {asked}")
        if (info.width, info.height) != (source.width, source.height):
            raise refusal(self._path, "the file says that its pictures are to be cropped")
        offered = [each.name for each in av.Codec(bitstream.encoder, "w").video_formats or ()]
        if info.pixel_format != info.decoded_format or info.pixel_format not in offered:
            raise refusal(self._path, f"{bitstream.encoder} does not write {info.decoded_format}")
        return bitstream

    def _add_stream(self, container: OutputContainer, head: bytes) -> VideoStream:
        source, name = self._reader.stream, container.format.name
        try:
            if name not in _WRITTEN_TO:
                raise ValueError
            stream = container.add_stream_from_template(source, opaque=True)
        except ValueError as error:
            kind = source.codec_context.codec.canonical_name
            raise refusal(self._path, f"a {name} file takes no {kind} so") from error
        context = stream.codec_context
        context.extradata = self._bitstream.head(head)
        if name in _TAGGED and self._bitstream.tag is not None:
            context.codec_tag = self._bitstream.tag
            self.warnings.append(
                f"The video is called {self._bitstream.tag} in the file, as parameter sets in the stream want"
                " it: Apple's players do not play that."
            )
        stream.time_base = self.time_base
        return stream

    def _new_encoder(self) -> VideoCodecContext:
        info, bitstream = self._info, self._bitstream
        context = av.CodecContext.create(bitstream.encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = info.width, info.height, info.pixel_format
        context.time_base, context.framerate = self.time_base, info.average_rate or USUAL_RATE
        if bitstream.global_header:
            context.flags |= Flags.global_header
        tell_encoder(context, info, self._settings)
        options = context.options
        for key, value in bitstream.options(self._plan.reorder).items():
            joined = key in options and key.endswith("-params")
            options[key] = f"{options[key]}:{value}" if joined else value
        context.options = options
        open_encoder(context)
        return context


class _Run:
    """One stretch of changed groups on its way through an encoder of its own.

    Args:
        encoder: opened, and not used before.
        bitstream: how its packets are joined with the source's.
        stream: gets them.
        times: when the pictures are decoded, one after the other, in ticks.
    """

    def __init__(
        self, encoder: VideoCodecContext, bitstream: Bitstream, stream: VideoStream, times: Iterator[int]
    ) -> None:
        self._encoder, self._bitstream, self._stream, self._times = encoder, bitstream, stream, times
        rate, time_base = encoder.framerate, encoder.time_base
        assert rate is not None
        assert time_base is not None
        self._time_base = time_base
        self._usual_duration = max(1, round(1 / (rate * time_base)))

    def encode(self, picture: VideoFrame | None) -> Iterator[Packet[Any]]:
        """Packets that are ready once a picture is there; None for those that are left at the end."""
        if picture is not None:
            # An encoder would take the source's choice of I, P and B frames for an order.
            picture.pict_type = PictureType.NONE
            picture.time_base = self._time_base
            picture.duration = picture.duration or self._usual_duration
        for made in self._encoder.encode(picture):
            packet: Packet[Any] = Packet(self._bitstream.encoded(bytes(made)))
            packet.pts, packet.duration, packet.is_keyframe = made.pts, made.duration, made.is_keyframe
            packet.dts, packet.time_base, packet.stream = next(self._times), self._time_base, self._stream
            yield packet
