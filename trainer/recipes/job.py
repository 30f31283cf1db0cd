"""What a command asks of a recipe, and how recipes are configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

from torch import nn

from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.errors import UnmaskError
from trainer.about import BUNDLED, size_of
from trainer.bundled import bundled_segmenter
from trainer.checkpoint import load_averaged
from trainer.data import Photo, RealFace
from trainer.networks.segmenter import UNetSegmenter
from trainer.recipe import Recipe

SEGMENTER_SIDE = 256
"""Side in pixels of the crops in which the product looks for masks."""

Config = TypeVar("Config", bound="RecipeConfig")


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training, as far as it concerns the recipe.

    Attributes:
        photos: of the training sets.
        size: side of the crops in pixels, a multiple of 32.
        begun: whether trained weights will take the place of the fresh ones.
        segmenter: run of the segmenter that makes masks, or ``bundled``.
        encoder: run of the ``encoder`` recipe for perceptual losses; None for none.
        real: folder of photos of people who wear masks, without truth; None for none.
        tell: takes a sentence that the user should read.
    """

    photos: Sequence[Photo]
    size: int
    begun: bool = False
    segmenter: Path = BUNDLED
    encoder: Path | None = None
    real: Path | None = None
    tell: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        if self.size <= 0 or self.size % 32:
            raise UnmaskError(f"The side of the crops must be a multiple of 32, not {self.size}.")

    def trained_segmenter(self) -> UNetSegmenter:
        """The segmenter, in evaluation mode.

        Raises:
            UnmaskError: there is none, or it has learnt from crops of another side than the product's.
        """
        if self.segmenter == BUNDLED:
            return bundled_segmenter().requires_grad_(False)
        return read_segmenter(self.segmenter).requires_grad_(False)

    def real_faces(self) -> list[RealFace]:
        """The faces of :attr:`real`, with masks of the bundled segmenter where it is sure.

        Raises:
            UnmaskError: there is none among the photos.
        """
        if self.real is None:
            return []
        # Finding faces needs the product's own engines, which no other training does.
        from trainer.packing.pseudo_labels import pseudo_labelled

        faces = pseudo_labelled(self.real, BUNDLED_WEIGHTS / "segmenter.onnx")
        self.tell(f"{len(faces)} real masked faces of {self.real} are learnt from, too.")
        return faces


def read_segmenter(run: Path) -> UNetSegmenter:
    """A run's segmenter with its averaged weights, in evaluation mode.

    Raises:
        UnmaskError: there is none, or it has learnt from crops of another side than the product's: it knows
            masks of that size only.
    """
    segmenter = UNetSegmenter().eval()
    load_averaged(segmenter, run)
    if (size := size_of(run)) != SEGMENTER_SIDE:
        raise UnmaskError(
            f"The segmenter of {run} has learnt from crops of {size} pixels, but masks are looked for in "
            f"crops of {SEGMENTER_SIDE}: it has to be trained on such crops.",
            path=run,
        )
    return segmenter


class RecipeConfig(Protocol):
    """A recipe's settings, a frozen dataclass; its fields are what ``--set`` may change."""

    def architecture(self) -> nn.Module:
        """What is trained, with fresh weights and without all that it is only trained with.

        It is the same for crops of any side; its weights have the names of the built recipe's ``network``.
        """
        ...

    def build(self, job: TrainingJob) -> Recipe:
        """The recipe.

        Raises:
            UnmaskError: what the job asks cannot be had.
        """
        ...


def changed(config: Config, changes: Sequence[str]) -> Config:
    """The settings with ``name=value`` changes.

    Raises:
        UnmaskError: there is no such setting, or it cannot have such a value.
    """
    hints = get_type_hints(type(config))
    values: dict[str, Any] = {}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in hints:
            known = ", ".join(f"{each.name}={getattr(config, each.name)}" for each in fields(config))  # type: ignore[arg-type]
            raise UnmaskError(f"There is no setting '{name}'; there are: {known or 'none'}.")
        values[name] = _value(name, text, hints[name])
    return replace(config, **values)  # type: ignore[type-var]


def _value(name: str, text: str, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        if text in get_args(kind):
            return text
        raise UnmaskError(f"{name} must be one of {', '.join(get_args(kind))}, not '{text}'.")
    try:
        return kind(text)
    except ValueError as error:
        raise UnmaskError(f"{name} must be a number ({kind.__name__}), not '{text}'.") from error
