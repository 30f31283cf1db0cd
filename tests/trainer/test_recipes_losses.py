"""Losses are those of the papers, and say what is missing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn
from torch.nn import functional

from stream_unmask.errors import UnmaskError
from trainer.checkpoint import LAST, write_checkpoint
from trainer.networks.encoder import FaceAutoencoder
from trainer.recipes.losses import gradient_penalty, inside_psnr, similarity
from trainer.recipes.perceptual import (
    VGG_FILE,
    DetectorFeatures,
    PerceptualLoss,
    Vgg,
    find_perceptual,
    read_vgg,
)
from trainer.recipes.release import SeenLoss
from trainer.recipes.two_discriminator import EditingLoss


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps weights."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_similarity_is_that_of_scikit_image() -> None:
    torch.manual_seed(0)
    one = torch.rand(1, 3, 40, 48) * 2 - 1
    other = (one + 0.3 * torch.randn(one.shape)).clamp(-1, 1)
    _, wanted = structural_similarity(
        one[0].numpy(),
        other[0].numpy(),
        channel_axis=0,
        data_range=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert np.allclose(similarity(one, other)[0].numpy(), wanted[:, 5:-5, 5:-5], atol=1e-4)
    assert torch.allclose(similarity(one, one), torch.ones(()))


@pytest.mark.parametrize("steepness", [0.0, 1.0, 3.0])
def test_the_gradient_penalty_wants_a_slope_of_one(steepness: float) -> None:
    direction = torch.zeros(3, 4, 4)
    direction[0, 0, 0] = steepness

    def critic(picture: torch.Tensor) -> torch.Tensor:
        return (picture * direction).sum((1, 2, 3))

    faces = torch.rand(2, 5, 3, 4, 4)
    assert gradient_penalty(critic, faces[0], faces[1]).item() == pytest.approx(
        (steepness - 1) ** 2, abs=1e-4
    )


def test_the_gradient_penalty_teaches_the_critic() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(48, 1))
    faces = torch.rand(2, 5, 3, 4, 4)
    gradient_penalty(critic, faces[0], faces[1]).backward()
    slope = next(critic.parameters()).grad
    assert slope is not None
    assert slope.abs().sum() > 0


def test_psnr_counts_only_what_the_mask_hides() -> None:
    truth, mask = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    inpainted = torch.full_like(truth, 0.2)
    inpainted[..., 4:] = -1
    assert float(inside_psnr(inpainted, truth, mask)) == pytest.approx(20.0, abs=1e-3)


def test_vgg_has_the_names_and_shapes_of_torchvisions_file() -> None:
    layers = {name: tuple(weight.shape) for name, weight in Vgg().state_dict().items()}
    assert [int(name.split(".")[1]) for name in layers if name.endswith("weight")] == [
        *(0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
    ]
    assert layers["features.0.weight"] == (64, 3, 3, 3)
    assert layers["features.19.weight"] == (512, 256, 3, 3)
    found = Vgg()(torch.zeros(1, 3, 32, 32))
    assert [each.shape[1] for each in found] == [64, 128, 256, 512, 512]


def test_vgg_is_read_from_torchvisions_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = Vgg().state_dict() | {"classifier.0.bias": torch.zeros(2)}
    torch.save(whole, tmp_path / "part")
    digits = hashlib.sha256((tmp_path / "part").read_bytes()).hexdigest()[:8]
    path = (tmp_path / "part").rename(tmp_path / f"vgg19-{digits}.pth")
    assert torch.equal(read_vgg(path).state_dict()["features.28.bias"], whole["features.28.bias"])


def test_damaged_vgg_weights_are_refused(hub: Path) -> None:
    (hub / VGG_FILE).write_bytes(b"half a download")
    with pytest.raises(UnmaskError, match="dcbb9e9d"):
        find_perceptual(None, lambda _: None)


def test_without_vgg_our_own_encoder_measures_or_the_face_detector(hub: Path, tmp_path: Path) -> None:
    said: list[str] = []
    detector = find_perceptual(None, said.append)
    trained = FaceAutoencoder()
    write_checkpoint({"averaged": trained.state_dict()}, tmp_path / LAST)
    found = find_perceptual(tmp_path, said.append)
    face = torch.rand(1, 3, 32, 32)
    for each in (found, detector):
        assert float(each(face, face)) == 0 != float(each(face.flip(3), face))
    wanted = PerceptualLoss(trained.encoder)(face.flip(3), face)
    assert float(found(face.flip(3), face)) == pytest.approx(float(wanted)) != 0
    assert ["no encoder was named" in said[0], str(tmp_path) in said[1]] == [True, True]


def test_the_face_detector_sees_detail_of_four_sizes_and_teaches() -> None:
    torch.manual_seed(0)
    face = torch.rand(2, 3, 64, 64) * 2 - 1
    features = DetectorFeatures()
    assert [tuple(each.shape[1:]) for each in features(face)] == [
        *((96, 32, 32), (144, 16, 16), (192, 8, 8), (576, 4, 4))
    ]
    made = functional.avg_pool2d(face, 3, 1, 1).requires_grad_()
    PerceptualLoss(features)(made, face).backward()
    assert made.grad is not None
    assert float(made.grad.abs().sum()) > 0


def test_the_loss_of_release_looks_at_the_mouth_only() -> None:
    torch.manual_seed(0)
    loss = SeenLoss(PerceptualLoss(DetectorFeatures()), 1.0)
    truth, weight = torch.rand(1, 3, 128, 128), torch.zeros(1, 1, 128, 128)
    weight[..., 64:96, 48:80] = 1
    inpainted = truth.clone()
    inpainted[..., :8, :] = -1
    assert float(loss(inpainted, truth, weight)) == 0
    inpainted[..., 70:80, 60:70] = -1
    alone = SeenLoss(PerceptualLoss(DetectorFeatures()), 0.0)
    assert float(loss(inpainted, truth, weight)) > float(alone(inpainted, truth, weight)) > 0


def test_the_editing_loss_is_zero_for_the_truth_and_blind_where_nothing_matters() -> None:
    torch.manual_seed(0)
    loss = EditingLoss(1.0, 1.0, 1.0, PerceptualLoss(FaceAutoencoder().encoder))
    truth, weight = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    weight[..., :16, :] = 1
    assert float(loss(truth, truth, weight)) == pytest.approx(0, abs=1e-5)
    below, above = truth.clone(), truth.clone()
    below[..., 16:, :] += 0.5
    above[..., :16, :] += 0.5
    assert float(loss(below, truth, weight)) == pytest.approx(0, abs=1e-5)
    assert float(loss(above, truth, weight)) > 0.5
