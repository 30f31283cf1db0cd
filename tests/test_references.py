"""A person's own bare face, from the whole program: found in passing, found later, given, refused."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from benchmarks.clips import portrait
from stream_unmask import Frame, InputError, Reference, Settings, Unmasker
from stream_unmask.given import frame_references, photo_references
from stream_unmask.output.pictures import write_image
from stream_unmask.pipeline import Stream
from stream_unmask.survey import Survey, can_pay
from stream_unmask.video.glancing import glances
from stream_unmask.video.source import open_source

HALF = 12


def frames(path: Path) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def written(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", 12)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt, video.options = "yuv420p", {"crf": "12", "g": "6"}
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(video.encode(None))
    return path


@pytest.fixture(scope="module")
def putting_on(bare_clip: Path, masked_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that is bare, and then wears a mask."""
    pictures = frames(bare_clip)[:HALF] + frames(masked_clip)[HALF:]
    return written(tmp_path_factory.mktemp("putting_on") / "clip.mp4", pictures)


@pytest.fixture(scope="module")
def taking_off(bare_clip: Path, masked_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that wears a mask, and then is bare."""
    pictures = frames(masked_clip)[:HALF] + frames(bare_clip)[HALF:]
    return written(tmp_path_factory.mktemp("taking_off") / "clip.mp4", pictures)


def test_a_face_that_was_bare_before_is_given_back(
    unmasker: Unmasker, putting_on: Path, bare_clip: Path
) -> None:
    without = Stream(unmasker.networks, Settings(backend="openvino", reference="none"))
    streams, shown = (unmasker.stream(), without), frames(putting_on)[: HALF + 5]
    for index, picture in enumerate(shown):
        made = [Frame.from_ndarray(picture, index / 12) for _ in streams]
        for stream, frame in zip(streams, made, strict=True):
            stream.process(frame)
    (face,), (other,) = (stream.faces for stream in streams)
    assert face.reference == "frame 0"
    assert face.reference_frames == face.masked_frames > 0
    assert face.guided_frames == 0
    assert other.reference is None
    truth = frames(bare_clip)[HALF + 4]
    own, another = (cv2.absdiff(frame.to_ndarray(), truth)[100:300, 200:400].mean() for frame in made)
    assert own < 0.8 * another


def test_a_face_that_is_bare_later_is_found_by_a_first_look(
    unmasker: Unmasker, taking_off: Path, tmp_path: Path
) -> None:
    looked: list[bool] = []
    report = unmasker.video(
        taking_off, tmp_path / "own.mp4", progress=lambda progress: looked.append(progress.looking)
    )
    assert looked == [True] * 2 * HALF + [False] * 2 * HALF
    (face,) = report.faces
    assert face.reference is not None
    assert face.reference_frames == face.masked_frames > HALF / 2


def test_what_is_known_of_a_face_ends_with_its_track(
    unmasker: Unmasker, bare_clip: Path, masked_clip: Path
) -> None:
    stream = unmasker.stream()
    for index, picture in enumerate(frames(bare_clip)[:4] + frames(masked_clip)[4:8]):
        frame = Frame.from_ndarray(picture, index / 12)
        # A camera that was lost in between: nobody knows who came back.
        frame.connection = int(index >= 4)
        stream.process(frame)
    assert [face.masked_frames for face in stream.faces] == [0, 4]
    assert stream.faces[1].reference is None


def test_a_glance_tells_where_a_first_look_cannot_pay(
    unmasker: Unmasker, putting_on: Path, taking_off: Path, masked_clip: Path
) -> None:
    found = [
        can_pay(Survey(unmasker.networks, unmasker.settings), glances(path))
        for path in (taking_off, putting_on, masked_clip)
    ]
    assert found == [True, False, False]


def test_keyframes_are_glanced_at_and_where_they_are_rare_a_frame_a_second(
    taking_off: Path, masked_clip: Path
) -> None:
    assert [round(frame.time * 12) for frame in glances(taking_off)] == [0, 6, 12, 18]
    first, second = (frame.time for frame in glances(masked_clip))
    assert first == 0
    assert 1 <= second < 1.5


@pytest.mark.slow
def test_faces_have_the_same_numbers_at_the_first_look(unmasker: Unmasker, taking_off: Path) -> None:
    survey = Survey(unmasker.networks, unmasker.settings)
    stream = unmasker.stream()
    with open_source(taking_off) as one, open_source(taking_off) as other:
        for first, second in zip(one, other, strict=True):
            assert isinstance(first, Frame)
            assert isinstance(second, Frame)
            survey.look(first)
            stream.process(second)
    assert [(each.number, each.first, each.frames) for each in survey.faces] == [
        (each.number, each.first, each.frames) for each in stream.faces
    ]
    assert list(survey.banks()) == [(1, 0)]


def shown(unmasker: Unmasker, clip: Path, references: dict[int, Reference]) -> Stream:
    """A stream that has done the first frames of a clip."""
    stream = unmasker.stream(references=references)
    for index, picture in enumerate(frames(clip)[::2][:8]):
        stream.process(Frame.from_ndarray(picture, index / 4))
    return stream


def test_a_photo_of_the_same_person_is_worn_and_named_in_the_report(
    unmasker: Unmasker, masked_clip: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "me.png"
    write_image(photo, portrait())
    given = photo_references(Settings(reference={1: photo}))
    stream = shown(unmasker, masked_clip, given)
    assert stream.faces[0].reference == str(photo)
    assert stream.faces[0].reference_frames == 8
    assert stream.refused == []


def test_a_photo_of_somebody_else_is_refused_and_the_video_goes_on(
    unmasker: Unmasker, masked_clip: Path
) -> None:
    mirrored = np.ascontiguousarray(portrait()[:, ::-1])
    stream = shown(unmasker, masked_clip, {0: Reference.from_image(mirrored)})
    assert stream.faces[0].reference_frames == 0
    assert stream.faces[0].masked_frames == 8
    (sentence,) = stream.refused
    assert "too little like the masked face" in sentence


def test_a_frame_of_the_video_can_be_named(taking_off: Path) -> None:
    found = frame_references(Settings(reference={2: "frame:20", 1: "frame:14"}), taking_off)
    assert {number: each.origin for number, each in found.items()} == {2: "frame 20", 1: "frame 14"}
    with pytest.raises(InputError, match="ends before frame 99"):
        frame_references(Settings(reference={1: "frame:99"}), taking_off)
    with pytest.raises(InputError, match="Only a file"):
        frame_references(Settings(reference={1: "frame:0"}), "-")


def test_a_photo_must_show_one_bare_face(masked_clip: Path) -> None:
    with pytest.raises(InputError, match="no face"):
        Reference.from_image(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="2 faces"):
        Reference.from_image(np.hstack([portrait(256), portrait(256)]))
    with pytest.raises(InputError, match="bare"):
        Reference.from_image(frames(masked_clip)[0])
    with pytest.raises(ValueError, match="uint8"):
        Reference.from_image(np.zeros((64, 64), np.uint8))
