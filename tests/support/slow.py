"""Tests that take more than about five seconds on a quiet machine; ``make test-fast`` leaves them out.

One list instead of marks all over the suite, so that an inner loop is trimmed in one place.
"""

from __future__ import annotations

import pytest

SLOW = (
    "benchmarks/test_constancy.py",
    "benchmarks/test_picture.py",
    "benchmarks/test_references.py",
    "cli/test_bench.py",
    "cli/test_unmask.py",
    "engines/backends/tensorrt/test_build.py::test_the_bundled_networks_are_built",
    "engines/backends/tensorrt/test_build.py::test_every_profile_and_effort_is_taken",
    "fuzz/test_broken_inputs.py",
    "fleet/test_running.py",
    "fleet/test_spans.py",
    "fleet/test_wall.py",
    "fleet/test_work.py",
    "output/live/test_streams.py::test_a_server_that_goes_and_comes_back_takes_the_stream_again",
    "output/test_killed.py",
    "test_bare_install.py",
    "test_gpu_tools.py::test_a_check_that_hangs_is_ended_and_what_is_left_is_named",
    "test_readme.py::test_the_commands_run_one_after_the_other",
    "test_readme.py::test_the_python_runs",
    "test_wearing.py",
    "trainer/test_evaluation.py::test_the_commands_write_figures_and_pictures",
    "trainer/test_evaluation.py::test_two_folders_of_one_name_are_told_apart",
    "trainer/test_evaluation.py::test_real_photos_are_unmasked_and_looked_at_again",
    "trainer/test_export.py",
    "trainer/test_guided.py::test_it_exports_with_its_four_inputs",
    "trainer/test_on_ray.py",
    "trainer/test_training_broken.py::test_bfloat16_computes_in_it_and_keeps_weights_in_float32",
    "trainer/test_training_broken.py::test_killed_and_resumed_is_as_if_never_killed",
    "trainer/test_training_processes.py",
    "trainer/test_training_speed.py",
    "trainer/test_whole_way.py",
    "web/test_page.py",
    "web/test_worker.py",
    "verifying/test_verify.py",
    "video/test_rtsp.py",
)
"""``path`` below ``tests``, or ``path::test`` for one test of it."""


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow tests, and leave out the exhaustive ones unless ``-m`` speaks of them."""
    for item in items:
        name = item.nodeid.removeprefix("tests/").partition("[")[0]
        if name.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    if "exhaustive" not in str(config.getoption("markexpr")):
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=left_out)
