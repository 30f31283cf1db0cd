"""The main job, end to end, on clips with a real face."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_unmask import (
    EncoderSettings,
    Frame,
    OutputError,
    OutputExistsError,
    OutputOptions,
    Progress,
    Report,
    Settings,
    Stream,
    Unmasker,
    UnmaskError,
)
from stream_unmask.faces.following import FollowSettings
from stream_unmask.output.masks import MaskSink
from stream_unmask.output.pictures import write_image
from stream_unmask.video.images import read_image
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video

LOSSLESS = OutputOptions(encoder=EncoderSettings(codec="ffv1"))


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(path) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def planes(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(path) as container:
        return [np.asarray(frame.to_ndarray(), np.uint8) for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    with av.open(path) as container:
        return [frame.time for frame in container.decode(video=0)]


def sound(path: Path) -> list[bytes]:
    with av.open(path) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.fixture(scope="module")
def made(unmasker: Unmasker, masked_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``out.mp4``, unmasked as is usual, with its masks beside it."""
    path = tmp_path_factory.mktemp("made") / "out.mp4"
    unmasker.video(masked_clip, path, OutputOptions(save_masks=True))
    return path


@pytest.fixture(scope="module")
def beside(
    unmasker: Unmasker, masked_clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Report, list[NDArray[np.uint8]]]:
    """What is told of a run that writes input and output beside each other, without a loss; its frames."""
    path = tmp_path_factory.mktemp("beside") / "both.mkv"
    report = unmasker.video(masked_clip, path, replace(LOSSLESS, compare=True))
    return report, pictures(path)


def test_the_mask_is_replaced_by_something_closer_to_the_face(
    beside: tuple[Report, list[NDArray[np.uint8]]], masked_clip: Path, bare_clip: Path
) -> None:
    report, both = beside
    assert (report.frames, len(report.faces), report.masked_faces) == (24, 1, 1)
    assert report.faces[0].masked_frames == 24
    assert report.faces[0].score > 0.8
    given, truth = (np.stack(pictures(path)).astype(int) for path in (masked_clip, bare_clip))
    made = np.stack(both).astype(int)[:, :, 640:]
    masked = np.abs(given - truth).max(axis=-1) > 40
    assert masked.mean() > 0.01
    assert np.abs(made - truth)[masked].mean() < 0.7 * np.abs(given - truth)[masked].mean()


def test_time_and_sound_come_out_as_they_went_in(made: Path, masked_clip: Path) -> None:
    assert times(made) == times(masked_clip)
    assert sound(made) == sound(masked_clip)


def test_a_video_without_masks_is_unchanged_bit_for_bit(
    unmasker: Unmasker, bare_clip: Path, tmp_path: Path
) -> None:
    report = unmasker.video(bare_clip, tmp_path / "out.mkv", LOSSLESS)
    assert (len(report.faces), report.masked_faces) == (1, 0)
    assert all(
        np.array_equal(a, b) for a, b in zip(planes(bare_clip), planes(tmp_path / "out.mkv"), strict=True)
    )


def test_a_face_is_not_followed_over_a_lost_connection(unmasker: Unmasker, masked_clip: Path) -> None:
    stream = unmasker.stream()
    with open_source(masked_clip) as source:
        frames = [item for item in source if isinstance(item, Frame)][:4]
    for frame, connection in zip(frames, (0, 0, 1, 1), strict=True):
        frame.connection = connection
        assert len(stream.process(frame)) == 1
    assert [face.frames for face in stream.faces] == [2, 2]


def test_outside_the_patch_a_masked_video_is_unchanged_bit_for_bit(
    unmasker: Unmasker, masked_clip: Path
) -> None:
    stream = unmasker.stream()
    with open_source(masked_clip) as source:
        for frame in (item for item in source if isinstance(item, Frame)):
            (face,) = stream.process(frame)
            before, after = frame.decoded_planes().y, frame.planes().y
            y, x = np.nonzero(before != after)
            assert len(y) > 100
            matrix = face.alignment.matrix
            crop_x, crop_y = matrix[:, :2] @ np.stack([x, y]) + matrix[:, 2:]
            near = np.clip(np.round([crop_y, crop_x]).astype(int), 1, face.alpha.shape[0] - 2)
            reach = max(1, round(face.alignment.scale))
            alpha = np.max(
                [
                    face.alpha[near[0] + i, near[1] + j]
                    for i in (-reach, 0, reach)
                    for j in (-reach, 0, reach)
                ],
                axis=0,
            )
            assert (alpha > 0).all()
            break


def test_frames_of_ones_own_come_back_with_their_faces(unmasker: Unmasker, masked_clip: Path) -> None:
    given = pictures(masked_clip)[:4]
    frames = [Frame.from_ndarray(picture, number / 12) for number, picture in enumerate(given)]
    done = list(unmasker.frames(iter(frames)))
    assert [each.frame for each in done] == frames
    assert [len(each.faces) for each in done] == [1] * 4
    for each, picture in zip(done, given, strict=True):
        changed = (each.frame.to_ndarray() != picture).any(axis=-1)
        assert 0.005 < changed.mean() < 0.2


def test_masks_that_cannot_be_finished_leave_the_video(
    unmasker: Unmasker, masked_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MaskSink, interrupted: bool) -> None:
        raise OutputError("out.mask.mp4 cannot be written: no space left on device.")

    monkeypatch.setattr(MaskSink, "finish", full)
    with pytest.raises(OutputError, match=r"no space left .* the video is in .*out\.mp4"):
        unmasker.video(masked_clip, tmp_path / "out.mp4", OutputOptions(save_masks=True))
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(times(tmp_path / "out.mp4")) == 24


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_masks_that_are_there_are_not_replaced_and_nothing_is_begun(
    suffix: str, unmasker: Unmasker, masked_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / f"out.mask{suffix}").write_bytes(b"precious")
    write_image(tmp_path / "in.png", pictures(masked_clip)[0])
    work = unmasker.image if suffix == ".png" else unmasker.video
    source = tmp_path / "in.png" if suffix == ".png" else masked_clip
    with pytest.raises(OutputExistsError, match=f"out.mask{suffix} exists already"):
        work(source, tmp_path / f"out{suffix}", OutputOptions(save_masks=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", f"out.mask{suffix}"]


def test_a_named_pipe_is_read_once(
    unmasker: Unmasker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever opened it again would wait for ever.
    monkeypatch.setattr("stream_unmask.api.survey_file", lambda *_: pytest.fail("it is read twice"))
    recipe = Recipe(pts=range(0, 12 * 3600, 3600), time_base=Fraction(1, 90_000))
    data = make_video(tmp_path / "in.ts", recipe)
    os.mkfifo(tmp_path / "pipe.ts")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.ts").write_bytes(data.read_bytes()))
    writer.start()
    report = unmasker.video(tmp_path / "pipe.ts", tmp_path / "out.mp4")
    writer.join(60)
    assert report.frames == 12


def test_the_output_says_that_it_is_synthetic(made: Path) -> None:
    with av.open(made) as container:
        assert "synthetic" in container.metadata["comment"]


def test_side_by_side_is_twice_as_wide_and_shows_the_input(
    beside: tuple[Report, list[NDArray[np.uint8]]], masked_clip: Path
) -> None:
    given, (_, both) = pictures(masked_clip), beside
    assert both[0].shape == (360, 1280, 3)
    assert np.abs(both[5][:, :636].astype(int) - given[5][:, :636]).max() <= 2


def test_stopped_early_it_keeps_a_playable_file_under_another_name(
    unmasker: Unmasker, masked_clip: Path, tmp_path: Path
) -> None:
    stop = threading.Event()

    def at_ten(progress: Progress) -> None:
        if progress.frames == 10:
            stop.set()

    report = unmasker.video(masked_clip, tmp_path / "out.mp4", progress=at_ten, stop=stop)
    kept = tmp_path / "out.interrupted.mp4"
    assert report.interrupted
    assert report.output == str(kept)
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]
    assert times(kept) == times(masked_clip)[:10]


def test_an_error_on_the_way_leaves_nothing_behind(
    unmasker: Unmasker, masked_clip: Path, tmp_path: Path
) -> None:
    def fail(progress: Progress) -> None:
        raise UnmaskError("enough")

    with pytest.raises(UnmaskError, match="enough"):
        unmasker.video(masked_clip, tmp_path / "out.mp4", OutputOptions(save_masks=True), progress=fail)
    assert list(tmp_path.iterdir()) == []


def test_the_maps_of_a_video_show_where_its_masks_are(made: Path, masked_clip: Path) -> None:
    maps = pictures(made.with_name("out.mask.mp4"))
    assert len(maps) == 24
    white = (maps[12] > 200).mean()
    assert 0.005 < white < 0.2
    assert times(made.with_name("out.mask.mp4")) == times(masked_clip)


def test_a_picture_is_unmasked_and_otherwise_unchanged(
    unmasker: Unmasker, masked_clip: Path, tmp_path: Path
) -> None:
    photo = pictures(masked_clip)[0]
    source = tmp_path / "photo with ünicode.png"
    write_image(source, photo)
    report = unmasker.image(source, tmp_path / "out.png", OutputOptions(save_masks=True))
    made, map_ = read_image(tmp_path / "out.png").pixels, read_image(tmp_path / "out.mask.png").pixels
    assert report.masked_faces == 1
    changed = (made != photo).any(axis=-1)
    assert 0.005 < changed.mean() < 0.2
    assert changed[map_[..., 0] > 200].mean() > 0.95
    rows, columns = np.nonzero(changed)
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    outside = np.ones(changed.shape, bool)
    outside[box] = False
    assert np.array_equal(made[outside], photo[outside])


def test_faces_too_small_are_left_alone_and_named(unmasker: Unmasker, masked_clip: Path) -> None:
    stream = Stream(unmasker.networks, Settings(min_face=300))
    for picture in pictures(masked_clip)[:4]:
        assert stream.process(Frame.from_ndarray(picture, 0)) == []
    assert stream.faces[0].masked_frames == 0
    assert stream.faces[0].left_alone == {"too small": 4}


def test_where_small_faces_are_wanted_small_boxes_are_followed(
    unmasker: Unmasker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FollowSettings] = []
    monkeypatch.setattr("stream_unmask.pipeline.FaceFollower", lambda *given: asked.append(given[3]))
    for least in (8, 32, 300):
        Stream(unmasker.networks, Settings(min_face=least))
    assert [settings.min_box for settings in asked] == [5, 20, 20]


@pytest.mark.parametrize("blend", ["pyramid", "poisson"])
def test_every_way_of_blending_gives_about_the_same_face(
    blend: Literal["pyramid", "poisson"], unmasker: Unmasker, masked_clip: Path
) -> None:
    first = pictures(masked_clip)[0]

    def blended(settings: Settings) -> NDArray[np.int64]:
        frame = Frame.from_ndarray(first, 0)
        assert len(Stream(unmasker.networks, settings, still=True).process(frame)) == 1
        return frame.to_ndarray().astype(int)

    feather, other = blended(Settings()), blended(Settings(blend=blend))
    changed = (feather != first).any(axis=-1)
    assert not np.array_equal(feather, other)
    assert np.abs(feather - other)[changed].mean() < 20
