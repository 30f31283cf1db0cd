"""Marks are read where they were written, whatever was done to the video, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.marks.carriers import MOVING, STILL, Plan
from stream_unmask.marks.code import Message, codewords, decode, encode, messages
from stream_unmask.marks.reading import Reading, least_strength, read, respond
from stream_unmask.marks.writing import Marker, MarkPicture

RATE = 12.5
SURE = np.log(1e-6)


def face(seed: int, count: int = 1) -> MarkPicture:
    """(count, 3, 64, 64) something as uneven as a face, that hardly moves."""
    random = np.random.default_rng(seed)
    still = [cv2.GaussianBlur(random.normal(0, 1, (64, 64)), (0, 0), 3) for _ in range(3)]
    levels = np.array([0.12, 0.01, 0.01])[:, None, None]
    noise = random.normal(0, 1, (count, 3, 64, 64)) * levels / 20
    return np.asarray(levels * np.stack(still) / np.std(still) + noise, np.float32)


def video(marker: Marker | None, *, seconds: float = 4.0, start: float = 0.0, seed: int = 1) -> MarkPicture:
    """(T, 3, 64, 64) crops of a face in which a mark may be."""
    times = start + np.arange(0, seconds, 1 / RATE)
    pictures = face(seed, len(times))
    return pictures if marker is None else pictures + np.stack([marker.at(time) for time in times])


def look(pictures: MarkPicture, plan: Plan = MOVING) -> Reading:
    """What is read in crops; when the video began is not known to who reads."""
    return read(plan, respond(plan, np.arange(len(pictures)) / RATE, pictures))


@pytest.mark.parametrize("worn", [False, True])
def test_a_mark_says_what_was_done(worn: bool) -> None:
    found = look(video(Marker(Message(worn))))
    assert found.chance < SURE
    assert found.message == Message(worn)


def test_a_mark_is_found_in_the_middle_of_a_video() -> None:
    assert look(video(Marker(Message(False)), start=1234.56)).chance < SURE


@pytest.mark.parametrize(("scale", "turn", "shift"), [(0.94, 2.5, 1.6), (1.07, -4.0, -2.0)])
def test_a_mark_is_found_where_the_alignment_differs(scale: float, turn: float, shift: float) -> None:
    matrix = cv2.getRotationMatrix2D((31.5, 41.0), turn, scale)
    matrix = matrix + np.array([[0, 0, shift], [0, 0, -shift]])
    pictures = [
        [cv2.warpAffine(plane, matrix, (64, 64), borderMode=cv2.BORDER_REFLECT) for plane in each]
        for each in video(Marker(Message(False)))
    ]
    assert look(np.array(pictures, np.float32)).chance < SURE


def test_a_single_picture_has_a_mark_of_its_own() -> None:
    marked = face(3) * 0.5 + Marker(Message(True), still=True).at(0.0)
    found = look(marked, STILL)
    assert found.chance < SURE
    assert found.message == Message(True)


@pytest.mark.parametrize("plan", [MOVING, STILL], ids=["video", "picture"])
def test_what_has_no_mark_is_not_taken_for_marked(plan: Plan) -> None:
    count = 50 if plan is MOVING else 1
    strongest = max(look(face(seed, count), plan).strength for seed in range(3))
    tried = look(face(0, count), plan).tried
    # As by chance: near the largest of so many tries, far from what is taken for a mark.
    assert strongest < np.sqrt(2 * np.log(tried)) + 0.5


def test_the_chance_of_a_reading_is_that_of_a_normal_variable_and_some_more() -> None:
    # P(Z > 7) = 1.28e-12, P(Z > 25) = 3.06e-138
    assert Reading(Message(False), 7.0, 1).chance == pytest.approx(np.log(3.1787 * 1.2798e-12), abs=1e-3)
    assert Reading(Message(False), 25.0, 1).chance == pytest.approx(np.log(3.1787 * 3.0566e-138), abs=2e-3)
    assert Reading(Message(False), least_strength(10**6, 1e-6), 10**6).chance == pytest.approx(SURE, abs=1e-6)


def test_random_signs_are_as_seldom_strong_as_the_chance_says() -> None:
    random = np.random.default_rng(5)
    for weights in ([1.0, 1.0], np.ones(40), random.exponential(1, 40) ** 2):
        sums = random.choice([-1.0, 1.0], (100_000, len(weights))) @ weights / np.linalg.norm(weights)
        for strength in (1.0, 1.4, 2.0, 3.0):
            share = (sums >= strength - 1e-9).mean()
            assert share <= np.exp(Reading(Message(False), strength, 1).chance) + 0.002


def test_a_mark_is_faint_and_moves_slowly() -> None:
    marker = Marker(Message(False))
    marks = np.stack([marker.at(time) for time in np.arange(0, 2, 0.04)]) * 255
    where = marks[..., 32:48, 20:44]
    assert 0.9 < np.sqrt((where**2).mean()) < 1.5
    assert np.abs(where).max() < 8
    # Less from one frame to the next than an 8-bit sample can show.
    assert np.sqrt((np.diff(where, axis=0) ** 2).mean()) < 0.35


def test_what_a_mark_adds_is_neither_lighter_nor_darker() -> None:
    marks = Marker(Message(False)).at(0.3)
    assert np.abs(marks.sum(axis=(1, 2))).max() < 0.05 * np.abs(marks).sum(axis=(1, 2)).min()


def test_marks_are_the_same_for_ever() -> None:
    # A mark that is written today is read in years: change this only together with the version.
    moving, still = Marker(Message(False)).at(0.25), Marker(Message(True), still=True).at(0.0)
    spots = [moving[0, 40, 30], moving[1, 41, 31], moving[2, 35, 25], still[1, 40, 30], still[2, 35, 25]]
    np.testing.assert_allclose(np.array(spots) * 255, PINNED, atol=2e-3)


PINNED = [1.1834, 0.2743, -0.9736, 0.7252, -0.1925]


@pytest.mark.parametrize("message", messages().values(), ids=str)
def test_seven_wrong_bits_are_corrected(message: Message) -> None:
    word = encode(message).copy()
    word[np.random.default_rng(message.version).permutation(32)[:7]] *= -1
    assert decode(int((codewords() @ word).argmax())) == message


def test_a_message_without_its_check_is_none() -> None:
    assert len(messages()) == 14
    assert sum(decode(index) is None for index in range(64)) == 50
