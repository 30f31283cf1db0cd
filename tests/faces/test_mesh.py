"""The mesh on a real face: in place, upright, steady, and honest where there is no face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.faces import weights
from stream_unmask.faces.detection import CenterFace
from stream_unmask.faces.following import FaceFollower, FollowSettings
from stream_unmask.faces.mesh import FaceMesh, Mesh, Region
from stream_unmask.video.frame import Frame
from stream_unmask.video.thumbnail import Thumbnailer
from tests.faces.photos import moved_frame, photo_frame, turned

EYES = np.array([[204.0, 103.0], [245.0, 102.0]])
CHIN = np.array([[226.0, 173.0]])
_CHIN_POINT = 152


def meet(frame: Frame, detector: CenterFace, mesh: FaceMesh, rotation: int = 0) -> Mesh:
    found = detector.detect(Thumbnailer(rotation=rotation).shrink(frame))
    return mesh.fit(frame.planes(), Region.of_detection(found.boxes[0], found.five[0]))


def test_regions_map_their_square_to_the_whole_crop() -> None:
    region = Region(100.0, 50.0, 80.0, 0.4)
    cos, sin = np.cos(0.4), np.sin(0.4)
    right_middle = np.array([[100 + 40 * cos, 50 + 40 * sin]])
    np.testing.assert_allclose(turned(right_middle, region.matrix(192)), [[191.5, 95.5]])


def test_regions_turn_the_short_way() -> None:
    between = Region(0, 0, 10, 3.1).toward(Region(10, 20, 30, -3.1), 0.5)
    assert (between.x, between.y, between.side) == (5, 10, 20)
    assert abs(between.roll) == pytest.approx(np.pi)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_mesh_lies_on_the_face_and_its_crop_is_upright(
    detector: CenterFace, mesh: FaceMesh, rotation: int
) -> None:
    frame, to_frame = photo_frame(rotation)
    fitted = meet(frame, detector, mesh, rotation)
    assert fitted.presence > 0.9
    assert np.abs(fitted.eyes - turned(EYES, to_frame)).max() < 4
    assert np.abs(fitted.points[[_CHIN_POINT], :2] - turned(CHIN, to_frame)).max() < 10
    left, right = turned(fitted.eyes, fitted.pose.alignment(256).matrix)
    assert right[0] - left[0] == pytest.approx(256 / 3.4, rel=0.1)
    assert abs(right[1] - left[1]) < 6


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_tilted_head_gets_an_upright_crop(detector: CenterFace, mesh: FaceMesh, degrees: int) -> None:
    frame = moved_frame(cv2.getRotationMatrix2D((225.0, 120.0), -degrees, 1.0))
    fitted = meet(frame, detector, mesh)
    straight = meet(photo_frame(0)[0], detector, mesh)
    assert np.degrees(fitted.pose.roll - straight.pose.roll) == pytest.approx(degrees, abs=5)


def test_there_is_no_face_in_the_background(mesh: FaceMesh) -> None:
    frame, _ = photo_frame(0)
    assert mesh.fit(frame.planes(), Region(420.0, 60.0, 120.0, 0.0)).presence < 0.1


def test_a_moving_face_is_followed_by_its_mesh_alone(detector: CenterFace, mesh: FaceMesh) -> None:
    settings = FollowSettings(detect_every=1000)
    follower: FaceFollower[dict[str, object]] = FaceFollower(
        detector, mesh, Thumbnailer(), settings, memory=dict
    )
    start = follower.follow(moved_frame(np.eye(2, 3), (640, 512)))[0].pose
    for step in range(1, 25):
        shift = np.array([[1.0, 0.0, 5.0 * step], [0.0, 1.0, 2.0 * step]])
        frame = moved_frame(shift, (640, 512))
        frame.pts = step
        (track,) = follower.follow(frame)
        assert not track.coasting
    # Within 5 % of the eye distance of where the picture went.
    off = np.hypot(track.pose.x - start.x - 120, track.pose.y - start.y - 48)
    assert off < 0.05 * start.scale
    assert track.pose.scale == pytest.approx(start.scale, rel=0.04)


def test_a_missing_network_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    with pytest.raises(UnmaskError, match=r"centerface\.onnx is missing"):
        weights.centerface()
