"""What becomes of guides and clips on the device: bent, lit, cut and mirrored, afresh each time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from trainer.recipe import Batch

_TURN, _SHIFT = 0.02, 0.015
_WAVES = ((8, 0.012), (4, 0.012))
"""Cells across and standard deviation, in half sides of the picture, of what bends a face."""

_GAIN, _TINT, _FIELD, _TINTED_FIELD, _GAMMA = 0.3, 0.12, 0.22, 0.05, 0.2
"""Standard deviations of the logarithms by which another light differs: of all colours, of each one, of a
smooth field of all, of each one's, of the exponent."""

_FIELD_CELLS = 3
_SOFT, _SOFT_SHARE = 0.8, 0.4
_CUT_SHARE = 0.25


def blurred(picture: Tensor, spread: float) -> Tensor:
    """N,C,H,W through a Gaussian of ``spread`` pixels; the border's pixels go on beyond it."""
    reach = int(2.5 * spread + 0.5)
    places = torch.arange(-reach, reach + 1, device=picture.device)
    bell = torch.exp(-(places**2) / (2 * spread**2))
    bell = bell / bell.sum()
    # One channel at a time, each a picture of its own: grouped convolutions are slow, on CPUs above all.
    alone = picture.float().reshape(-1, 1, *picture.shape[2:])
    with torch.autocast(picture.device.type, enabled=False):
        alone = functional.pad(alone, (reach, reach, 0, 0), mode="replicate")
        alone = functional.conv2d(alone, bell.view(1, 1, 1, -1))
        alone = functional.pad(alone, (0, 0, reach, reach), mode="replicate")
        return functional.conv2d(alone, bell.view(1, 1, -1, 1)).view(picture.shape)


def waves(like: Tensor, channels: int, cells: int, spread: float) -> Tensor:
    """N,channels,S,S smooth noise for N pictures ``like``: normal values in ``cells`` across."""
    noise = spread * torch.randn(len(like), channels, cells, cells, device=like.device)
    return functional.interpolate(noise, like.shape[2:], mode="bicubic", align_corners=False)


def bent(picture: Tensor) -> Tensor:
    """N,3,S,S as another frame of the same person would be laid on: turned, shifted, bent by some pixels."""
    count, device = len(picture), picture.device
    still = torch.eye(2, 3, device=device)
    shift = torch.tensor([_TURN, _TURN, _SHIFT], device=device) * torch.randn(count, 2, 3, device=device)
    with torch.autocast(device.type, enabled=False):
        grid = functional.affine_grid(still + shift, list(picture.shape), align_corners=False)
        strength = 1.2 * torch.rand(count, 1, 1, 1, device=device)
        for cells, spread in _WAVES:
            grid = grid + strength * waves(picture, 2, cells, spread).permute(0, 2, 3, 1)
        return functional.grid_sample(
            picture, grid, mode="bicubic", padding_mode="border", align_corners=False
        ).clamp(-1, 1)


def lit(picture: Tensor, strength: float = 1.0) -> Tensor:
    """N,3,S,S in another light: gain, colour, a smooth field of both, gamma.

    N,3k,S,S are k pictures of each sample, which stand in the same light.
    """
    device, count, one = picture.device, len(picture), (len(picture), 1, 1, 1)
    colours = _TINT * torch.randn(count, 3, 1, 1, device=device)
    colours = colours + waves(picture, 3, _FIELD_CELLS, _TINTED_FIELD)
    # Darker rather than brighter: what is lit so that it clips has lost its face.
    light = _GAIN * (torch.randn(one, device=device) - 0.5) + waves(picture, 1, _FIELD_CELLS, _FIELD)
    gain = torch.exp(strength * (light + colours)).repeat(1, picture.shape[1] // 3, 1, 1)
    power = torch.exp(strength * _GAMMA * torch.randn(one, device=device))
    return ((picture * 0.5 + 0.5).clamp(1e-3, 1) ** power * gain).clamp(0, 1) * 2 - 1


def softened(picture: Tensor) -> Tensor:
    """N,3,S,S, some of them less sharp."""
    some = (torch.rand(len(picture), 1, 1, 1, device=picture.device) < _SOFT_SHARE).to(picture)
    amount = some * torch.rand(some.shape, device=picture.device)
    return picture + amount * (blurred(picture, _SOFT * picture.shape[-1] / 128) - picture)


def cut(trust: Tensor) -> Tensor:
    """N,1,S,S trust, of some with smooth holes: hair, cloth and hands of a guide are cut out of it."""
    some = (torch.rand(len(trust), 1, 1, 1, device=trust.device) < _CUT_SHARE).to(trust)
    left = ((waves(trust, 1, 5, 1.0) + 0.8) * 6).clamp(0, 1)
    return trust * (1 - some * (1 - left))


def mirrored(batch: Batch) -> Batch:
    """A batch of clips, as bytes or floats, seen in a mirror."""
    flipped = {name: values.flip(-1) for name, values in batch.items() if values.ndim == 4}
    turn = torch.tensor([[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0]], device=batch["motion"].device)
    return flipped | {"motion": batch["motion"] * turn}


def inverse(motion: Tensor) -> Tensor:
    """N,2,3 the affine motions that undo N,2,3 others."""
    with torch.autocast(motion.device.type, enabled=False):
        a, b, c, d = motion[:, 0, 0], motion[:, 0, 1], motion[:, 1, 0], motion[:, 1, 1]
        back = torch.stack([d, -b, -c, a], 1).view(-1, 2, 2) / (a * d - b * c).view(-1, 1, 1)
        return torch.cat([back, -back @ motion[:, :, 2:]], 2)
