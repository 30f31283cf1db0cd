"""Making a bank of stand-ins out of portraits."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.inpainting.stand_ins.bank import (
    TRAITS,
    Bank,
    Pixels,
    mirrored_traits,
)
from stream_unmask.inpainting.stand_ins.delighting import delighted
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.impressions import Impressions, years
from stream_unmask.inpainting.stand_ins.measuring import Looks, measure
from stream_unmask.inpainting.stand_ins.portraits import Portrait, PortraitReader

_QUALITY = 86
"""Of the stored WebP pictures."""

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

    Returns:
        The bank, and what became of each picture.

    Raises:
        UnmaskError: no portrait is fit.
    """
    entries: list[_Entry] = []
    looks: list[NDArray[np.float32]] = []
    judged: list[Judged] = []
    for name, pixels in pictures:
        found = reader.read(name, pixels)
        if isinstance(found, str):
            judged.append(Judged(name, found))
            continue
        soft = delighted(found)
        measured = measure(soft.picture, soft.points)
        unfit = "left out" if name in leave_out else flaw(found, measured)
        judged.append(Judged(name, unfit))
        if unfit is None:
            whole = describer.describe_whole(found.picture)
            old = float(years(impressions.whole_age(whole)))
            entries.append(_Entry(soft, measured, float(impressions.whole(whole)), old))
            looks.append(_look(soft.picture, describer, impressions))
    if not entries:
        raise UnmaskError("None of the portraits is fit for a stand-in.")
    return _assemble(entries, np.stack(looks), impressions, licence, source), judged


def joined(first: Bank, second: Bank, describer: UpperFace) -> Bank:
    """A bank that has the faces of two, all read as the second one's.

    Args:
        first: whose faces come first.
        second: whose impressions hold.
        describer: of faces.
    """
    looks = np.stack(
        [_look(first[face].picture, describer, second.impressions) for face in range(first.count)]
    )
    traits = np.concatenate([first.traits[: first.count], second.traits[: second.count]])
    own, mirrored = second.looks[: second.count], second.looks[second.count :]
    return Bank(
        names=first.names + second.names,
        encoded=first.encoded + second.encoded,
        points=np.concatenate([first.points, second.points]),
        traits=np.concatenate([traits, mirrored_traits(traits)]),
        looks=np.concatenate([looks[:, 0], own, looks[:, 1], mirrored]),
        impressions=second.impressions,
        licences=first.licences + second.licences,
        sources=first.sources + second.sources,
    )


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


def _look(picture: Pixels, describer: UpperFace, impressions: Impressions) -> NDArray[np.float32]:
    """(2, K) what a face is like, as it is and mirrored."""
    both = (picture, np.ascontiguousarray(picture[:, ::-1]))
    return impressions.features(np.stack([describer.describe_features(each) for each in both]))


def _assemble(
    entries: list[_Entry],
    looks: NDArray[np.float32],
    impressions: Impressions,
    licence: str,
    source: str,
) -> Bank:
    """Put a bank together; ``looks`` is (n, 2, K), each face as it is and mirrored."""
    traits = np.array([_traits(entry) for entry in entries])
    return Bank(
        names=[entry.portrait.name for entry in entries],
        encoded=[_encoded(entry.portrait.picture) for entry in entries],
        points=np.stack([entry.portrait.points for entry in entries]),
        traits=np.concatenate([traits, mirrored_traits(traits)]),
        looks=np.concatenate([looks[:, 0], looks[:, 1]]),
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
