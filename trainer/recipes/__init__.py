"""What is trained, on what, with which losses: a module for each recipe, and all of them by name."""

from __future__ import annotations

from trainer.recipes.cyclegan import CycleGanConfig
from trainer.recipes.encoder import EncoderConfig
from trainer.recipes.guided import GuidedConfig
from trainer.recipes.job import RecipeConfig
from trainer.recipes.release import GeneratorConfig, PainterConfig, ReleaseConfig
from trainer.recipes.segmenter import SegmenterConfig
from trainer.recipes.siamese import SiameseConfig
from trainer.recipes.two_discriminator import TwoDiscriminatorConfig
from trainer.recipes.wearer import WearerConfig
from trainer.recipes.wgan_gp import WganGpConfig

RECIPES: dict[str, RecipeConfig] = {
    "segmenter": SegmenterConfig(),
    "release": ReleaseConfig(),
    "painter": PainterConfig(),
    "generator": GeneratorConfig(),
    "guided": GuidedConfig(),
    "encoder": EncoderConfig(),
    "two-discriminator": TwoDiscriminatorConfig(),
    "wgan-gp": WganGpConfig(),
    "siamese": SiameseConfig(),
    "cyclegan": CycleGanConfig(),
    "wearer": WearerConfig(),
}
"""Every recipe with its usual settings, by the name that ``stream-unmask train`` knows it by."""
