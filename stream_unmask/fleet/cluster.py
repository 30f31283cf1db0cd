"""Ray: where it runs, what its nodes have, and why a task of it ended."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray import exceptions

from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import reason

_log = logging.getLogger(__name__)

Kind = Literal["cpu", "gpu"]

_OBJECT_STORE = 200_000_000
"""Bytes of Ray's shared memory on one machine: what goes through it is small, the files go by themselves."""

_PATIENCE = 10.0
"""Seconds that a cluster gets to answer in."""

ATTEMPTS = 3
"""Times that a file is begun before it is given up, where workers or nodes die of it or under it."""


class _Log(io.TextIOBase):
    """Ray tells at length of each lost worker and node, on the standard output: that is for the log."""

    def write(self, text: str) -> int:
        if said := re.sub(r"\x1b\[\d+m", "", text).strip():
            _log.info("%s", said)
        return len(text)


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker takes of a node.

    Attributes:
        cores: CPU cores.
        gpu: share of a GPU that a worker on one takes; it takes ``cores`` beside.
    """

    cores: int = 1
    gpu: float = 0.25

    def of(self, kind: Kind) -> dict[str, float]:
        """As Ray takes it."""
        return {"num_cpus": self.cores, "num_gpus": self.gpu if kind == "gpu" else 0}


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Ray, for as long as the block lasts.

    Args:
        address: of a cluster, ``auto`` for the one that this machine belongs to; None to start one here.

    Raises:
        UnmaskError: there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    common: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "namespace": "stream-unmask",
    }
    try:
        if address is None:
            # Nobody else is to reach a Ray that lives as long as this command, and it asks for no token.
            os.environ.setdefault("RAY_AUTH_MODE", "disabled")
            # Ray has its workers yield to all else; here they are what the machine is to do.
            os.environ.setdefault("RAY_worker_niceness", "0")
            local = {"object_store_memory": _OBJECT_STORE, "include_dashboard": False}
            ray.init(address="local", **local, **common)
        else:
            _reach(address)
            ray.init(address=address, **common)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = "Ray cannot be started here" if address is None else f"There is no Ray cluster at {address}"
        raise UnmaskError(f"{where}: {str(error).splitlines()[0].rstrip('.')}.") from error
    with redirect_stdout(_Log()):
        try:
            yield
        finally:
            ray.shutdown()


def _reach(address: str) -> None:
    """Find out at once what Ray needs minutes to find out: that nobody listens there.

    Raises:
        ConnectionError: nobody does.
    """
    if address == "auto" or "://" in address:
        return
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise ConnectionError("an address is HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(reason(error)) from error


def slots(share: Share) -> dict[Kind, int]:
    """How many workers of each kind the nodes have room for, those that are at work included."""
    counts: dict[Kind, int] = {"cpu": 0, "gpu": 0}
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        resources = node["Resources"]
        cores = int(resources.get("CPU", 0) // share.cores)
        on_gpu = min(cores, int(resources.get("GPU", 0) / share.gpu)) if share.gpu else 0
        counts["gpu"] += on_gpu
        counts["cpu"] += cores - on_gpu
    return counts


def nodes_alive() -> int:
    """How many nodes there are."""
    return sum(bool(node["Alive"]) for node in ray.nodes())


def node_of(beginning: str) -> str:
    """The id of the node whose id begins so.

    Raises:
        UnmaskError: none does that is alive, or several do.
    """
    found = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeID"].startswith(beginning)]
    if len(found) != 1:
        many = "No node has" if not found else f"{len(found)} nodes have"
        raise UnmaskError(f"{many} an id that begins with {beginning!r}: `fleet status` shows them.")
    return str(found[0])


def why(error: Exception) -> str:
    """Why a task ended that gave no result, in one sentence."""
    if isinstance(error, exceptions.OutOfMemoryError):
        return f"It was begun {ATTEMPTS} times, and its node ran out of memory each time."
    if isinstance(error, exceptions.WorkerCrashedError):
        return f"Its worker died {ATTEMPTS} times: a decoder that it crashes, or somebody kills workers."
    if isinstance(error, exceptions.NodeDiedError):
        return f"Its node was lost {ATTEMPTS} times."
    cause = error.cause if isinstance(error, exceptions.RayTaskError) else error
    if isinstance(cause, UnmaskError):
        return str(cause)
    said = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {said[0] if said else 'it says nothing more'}"
