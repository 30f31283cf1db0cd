"""Where cameras go: a wall on real Ray, with hosts that only pretend to work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("fsspec")
pytest.importorskip("ray")

import ray

from benchmarks.fleet_nodes import connected_nodes
from stream_unmask.cameras import CameraConfig
from stream_unmask.errors import UnmaskError
from stream_unmask.fleet import cluster, wall
from stream_unmask.fleet.hosts import CameraState, HostState, Row
from stream_unmask.fleet.wall import Wall
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings
from stream_unmask.video.camera_options import CameraOptions
from tests.support.waiting import GUARD, wait_until

pytestmark = pytest.mark.ray


@pytest.fixture
def ray_here() -> Iterator[None]:
    with cluster.connected(None):
        yield


def camera(name: str) -> CameraConfig:
    return CameraConfig(name, f"rtsp://127.0.0.1/{name}", (f"{name}.mp4",), CameraOptions(), OutputOptions())


class Pretended:
    """A host whose cameras are live at once."""

    def __init__(self, settings: Settings) -> None:
        self.cameras: dict[str, CameraState] = {}

    def begin(self, camera: CameraConfig) -> None:
        said = "It is there, again." if camera.options.live.again else "It is there."
        self.cameras[camera.name] = CameraState(25.0, 0.04, said)

    def end(self, name: str) -> None:
        self.cameras.pop(name, None)

    def state(self) -> HostState:
        return HostState(0.5 * len(self.cameras), dict(self.cameras))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host is given up because this machine has much to do."""
    monkeypatch.setattr(wall, "_LOST", GUARD)


def until(shown: Wall, wanted: Callable[[list[Row]], bool]) -> list[Row]:
    rows: list[Row] = []

    def look() -> bool:
        rows[:] = shown.look()
        return wanted(rows)

    wait_until(look, pause=0.1)
    return rows


@pytest.mark.usefixtures("ray_here")
def test_cameras_live_survive_their_host_and_leave_a_drained_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "Host", Pretended)
    with pytest.raises(UnmaskError, match="No `fleet live` runs"):
        wall.board()
    said: list[str] = []
    shown = Wall(Settings(), {name: camera(name) for name in ("a", "b")}, 0, said.append)
    rows = until(shown, lambda rows: all(row.state == "live" for row in rows))
    assert [(row.fps, row.delay, row.moves) for row in rows] == [(25.0, 0.04, 1)] * 2
    assert [row.said for row in rows] == ["It is there."] * 2
    assert [row.name for row in ray.get(wall.board().look.remote())] == ["a", "b"]

    (host,) = shown._hosts.values()
    ray.kill(host.actor)
    rows = until(shown, lambda rows: all(row.state == "live" and row.moves == 2 for row in rows))
    assert any("is gone; its 2 cameras go elsewhere" in sentence for sentence in said)
    assert [row.said for row in rows] == ["It is there, again."] * 2  # their files are there already

    # There is no other node to go to: a drained one keeps its cameras rather than leave them nowhere.
    ray.get(wall.board().drain.remote(rows[0].node[:8]))
    for _ in range(3):
        rows = shown.look()
    assert [row.state for row in rows] == ["live", "live"]


def test_a_drained_node_is_left_by_one_camera_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "Host", Pretended)
    said: list[str] = []
    with connected_nodes(2, 1):
        shown = Wall(Settings(), {name: camera(name) for name in "abcd"}, 1, said.append)
        rows = until(shown, lambda rows: all(row.state == "live" for row in rows))
        left = rows[0].node
        moving = [row.name for row in rows if row.node == left]
        assert len(moving) == 2
        said.clear()
        ray.get(wall.board().drain.remote(left[:8]))
        until(shown, lambda rows: all(row.state == "live" and row.node != left for row in rows))
    for name in moving:
        place = next(index for index, sentence in enumerate(said) if sentence.startswith(f"{name} leaves"))
        assert said[place + 1].startswith(f"{name} goes to")


class Forgetful(Pretended):
    """Lets go of everything once, as one that was not asked for too long does."""

    forgot = False

    def state(self) -> HostState:
        if self.cameras and not self.forgot:
            self.forgot = True
            self.cameras.clear()
        return super().state()


@pytest.mark.usefixtures("ray_here")
def test_a_host_that_let_go_of_its_cameras_gets_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "Host", Forgetful)
    monkeypatch.setattr(wall, "LEASE", 0.3)
    shown = Wall(Settings(), {name: camera(name) for name in ("a", "b")}, 0, lambda sentence: None)
    rows = until(shown, lambda rows: all(row.state == "live" for row in rows))
    assert [row.moves for row in rows] == [1, 1]
