"""A wall of cameras over many nodes: each goes where the least is done, and elsewhere when its node goes.

Ray starts the hosts, one on each node, and says which nodes there are. Which camera a host works on is
decided here, by what the hosts measure: their load is not known before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from stream_unmask.cameras import CameraConfig, again
from stream_unmask.errors import UnmaskError
from stream_unmask.fleet.hosts import LEASE, Board, CameraState, Host, HostState, Row
from stream_unmask.settings import Settings

BOARD = "cameras"
"""Name of the board's actor."""

_LOST = LEASE + 1.0
"""Seconds without an answer after which a host is given up: by then it has let go of its cameras."""

_CLOSING = 30.0
"""Seconds that all outputs get at the end to be closed in."""

_BOARD_SECONDS = 0.2
"""Seconds that the board gets to answer in."""

_LOOK = 0.5
"""Seconds between two looks at everything."""

_PATIENCE = 60.0
"""Seconds that cameras wait at first, until the hosts of all nodes have loaded their networks."""

_SETTLED = 15.0
"""Seconds after which a camera that has moved is waited for no longer: it may be off."""

_UNEVEN = 2.0
"""Cameras' worth of load that one host may have more than another."""

_FIRST_GUESS = 0.5
"""Cores that a camera is taken to need before any was measured: one face at 720p and 25 frames a second."""


@dataclass(slots=True)
class _At:
    """The host of one node.

    Attributes:
        node: its id.
        cores: of the node.
        actor: the host.
        answered: when it last did.
        asked: the question that it has not answered yet.
        used: cores that it used of late.
        states: of its cameras.
        cameras: that it was given.
        since: when the node was met.
        ready: it has answered once: its networks are loaded.
    """

    node: str
    cores: float
    actor: Any
    answered: float
    asked: Any = None
    used: float = 0.0
    states: dict[str, CameraState] = field(default_factory=dict)
    cameras: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    ready: bool = False

    def load(self, each: float) -> float:
        """Share of its cores that is used, those cameras included that were given of late."""
        fresh = sum(time.monotonic() - since < 2 * LEASE for since in self.cameras.values())
        return (self.used + each * fresh) / max(self.cores, 1.0)


class Wall:
    """All cameras of a file.

    Args:
        settings: of the unmasking.
        cameras: by name.
        share: CPU cores that a host takes of its node, as Ray counts them.
        say: gets a sentence when something moves.
    """

    def __init__(
        self,
        settings: Settings,
        cameras: Mapping[str, CameraConfig],
        share: float,
        say: Callable[[str], None],
    ) -> None:
        self._settings, self._cameras, self._share, self._say = settings, dict(cameras), share, say
        self._rows = {name: Row(name) for name in cameras}
        self._hosts: dict[str, _At] = {}
        self._drained: set[str] = set()
        self._leaving: dict[str, tuple[Any, float]] = {}
        self._posted: Any = None
        board: Any = ray.remote(num_cpus=0)(Board)
        # Beside the wall: it is not to go with a node that works on cameras.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._board = board.options(name=BOARD, get_if_exists=True, scheduling_strategy=here).remote()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``."""
        while not stop.wait(_LOOK):
            self.look()
        ended = [host.actor.end.remote(name) for host in self._hosts.values() for name in host.cameras]
        if ended:
            ray.wait(ended, num_returns=len(ended), timeout=_CLOSING)

    def look(self) -> list[Row]:
        """Look at all nodes once, move what must move, and put up how all is.

        Nobody is waited for: hosts that are not asked for a while let go of their cameras.
        """
        self._meet_nodes()
        for host in list(self._hosts.values()):
            self._ask(host)
        self._move_one()
        self._place()
        rows = [self._row(name) for name in self._cameras]
        self._post(rows)
        return rows

    def _post(self, rows: list[Row]) -> None:
        """Put up how all cameras are, and take what the board says; a slow board is asked again later."""
        if self._posted is not None:
            done, _ = ray.wait([self._posted], timeout=_BOARD_SECONDS)
            if not done:
                return
            with suppress(RayError):
                self._drained = ray.get(self._posted)
        self._posted = self._board.post.remote(rows)

    def _meet_nodes(self) -> None:
        """A host for each node that is there; those of nodes that are gone are forgotten."""
        alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        for node, resources in alive.items():
            if node not in self._hosts and resources.get("CPU", 0) >= self._share:
                here = NodeAffinitySchedulingStrategy(node, soft=False)
                made: Any = ray.remote(num_cpus=self._share, max_concurrency=8)(Host)
                actor = made.options(scheduling_strategy=here).remote(self._settings)
                self._hosts[node] = _At(node, resources["CPU"], actor, time.monotonic())
        for node in self._hosts.keys() - alive.keys():
            self._give_up(self._hosts[node])

    def _ask(self, host: _At) -> None:
        """Take a host's answer, ask again, and give it up where none comes."""
        now = time.monotonic()
        if host.asked is not None:
            done, _ = ray.wait([host.asked], timeout=0)
            if done:
                self._take(host, host.asked)
        if host.asked is None and host.node in self._hosts:
            host.asked = host.actor.state.remote()
        # Loading networks takes longer than any answer.
        if host.ready and now - host.answered > _LOST and host.node in self._hosts:
            self._give_up(host)

    def _take(self, host: _At, answer: Any) -> None:
        host.asked = None
        try:
            state: HostState = ray.get(answer)
        except ActorDiedError:
            self._give_up(host)
            return
        except RayError:
            return  # it may be there again, until it is given up
        host.answered, host.ready = time.monotonic(), True
        host.used, host.states = state.cores, state.cameras
        for name, since in host.cameras.items():
            # It was not asked for too long, by a wall that had no time, and has let go of the camera.
            if name not in state.cameras and time.monotonic() - since > LEASE:
                host.cameras[name] = time.monotonic()
                host.actor.begin.remote(again(self._cameras[name]))

    def _give_up(self, host: _At) -> None:
        self._hosts.pop(host.node, None)
        ray.kill(host.actor)
        if host.cameras:
            self._say(f"Node {host.node[:8]} is gone; its {len(host.cameras)} cameras go elsewhere.")
        for name in host.cameras:
            self._rows[name].node = ""

    def _move_one(self) -> None:
        """Move one camera that should be elsewhere, if those that moved before are live, or will not be."""
        if any(not row.node for row in self._rows.values()):
            return
        now = time.monotonic()
        given = ((name, since) for host in self._hosts.values() for name, since in host.cameras.items())
        if any(now - since < _SETTLED and self._row(name).state == "starting" for name, since in given):
            return
        host, best = self._full(), self._best()
        if host is None or best is None:
            return
        name = next(iter(host.cameras))
        self._leaving[name] = host.actor.end.remote(name), now + LEASE
        del host.cameras[name]
        self._rows[name].node = ""
        self._say(f"{name} leaves node {host.node[:8]}.")

    def _full(self) -> _At | None:
        """The host that a camera should leave: one that is to be emptied, or that has too much to do."""
        with_cameras = [host for host in self._hosts.values() if host.cameras]
        drained = next((host for host in with_cameras if self._is_drained(host)), None)
        best, each = self._best(), self._cost()
        if drained is not None or best is None:
            return drained
        most = max(with_cameras, key=lambda host: host.load(each), default=best)
        more = (most.load(each) - best.load(each)) * max(most.cores, 1.0) / each
        return most if more > _UNEVEN and len(most.cameras) > len(best.cameras) + 1 else None

    def _place(self) -> None:
        """Give each camera that has no host to the one with the least to do."""
        now = time.monotonic()
        loading = any(not host.ready and now - host.since < _PATIENCE for host in self._hosts.values())
        for name, camera in self._cameras.items():
            row, host = self._rows[name], self._best()
            if row.node or host is None or (loading and not row.moves) or self._is_leaving(name):
                continue
            host.actor.begin.remote(again(camera) if row.moves else camera)
            host.cameras[name] = time.monotonic()
            row.node, row.moves = host.node, row.moves + 1
            self._say(f"{name} goes to node {host.node[:8]}.")

    def _is_leaving(self, name: str) -> bool:
        """Whether the host that it was at may still work on it."""
        if name not in self._leaving:
            return False
        ended, until = self._leaving[name]
        done, _ = ray.wait([ended], timeout=0)
        if not done and time.monotonic() < until:
            return True
        del self._leaving[name]
        return False

    def _best(self) -> _At | None:
        each = self._cost()
        able = [host for host in self._hosts.values() if host.ready and not self._is_drained(host)]
        return min(able, key=lambda host: (host.load(each), len(host.cameras)), default=None)

    def _cost(self) -> float:
        """Cores that a camera needs, as measured."""
        working = sum(len(host.states) for host in self._hosts.values())
        used = sum(host.used for host in self._hosts.values())
        return used / working if working and used else _FIRST_GUESS

    def _is_drained(self, host: _At) -> bool:
        return any(host.node.startswith(begun) for begun in self._drained)

    def _row(self, name: str) -> Row:
        row = self._rows[name]
        host = self._hosts.get(row.node)
        state = host.states.get(name) if host is not None else None
        row.fps, row.delay, row.said = (state.fps, state.delay, state.said) if state else (0.0, None, "")
        row.state = "waiting" if host is None else "live" if row.fps > 0 else "starting"
        return row


def board() -> Any:
    """The board of the cameras that run on this cluster.

    Raises:
        UnmaskError: none run.
    """
    try:
        return ray.get_actor(BOARD)
    except ValueError as error:
        raise UnmaskError("No `fleet live` runs on this cluster.") from error
