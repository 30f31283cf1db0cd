"""``stream-unmask measure``: what the documentation claims, measured on your machine."""

from __future__ import annotations

import click

from stream_unmask.cli.measure.breaking import fuzz
from stream_unmask.cli.measure.cameras import deaths, delays, recovery, soak
from stream_unmask.cli.measure.faces import constancy, marks, references, stand_ins
from stream_unmask.cli.measure.fleets import fleet, fleet_simulation
from stream_unmask.cli.measure.networks import engines, gpu_frames, gpu_networks, networks, pairs, training
from stream_unmask.cli.measure.pages import mark_zoom, page, picture, screens, tables, visitors
from stream_unmask.cli.measure.videos import fidelity, flicker, memory, speed, stages

_COMMANDS = (
    constancy,
    deaths,
    delays,
    engines,
    fidelity,
    fleet,
    fleet_simulation,
    flicker,
    fuzz,
    gpu_frames,
    gpu_networks,
    mark_zoom,
    marks,
    memory,
    networks,
    page,
    pairs,
    picture,
    recovery,
    references,
    screens,
    soak,
    speed,
    stages,
    stand_ins,
    tables,
    training,
    visitors,
)


@click.group(commands=_COMMANDS)
def measure() -> None:
    """Measure again what the documentation claims. Every command says what it measured, and on what."""
