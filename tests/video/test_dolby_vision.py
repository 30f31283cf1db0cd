"""What cannot be kept of Dolby Vision is said, and a video that means nothing without it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_unmask.errors import InputError
from stream_unmask.video.dolby_vision import NONE, file_base, has_no_base
from tests.video.making import Recipe, make_video, pass_through, read

HEVC = Recipe(codec="libx265", pixel_format="yuv420p10le", options={"preset": "ultrafast"})
WAY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def with_configuration(path: Path, profile: int, compatible: int) -> Path:
    """An MP4 of HEVC whose sample entry has a configuration record of Dolby Vision."""
    data = make_video(path, HEVC).read_bytes()
    record = bytes([1, 0, profile << 1, 0b00110101, compatible << 4]).ljust(24, b"\0")
    box = (8 + len(record)).to_bytes(4, "big") + (b"dvcC" if profile < 8 else b"dvvC") + record
    entry = data.rindex(b"hev1" if b"hev1" in data else b"hvc1")
    end = entry - 4 + int.from_bytes(data[entry - 4 : entry], "big")
    grown = bytearray(data[:end] + box + data[end:])
    for place in [entry, *(data.rindex(name, 0, entry) for name in WAY)]:
        size = int.from_bytes(data[place - 4 : place], "big") + len(box)
        grown[place - 4 : place] = size.to_bytes(4, "big")
    path.write_bytes(grown)
    return path


def rpu(profile: int, full_range: int) -> bytes:
    """Dolby's data of a picture that maps every value to itself."""
    head = f"{2:06b}{18:011b}{profile:04b}{6:04b}1" + f"0{0:02b}" + f"{24:09b}" + f"{1:02b}{full_range}"
    depths = "011" + "011" + "00101"
    flags = "0" + "000" + "0" + "1" + "0" + "0"
    mapping = "111" + 3 * f"1{0:010b}{1023:010b}" + "11" + 3 * f"110{1 << 23:024b}010{0:023b}"
    bits = head + depths + flags + mapping
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return bytes([25]) + data + bytes(4) + b"\x80"


def with_rpus(path: Path, data: bytes) -> Path:
    """An MPEG transport stream of HEVC, each picture of which bears Dolby's data."""
    nal = b"\x7c\x01" + data
    plain = make_video(path.with_suffix(".mkv"), HEVC)
    return rewritten(plain, path, lambda picture: picture + len(nal).to_bytes(4, "big") + nal)


def rewritten(source: Path, target: Path, change: Callable[[bytes], bytes]) -> Path:
    """The packets of a video, changed, in another file."""
    with av.open(str(source)) as container, av.open(str(target), "w") as other:
        stream = other.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                changed = av.Packet(change(bytes(packet)))
                changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
                changed.is_keyframe, changed.stream = packet.is_keyframe, stream
                other.mux(changed)
    return target


@pytest.mark.parametrize(
    ("profile", "compatible", "base"), [(8, 1, "HDR10"), (8, 4, "HLG"), (8, 2, "SDR"), (7, 6, "HDR10")]
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_of_a_video_with_a_base_only_what_is_left_out_is_said(
    profile: int, compatible: int, base: str, suffix: str, tmp_path: Path
) -> None:
    source = with_configuration(tmp_path / "in.mp4", profile, compatible)
    if suffix == "mkv":
        source = remuxed(source, tmp_path / "in.mkv")
    assert file_base(source, 0) == base
    report = read(source)
    (said,) = [each for each in report.problems.sentences() if "Dolby" in each]
    assert said == f"The video's Dolby Vision data is not kept; what is written is its {base} base."
    written = pass_through(source, tmp_path / f"out.{suffix}")
    assert file_base(tmp_path / f"out.{suffix}", 0) is None, written


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_video_without_a_base_is_refused(suffix: str, tmp_path: Path) -> None:
    source = with_configuration(tmp_path / "in.mp4", 5, 0)
    if suffix == "mkv":
        source = remuxed(source, tmp_path / "in.mkv")
    assert file_base(source, 0) == NONE
    with pytest.raises(InputError, match="Dolby Vision of a profile without a base"):
        read(source)


def test_a_stream_whose_container_says_nothing_is_known_by_its_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Dolby Vision of a profile without a base"):
        read(with_rpus(tmp_path / "five.ts", rpu(0, 1)))
    (said,) = read(with_rpus(tmp_path / "eight.ts", rpu(1, 0))).problems.sentences()
    assert "what is written is the base that players without Dolby Vision show" in said


def test_other_files_are_no_dolby_vision(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "ts"):
        path = make_video(tmp_path / f"in.{suffix}", Recipe(pts=range(0, 5 * 512, 512)))
        assert file_base(path, 0) is None
    assert file_base(tmp_path / "in.mp4", 3) is None
    assert file_base(tmp_path / "nothing.mp4", 0) is None


@given(st.binary(max_size=200))
def test_any_data_is_survived(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    for head in (b"\x1a\x45\xdf\xa3", b"", (len(data) + 8).to_bytes(4, "big") + b"moov"):
        path.write_bytes(head + data)
        assert file_base(path, 0) in {None, NONE, "HDR10", "SDR", "HLG"}
    assert has_no_base(data) in {True, False}


def test_what_is_borne_beside_the_pixels_is_named_where_it_is_lost(tmp_path: Path) -> None:
    # An SEI message registered by V-Nova: LCEVC, a kind of side data that PyAV does not know.
    payload = b"\xb4\x00\x50\x00" + bytes(20)
    sei = (bytes([6, 4, len(payload)]) + payload).replace(b"\0\0", b"\0\0\3") + b"\x80"
    plain, path = make_video(tmp_path / "plain.mkv", Recipe(rotation=0)), tmp_path / "in.mkv"
    rewritten(plain, path, lambda data: len(sei).to_bytes(4, "big") + sei + data)
    (said,) = read(path).problems.sentences()
    assert "LCEVC layer is not kept" in said
    pass_through(path, tmp_path / "out.mp4")


def remuxed(source: Path, target: Path) -> Path:
    """The same packets in another container."""
    with (
        av.open(str(source)) as container,
        av.open(str(target), "w", container_options={"strict": "unofficial"}) as other,
    ):
        stream = other.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = stream
                other.mux(packet)
    return target
