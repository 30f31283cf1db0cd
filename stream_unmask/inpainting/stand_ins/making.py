"""Making a bank of stand-ins out of portraits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.stand_ins.bank import (
    TRAITS,
    Bank,
    Pixels,
    Projection,
    mirrored_traits,
)
from stream_unmask.inpainting.stand_ins.delighting import delighted
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.impressions import Impressions, years
from stream_unmask.inpainting.stand_ins.measuring import Looks, measure
from stream_unmask.inpainting.stand_ins.portraits import Portrait, PortraitReader

_QUALITY = 86
"""Of the stored WebP pictures."""

_AXES = 64
"""Numbers that an upper face is brought down to."""

_WHITENING = 0.25
"""Power of a principal component's spread by which it is divided: the first ones are hair and light."""

_LEAST_PORTRAITS = 8
"""Portraits from which a projection can be learnt."""

_MOST_ENLARGED = 2.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one portrait.

    Attributes:
        name: of its picture.
        flaw: why it was left out, in a word or two; None where it was taken.
    """

    name: str
    flaw: str | None


@dataclass(frozen=True, slots=True)
class _Entry:
    portrait: Portrait
    looks: Looks
    woman: float
    years: float


def make_bank(
    pictures: Iterable[tuple[str, Pixels]],
    reader: PortraitReader,
    describer: UpperFace,
    *,
    licence: str,
    source: str,
    impressions: Impressions,
    leave_out: Collection[str] = (),
    projection: Projection | None = None,
) -> tuple[Bank, list[Judged]]:
    """Make a bank of the portraits that are fit for it.

    Args:
        pictures: name and (H, W, 3) RGB of each, in order.
        reader: finds their faces.
        describer: of upper faces.
        licence: under which they may be used.
        source: where they are from.
        impressions: how faces are read.
        leave_out: names not to be taken.
        projection: of another bank that this one shall go with; learnt from all portraits if left out.

    Returns:
        The bank, and what became of each picture.

    Raises:
        UnmaskError: no portrait is fit, or too few show a face to learn a projection from.
    """
    entries: list[_Entry] = []
    looks: list[NDArray[np.float32]] = []
    described: list[NDArray[np.float32]] = []
    judged: list[Judged] = []
    for name, pixels in pictures:
        found = reader.read(name, pixels)
        if isinstance(found, str):
            judged.append(Judged(name, found))
            continue
        both = np.stack([describer.describe(each) for each in _both_ways(found.picture)])
        described.append(both)
        soft = delighted(found)
        measured = measure(soft.picture, soft.points)
        unfit = "left out" if name in leave_out else flaw(found, measured)
        judged.append(Judged(name, unfit))
        if unfit is None:
            whole = describer.describe_whole(found.picture)
            old = float(years(impressions.whole_age(whole)))
            entries.append(_Entry(soft, measured, float(impressions.whole(whole)), old))
            looks.append(both)
    if not entries:
        raise UnmaskError("None of the portraits is fit for a stand-in.")
    fitted = projection if projection is not None else fit_projection(np.concatenate(described))
    bank = _assemble(entries, np.stack(looks), fitted, impressions, licence, source)
    return bank, judged


def flaw(portrait: Portrait, soft: Looks) -> str | None:
    """Why a portrait is no stand-in.

    Args:
        portrait: as it was found.
        soft: what it is like once its hard light is taken out.

    Returns:
        A word or two; None where it is one.
    """
    hard = measure(portrait.picture, portrait.points)
    skin_a, skin_b = soft.skin[1:]
    flaws = (
        ("too small", portrait.native > _MOST_ENLARGED),
        ("turned", abs(soft.yaw) > 45 or not -8 < soft.pitch < 21),
        ("open mouth", soft.openness > 0.115 or (soft.openness > 0.075 and soft.teeth > 10)),
        ("smile", soft.smile > 1.0),
        ("hard light", hard.uneven > 19 or hard.sided > 32 or soft.uneven > 14 or soft.shine > 24),
        ("coloured light", skin_b < 4 or skin_a > 30 or skin_b > 38),
        ("glasses", soft.rims > 12),
        ("covered", min(soft.clear_left, soft.clear_right) < 0.6),
        ("covered", soft.clear_chin < 0.45 and soft.beard < 14),
    )
    return next((word for word, found in flaws if found), None)


def fit_projection(described: NDArray[np.float32]) -> Projection:
    """Learn what tells upper faces apart: their principal components, the strongest held back a little.

    Args:
        described: (n, D) descriptions.

    Raises:
        UnmaskError: there are too few.
    """
    if len(described) < 2 * _LEAST_PORTRAITS:
        raise UnmaskError(
            f"At least {_LEAST_PORTRAITS} portraits must show a face to learn from; name a bank to go with."
        )
    mean = described.mean(axis=0)
    _, spread, axes = np.linalg.svd(described - mean, full_matrices=False)
    kept = min(_AXES, int((spread > 1e-3 * spread[0]).sum()))
    scaled = axes[:kept].T / (spread[:kept] / spread[0]) ** _WHITENING
    # As a file holds them, so that a bank is the same whether it was just made or read.
    steps = np.abs(scaled).max(axis=0) / 127
    rounded = (np.rint(scaled / steps) * steps).astype(np.float32)
    return Projection(mean.astype(np.float16).astype(np.float32), rounded)


def _both_ways(picture: Pixels) -> Iterator[Pixels]:
    yield picture
    yield np.ascontiguousarray(picture[:, ::-1])


def _assemble(
    entries: list[_Entry],
    looks: NDArray[np.float32],
    projection: Projection,
    impressions: Impressions,
    licence: str,
    source: str,
) -> Bank:
    """Put a bank together; ``looks`` is (n, 2, D), each face as it is and mirrored."""
    traits = np.array([_traits(entry) for entry in entries])
    few = projection(looks)
    return Bank(
        names=[entry.portrait.name for entry in entries],
        encoded=[_encoded(entry.portrait.picture) for entry in entries],
        points=np.stack([entry.portrait.points for entry in entries]),
        traits=np.concatenate([traits, mirrored_traits(traits)]),
        looks=np.concatenate([few[:, 0], few[:, 1]]),
        projection=projection,
        impressions=impressions,
        licences=[licence],
        sources=[source],
    )


def _traits(entry: _Entry) -> list[float]:
    lightness, red, yellow = entry.looks.skin
    told = {"skin_l": lightness, "skin_a": red, "skin_b": yellow}
    told |= {"woman": entry.woman, "years": entry.years}
    return [float(told[name]) if name in told else float(getattr(entry.looks, name)) for name in TRAITS]


def _encoded(picture: Pixels) -> bytes:
    _, data = cv2.imencode(
        ".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
    )
    return bytes(data)
