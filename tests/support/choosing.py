"""A few cases out of a product of many."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest


def spread(*axes: Mapping[str, object]) -> list[Any]:
    """The product of named values as parameters, nearly all of them marked ``exhaustive``.

    The usual ones meet each choice on the other axes once, while the second axis goes round.

    Args:
        axes: at least two.
    """
    parameters = []
    for choice in product(*(enumerate(axis.items()) for axis in axes)):
        places = [place for place, _ in choice]
        # Twice the last, so that two long axes do not go round in step.
        rest = sum(places) + places[-1] * (len(axes) > 2) - places[1]
        usual = rest % len(axes[1]) == places[1]
        values = [value for _, (_, value) in choice]
        name = "-".join(name for _, (name, _) in choice)
        marks = () if usual else pytest.mark.exhaustive
        parameters.append(pytest.param(*values, id=name, marks=marks))
    return parameters
