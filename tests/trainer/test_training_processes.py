"""Several processes train one network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.ports import free_port

_RANK = """
import hashlib, sys
from pathlib import Path
import torch
from trainer.data import read_photos
from trainer.loop import Loop, LoopSettings
from trainer.recipes import RECIPES
from trainer.recipes.job import TrainingJob

shards, run = Path(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(1)
recipe = RECIPES["segmenter"].build(TrainingJob(read_photos(shards, ["val_core"]), 64))
seen = hashlib.sha256()
own = recipe.step
def step(batch, *rest):
    seen.update(batch["crop"].numpy().tobytes())
    return own(batch, *rest)
recipe.step = step
loop = Loop(recipe, LoopSettings(run, steps=2, batch=2, workers=0, threads=1))
loop.run()
weights = hashlib.sha256()
for network in (recipe.network, loop.averaged):
    for value in network.state_dict().values():
        weights.update(value.numpy().tobytes())
print("rank", seen.hexdigest(), weights.hexdigest(), loop.leads)
"""


def _start(rank: int, port: int, *asked: str) -> subprocess.Popen[str]:
    """What torchrun does for each process."""
    world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "GROUP_RANK": 0}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    environment = os.environ | {name: str(value) for name, value in (world | place).items()}
    return subprocess.Popen(
        [sys.executable, "-c", _RANK, *asked], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_two_processes_see_other_faces_and_end_with_the_same_weights(shards: Path, tmp_path: Path) -> None:
    port = free_port()
    processes = [_start(rank, port, str(shards), str(tmp_path)) for rank in range(2)]
    said = [process.communicate(timeout=240)[0].split("rank ")[-1].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    (seen, weights, leads), (other_seen, other_weights, other_leads) = said
    assert seen != other_seen
    assert weights == other_weights
    assert (leads, other_leads) == ("True", "False")
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2]
