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
        ({"device": "TPU"}, "CPU, GPU, NPU, AUTO"),
        ({"blend": "x"}, "feather, pyramid, poisson"),
        ({"weights": "opne"}, "default, open, or a folder"),
        ({"weights": 1}, "default, open, or a folder"),
        ({"threads": -1}, "0 or more"),
        ({"threads": 1.5}, "a whole number"),
        ({"reconnect": "long"}, "0 or more seconds"),
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


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ("all", "one of auto, none"),
        ({-1: 2}, "0 or more"),
        ({"one": 2}, "0 or more"),
        ({1: 0}, "1 or more"),
        ({1: "auto"}, "1 or more"),
    ],
)
def test_stand_ins_are_named_by_faces_and_numbers(wishes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"stand_in.* must be .*{said}"):
        Settings(stand_in=wishes)


def test_weights_may_be_a_folder_or_a_set(tmp_path: Path) -> None:
    for weights in (None, "open", str(tmp_path), tmp_path):
        assert Settings(weights=weights).weights == weights


@pytest.mark.parametrize("name", ["overwrite", "compare", "watermark", "copy_untouched", "save_masks"])
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
    ("values", "said"),
    [
        ({"quality": 64}, "0 to 63"),
        ({"quality": -1}, "0 to 63"),
        ({"threads": -1}, "0 or more"),
        ({"codec": ""}, "such as libx264"),
        ({"codec": "nonsense"}, "such as libx264"),
        ({"codec": "aac"}, "such as libx264"),
        ({"preset": ""}, "None"),
        ({"gop": -1.0}, "0 or more seconds"),
        ({"lookahead": float("nan")}, "0 or more seconds"),
        ({"bit_rate": 0}, "1 or more"),
    ],
)
def test_an_encoder_takes_no_nonsense(values: dict[str, Any], said: str) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} must be .*{said}"):
        EncoderSettings(**values)


@pytest.mark.parametrize("other", ["compare", "watermark"])
def test_nothing_is_untouched_where_all_pictures_change(other: str) -> None:
    values: dict[str, Any] = {other: True}
    with pytest.raises(ValueError, match="copy_untouched leaves nothing to do"):
        OutputOptions(copy_untouched=True, **values)
