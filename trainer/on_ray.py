"""The same training on workers of a Ray cluster: Ray Train starts them, and begins again where one dies.

Each worker runs what a process under torchrun would run; Lightning Fabric finds the process group that Ray
Train has made. What is begun again goes on from the run's last checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
import torch
from ray import train
from ray.train.torch import TorchTrainer
from ray.train.v2.api.exceptions import TrainingFailedError

from stream_unmask.errors import UnmaskError

_MOST_FAILURES = 10
"""Times that workers may die in one training before it is given up."""


def train_on_ray(work: Callable[[], None], run: Path, *, workers: int, cores: int) -> None:
    """Train on a cluster that Ray is connected to.

    Args:
        work: trains in one of several processes, and goes on from the checkpoint in ``run`` where there is
            one. It travels to the workers.
        run: folder of the run, on a disk that all nodes see.
        workers: processes that train together, each on a GPU where there are any.
        cores: CPU cores of each.

    Raises:
        UnmaskError: the training cannot go on, or workers died too often.
    """
    on_gpu = torch.cuda.is_available() or ray.cluster_resources().get("GPU", 0) > 0
    trainer = TorchTrainer(
        _work,
        train_loop_config={"work": work, "run": str(run.absolute())},
        scaling_config=train.ScalingConfig(
            num_workers=workers,
            use_gpu=on_gpu,
            resources_per_worker={"CPU": cores} | ({"GPU": 1} if on_gpu else {}),
        ),
        run_config=train.RunConfig(
            name="ray",
            storage_path=str(run.absolute()),
            failure_config=train.FailureConfig(max_failures=_MOST_FAILURES),
        ),
    )
    (run / _REFUSED).unlink(missing_ok=True)
    try:
        trainer.fit()
    except TrainingFailedError as error:
        raise UnmaskError(
            f"The workers died {_MOST_FAILURES} times; what was learnt is kept. {error}", hint="resume=True"
        ) from error
    if (run / _REFUSED).exists():
        raise UnmaskError((run / _REFUSED).read_text())


_REFUSED = "refused.txt"
"""What a worker says that must not be begun again: it would fail again."""


def _work(config: dict[str, Any]) -> None:
    """In each worker."""
    context = train.get_context()
    place = {
        "RANK": context.get_world_rank(),
        "LOCAL_RANK": context.get_local_rank(),
        "WORLD_SIZE": context.get_world_size(),
        "LOCAL_WORLD_SIZE": context.get_local_world_size(),
        "GROUP_RANK": context.get_node_rank(),
        # By this Fabric knows that somebody else has started its processes.
        "TORCHELASTIC_RUN_ID": "ray",
    }
    os.environ.update({name: str(value) for name, value in place.items()})
    try:
        config["work"]()
    except UnmaskError as error:
        (Path(config["run"]) / _REFUSED).write_text(str(error))
