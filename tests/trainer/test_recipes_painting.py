"""What an inpainted crop is held to, so that it is steady from frame to frame."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainer.pairs import unpack
from trainer.recipe import Batch
from trainer.recipes.painting import inpainted_before, rough_masks

SIZE = 32


class Copier(nn.Module):
    """Paints what it sees."""

    def forward(self, crop: Tensor, mask: Tensor) -> Tensor:
        return crop


def _batch(count: int, shift: float) -> Batch:
    """Frames before that the present crops show ``shift`` pixels further to the left."""
    motion = torch.tensor([[1.0, 0.0, 2 * shift / SIZE], [0.0, 1.0, 0.0]])
    return {
        "crop": torch.zeros(count, 3, SIZE, SIZE, dtype=torch.uint8),
        "before": torch.randint(0, 256, (count, 3, SIZE, SIZE), dtype=torch.uint8),
        "before_mask": torch.zeros(count, 1, SIZE, SIZE, dtype=torch.uint8),
        "motion": motion.expand(count, 2, 3),
    }


def test_the_face_moves_as_far_under_autocast() -> None:
    torch.manual_seed(0)
    batch = _batch(2, 5.3)
    torch.manual_seed(1)
    _, plain = inpainted_before(batch, Copier(), rough_masks)
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        _, half = inpainted_before(batch, Copier(), rough_masks)
    assert torch.equal(plain, half)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_patches_of_the_frame_before_move_with_the_face(count: int) -> None:
    for seed in range(8):
        torch.manual_seed(seed)
        batch = _batch(count, 5)
        chosen, inpainted = inpainted_before(batch, Copier(), rough_masks)
        assert len(chosen) in (count // 4, -(-count // 4))
        assert len(chosen) >= 1
        before = unpack(batch["before"][chosen])
        torch.testing.assert_close(inpainted[..., :-5], before[..., 5:], atol=1e-4, rtol=0)
