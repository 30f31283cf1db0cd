"""What makes two faces look alike: features of a network that was trained to see.

VGG-19's where its weights are at hand, our own encoder's where one was trained, else the face detector's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from onnx.utils import Extractor
from torch import Tensor, nn
from torch.nn import functional

from engines.backends.pytorch_graph import OnnxModule
from stream_unmask.errors import UnmaskError
from stream_unmask.faces.weights import centerface
from trainer.checkpoint import load_averaged
from trainer.networks.encoder import FaceAutoencoder

VGG_FILE = "vgg19-dcbb9e9d.pth"
"""As torchvision names it; the name holds the first digits of its sha256."""

_VGG_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512)
_VGG_MEAN, _VGG_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg(nn.Module):
    """VGG-19 (Simonyan & Zisserman, 2015) up to its fifth block, named as torchvision names its layers."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in _VGG_WIDTHS:
            if width:
                layers += [nn.Conv2d(before, width, 3, 1, 1), nn.ReLU()]
                before = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_VGG_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(_VGG_SPREAD).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,3,S,S in -1..1 to the first activation of each block (Johnson et al., 2016)."""
        picture = ((picture + 1) / 2 - self.get_buffer("mean")) / self.get_buffer("spread")
        found, first = [], True
        for layer in self.features:
            picture = layer(picture)
            if isinstance(layer, nn.ReLU) and first:
                found.append(picture)
                first = False
            first |= isinstance(layer, nn.MaxPool2d)
        return found


class DetectorFeatures(nn.Module):
    """What the product's face detector sees: the backbone of CenterFace (Xu et al., 2019), a MobileNetV2
    (Sandler et al., 2018) that has learnt faces in the wild. It comes with the product."""

    def __init__(self) -> None:
        super().__init__()
        graph = onnx.shape_inference.infer_shapes(onnx.load(centerface()))
        halving = [
            node.input[0]
            for node in graph.graph.node
            for setting in node.attribute
            if node.op_type == "Conv" and setting.name == "strides" and list(setting.ints) == [2, 2]
        ]
        # The features that it is about to halve: sides of 1/2, 1/4, 1/8 and 1/16 of the picture's.
        picture, *features = halving
        self.backbone = OnnxModule(Extractor(graph).extract_model([picture], features))

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,3,S,S in -1..1 to features of four sizes."""
        return list(self.backbone((picture + 1) * 127.5))


def read_vgg(path: Path) -> Vgg:
    """VGG-19 with the weights of torchvision's file.

    Raises:
        UnmaskError: the file is not the one that its name promises.
    """
    wanted = path.stem.rpartition("-")[2]
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(wanted):
        raise UnmaskError(
            f"{path} is damaged: its sha256 does not begin with {wanted}; delete it.", path=path
        )
    stored = torch.load(path, map_location="cpu", weights_only=True)
    vgg = Vgg()
    vgg.load_state_dict({name: stored[name] for name in vgg.state_dict()})
    return vgg


class PerceptualLoss:
    """How differently two faces look: mean distance of their features, layer by layer."""

    def __init__(self, features: nn.Module) -> None:
        self._features = features.eval().requires_grad_(False)

    def __call__(self, made: Tensor, truth: Tensor) -> Tensor:
        """N,3,S,S in -1..1 both to a single number."""
        features = self._features.to(made.device)
        with torch.no_grad():
            wanted = features(truth)
        gaps = [
            functional.l1_loss(one, other) / other.abs().mean().clamp(min=1e-3)
            for one, other in zip(features(made), wanted, strict=True)
        ]
        return torch.stack(gaps).mean()


def find_perceptual(encoder: Path | None, tell: Callable[[str], None]) -> PerceptualLoss:
    """The best perceptual loss that can be had without a download.

    Args:
        encoder: run of the ``encoder`` recipe, if there is one.
        tell: hears what was found.

    Raises:
        UnmaskError: what there is, is damaged.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / VGG_FILE
    if path.exists():
        tell(f"The perceptual loss uses VGG-19 from {path}.")
        return PerceptualLoss(read_vgg(path))
    missing = f"There is no {VGG_FILE} in {path.parent}"
    if encoder is not None:
        tell(f"{missing}; the perceptual loss uses the encoder of {encoder}.")
        own = FaceAutoencoder()
        load_averaged(own, encoder)
        return PerceptualLoss(own.encoder)
    tell(f"{missing} and no encoder was named; the perceptual loss uses the face detector's features.")
    return PerceptualLoss(DetectorFeatures())
