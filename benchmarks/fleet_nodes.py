"""A Ray cluster whose nodes are processes of this machine, so that nodes can be lost without one."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.processes import descendants
from stream_unmask.fleet import cluster
from stream_unmask.output.parts import left_over

_OBJECT_STORE = 100_000_000
"""Bytes of Ray's shared memory on a node; Ray takes no less."""

_LOOK = 0.05
"""Seconds between two looks at what is done."""

_PAUSE = 3.0
"""Seconds at most, chosen at random, between having recovered and losing the next node."""


class Nodes:
    """Nodes of a cluster, beside a head that does no work. Ray wants them made by the main thread.

    Args:
        number: of nodes.
        cores: that Ray counts on each.
    """

    def __init__(self, number: int, cores: int) -> None:
        self._cores = cores
        os.environ.setdefault("RAY_worker_niceness", "0")
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self._nodes = [self._more() for _ in range(number)]

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def address(self) -> str:
        """Where the cluster is found."""
        return str(self._cluster.address)

    def lose(self, chance: random.Random) -> None:
        """Kill all processes of one node, as if its power failed."""
        node = self._nodes.pop(chance.randrange(len(self._nodes)))
        pids = [kept.process.pid for all_of in node.all_processes.values() for kept in all_of]
        for worker in [worker for pid in pids for worker in descendants(pid)]:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)

    def add(self) -> None:
        """Add one node."""
        self._nodes.append(self._more())

    def end(self) -> None:
        """Take all of it down."""
        self._cluster.shutdown()

    def _more(self) -> Any:
        return self._cluster.add_node(num_cpus=self._cores, object_store_memory=_OBJECT_STORE)


@contextmanager
def connected_nodes(number: int, cores: int) -> Iterator[Nodes]:
    """A cluster that this process is connected to, for as long as the block lasts.

    Args:
        number: of nodes.
        cores: that Ray counts on each.
    """
    nodes = Nodes(number, cores)
    try:
        with cluster.connected(nodes.address):
            yield nodes
    finally:
        nodes.end()


def lose_nodes(
    nodes: Nodes, output: Path, kills: int, chance: random.Random, done: Future[None]
) -> list[float]:
    """Lose nodes at random moments while an archive is worked on, and time how long each loss is felt.

    A node that is lost is replaced at once. The next one goes after all files have ended that were under way
    when the last one went, at a random moment at which all nodes write files: none is begun a third time.

    Args:
        nodes: of the cluster.
        output: folder that the files go to.
        kills: how many nodes are to be lost, if the work lasts as long.
        chance: which, and when.
        done: the work.

    Returns:
        Seconds from each loss until the files that were under way were there.
    """
    felt: list[float] = []
    while len(felt) < kills:
        time.sleep(chance.uniform(0, _PAUSE))
        while len(under_way := left_over(output)) < len(nodes) and not done.done():
            time.sleep(_LOOK)
        if done.done():
            break
        began = time.monotonic()
        nodes.lose(chance)
        nodes.add()
        while not all(path.exists() for path in under_way) and not done.done():
            time.sleep(_LOOK)
        felt.append(time.monotonic() - began)
    return felt
