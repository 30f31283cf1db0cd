"""``python -m trainer.networks``: the networks' sizes, as a table."""

from __future__ import annotations

import click

from trainer.networks.catalogue import CATALOGUE, measure


@click.command()
def main() -> None:
    """Print the parameters and multiply-adds (MAC) of every network, for one picture."""
    click.echo(f"{'network':20}{'side':>6}{'parameters':>14}{'GMAC':>10}")
    for name, listed in CATALOGUE.items():
        for size in listed.sizes:
            cost = measure(listed, size)
            click.echo(f"{name:20}{size:6}{cost.parameters:14,}{cost.multiply_adds / 1e9:10.2f}")


main()
