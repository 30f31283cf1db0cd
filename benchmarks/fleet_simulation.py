"""What becomes of a large wall of cameras when its nodes fail: a discrete simulation, from measured figures.

The rules are those of :mod:`stream_unmask.fleet.wall`: a camera goes to the node with the least load; a node
that does not answer is given up after some seconds, and its cameras go elsewhere one after the other.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.results import Result

_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated.

    Attributes:
        cameras: how many.
        nodes: how many.
        cores: of each node.
        cost: cores that a camera needs, on average; cameras differ by up to half of it.
        days: that are simulated.
        between_failures: days between two failures of one node, on average.
        repair: seconds until a node that failed is back, on average.
        noticed: seconds until a lost node is given up.
        start: seconds that a camera takes to begin on a node whose networks are loaded.
        placed: cameras that are placed in a second.
        seed: of all chance.
    """

    cameras: int = 10_000
    nodes: int = 500
    cores: int = 16
    cost: float = 0.65
    days: float = 30.0
    between_failures: float = 60.0
    repair: float = 900.0
    noticed: float = 5.5
    start: float = 2.0
    placed: float = 100.0
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Attributes:
        failures: of nodes.
        gaps: seconds that a camera was without a picture, one for each move.
        fullest: the highest load that any node had, as a share of its cores.
        refused: cameras that no node had room for when they came.
    """

    failures: int = 0
    gaps: list[float] = field(default_factory=list)
    fullest: float = 0.0
    refused: int = 0

    def shown(self, plan: Plan) -> float:
        """Share of all cameras' time that had a picture."""
        return 1 - sum(self.gaps) / (plan.cameras * plan.days * _DAY)


def simulate(plan: Plan) -> Outcome:
    """Let nodes fail and come back; the same plan gives the same outcome."""
    chance = random.Random(plan.seed)
    costs = [plan.cost * chance.uniform(0.5, 1.5) for _ in range(plan.cameras)]
    load = np.zeros(plan.nodes)
    alive = np.ones(plan.nodes, bool)
    on: list[set[int]] = [set() for _ in range(plan.nodes)]
    found = Outcome()

    def place(camera: int) -> None:
        node = int(np.where(alive, load, np.inf).argmin())
        if not alive[node] or load[node] + costs[camera] > plan.cores:
            found.refused += 1
        on[node].add(camera)
        load[node] += costs[camera]
        found.fullest = max(found.fullest, float(load[node]) / plan.cores)

    for camera in range(plan.cameras):
        place(camera)
    for time, node, fails in _events(plan, chance):
        if time > plan.days * _DAY:
            break
        alive[node] = not fails
        if not fails:
            continue
        found.failures += 1
        lost, on[node], load[node] = sorted(on[node]), set(), 0.0
        for turn, camera in enumerate(lost):
            place(camera)
            found.gaps.append(plan.noticed + turn / plan.placed + plan.start)
    return found


def _events(plan: Plan, chance: random.Random) -> Iterator[tuple[float, int, bool]]:
    """When nodes fail and come back, in order: time, node, whether it fails."""
    rate = 1 / (plan.between_failures * _DAY)
    waiting = [(chance.expovariate(rate), node, True) for node in range(plan.nodes)]
    heapq.heapify(waiting)
    while True:
        time, node, fails = heapq.heappop(waiting)
        yield time, node, fails
        after = chance.expovariate(1 / plan.repair if fails else rate)
        heapq.heappush(waiting, (time + after, node, not fails))


def measure(plan: Plan, command: str) -> Result:
    """Simulate, and say what came of it.

    Args:
        plan: what is simulated.
        command: that does it again.
    """
    found = simulate(plan)
    gaps = np.array(found.gaps or [0.0])
    rows = [
        ["nodes that failed", str(found.failures)],
        ["cameras moved", str(len(found.gaps))],
        ["seconds without a picture, median", f"{np.median(gaps):.1f}"],
        ["the same, longest", f"{gaps.max():.1f}"],
        ["time with a picture, all cameras", f"{100 * found.shown(plan):.5f} %"],
        ["fullest node", f"{100 * found.fullest:.0f} % of its cores"],
        ["cameras that no node had room for", str(found.refused)],
    ]
    what = (
        f"{plan.cameras} cameras of {plan.cost} cores on {plan.nodes} nodes of {plan.cores} cores for"
        f" {plan.days:g} days, each node failing every {plan.between_failures:g} days and back after"
        f" {plan.repair:g} s (simulated, seed {plan.seed})"
    )
    return Result.now(what, command, ["what", "simulated"], rows)
