"""Settings and options refuse what they do not know when they are made, and say what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream_unmask import EncoderSettings, OutputOptions, Settings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"backend": "gpu"}, "auto, tensorrt, .*, openvino"),
        ({"precision": "int4"}, "auto, fp32, fp16, bf16, int8"),
        ({"blend": "x"}, "feather, pyramid, poisson"),
        ({"weights": "opne"}, "default, open, or a folder"),
        ({"threads": -1}, "0 or more"),
        ({"reconnect": float("nan")}, "0 or more seconds"),
        ({"detect_every": 0}, "1 or more"),
        ({"min_face": 0}, "1 or more"),
        ({"smooth": "no"}, "True or False"),
        ({"wear": 2}, "True or False"),
        ({"gpu_decode": None}, "True or False"),
    ],
)
def test_settings_say_what_would_be_right(values: dict[str, Any], said: str) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} must be .*{said}"):
        Settings(**values)


def test_weights_may_be_a_folder_or_a_set(tmp_path: Path) -> None:
    for weights in (None, "open", str(tmp_path), tmp_path):
        assert Settings(weights=weights).weights == weights


@pytest.mark.parametrize("name", ["overwrite", "compare", "watermark", "save_masks"])
def test_options_take_flags_alone(name: str) -> None:
    values: dict[str, Any] = {name: "yes"}
    with pytest.raises(ValueError, match=f"{name} must be True or False"):
        OutputOptions(**values)


@pytest.mark.parametrize("values", [{"encoder": "libx264"}, {"credential": "identity/"}])
def test_options_are_of_their_types(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} must be"):
        OutputOptions(**values)


@pytest.mark.parametrize(
    "values", [{"quality": 64}, {"quality": -1}, {"threads": -1}, {"codec": ""}, {"preset": ""}]
)
def test_an_encoder_takes_no_nonsense(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        EncoderSettings(**values)
