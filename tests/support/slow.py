"""Whole programs, and what else takes seconds on a quiet machine; ``make test-fast`` leaves them out.

One list instead of marks all over the suite, so that an inner loop is trimmed in one place.
"""

from __future__ import annotations

import pytest

SLOW = (
    "benchmarks/test_constancy.py",
    "benchmarks/test_picture.py",
    "benchmarks/test_references.py",
    "cli/test_apart.py",
    "cli/test_bench.py",
    "cli/test_faces.py::test_one_is_chosen_and_another_may_be_asked_for",
    "cli/test_faces.py::test_stand_ins_are_drawn_to_choose_from",
    "cli/test_logs.py::test_a_run_is_told_as_json_and_nothing_else",
    "cli/test_tree.py::test_bash_completes_commands_files_and_options",
    "cli/test_unmask.py",
    "engines/backends/tensorrt/test_build.py::test_every_profile_and_effort_is_taken",
    "engines/backends/tensorrt/test_build.py::test_the_bundled_networks_are_built",
    "engines/backends/test_torch_tensorrt.py::test_the_bundled_networks_export_for_any_batch",
    "fleet/test_nodes.py",
    "fleet/test_running.py",
    "fleet/test_spans.py",
    "fleet/test_wall.py",
    "fleet/test_work.py",
    "fuzz/test_broken_inputs.py",
    "inpainting/gpu/test_streams.py::test_a_benchmark_tells_how_large_batches_were",
    "inpainting/stand_ins/test_impressions.py::test_impressions_are_learnt_from_labelled_photos",
    "inpainting/stand_ins/test_making.py::test_the_command_makes_a_bank_of_the_fit_ones",
    "output/live/test_day.py",
    "output/live/test_hls_in_chromium.py",
    "output/live/test_streams.py::test_a_server_that_goes_and_comes_back_takes_the_stream_again",
    "output/live/test_streams.py::test_a_server_that_stalls_is_called_again_and_the_others_never_notice",
    "output/splicing/test_splicer.py::test_chromium_plays_over_the_seams",
    "output/test_credentials.py::test_a_video_says_that_it_is_synthetic_and_what_it_was_made_from",
    "output/test_killed.py",
    "synth/test_alone.py::test_a_pair_is_drawn_with_numpy_and_opencv_alone_as_with_all_there_is",
    "test_bare_install.py",
    "test_examples.py",
    "test_gpu_tools.py::test_a_check_that_hangs_is_ended_and_what_is_left_is_named",
    "test_readme.py::test_a_webcam_is_unmasked_in_a_window",
    "test_readme.py::test_the_commands_run_one_after_the_other",
    "test_readme.py::test_the_python_runs",
    "test_references.py::test_a_face_that_is_bare_later_is_found_by_a_first_look",
    "test_references.py::test_a_face_that_was_bare_before_is_given_back",
    "test_suite.py::test_a_skip_fails_where_its_marker_is_named",
    "test_suite.py::test_a_skip_stays_one_where_its_marker_is_not_named",
    "test_wearing.py",
    "trainer/test_bundled.py::test_biases_that_export_leaves_out_come_back_as_zeros",
    "trainer/test_crowds.py",
    "trainer/test_evaluation.py::test_real_photos_are_unmasked_and_looked_at_again",
    "trainer/test_evaluation.py::test_the_commands_write_figures_and_pictures",
    "trainer/test_evaluation.py::test_two_folders_of_one_name_are_told_apart",
    "trainer/test_export.py",
    "trainer/test_guided.py::test_it_exports_with_its_four_inputs",
    "trainer/test_networks.py::test_every_network_exports_and_runs_on_any_number_of_pictures",
    "trainer/test_on_ray.py",
    "trainer/test_pack.py::test_a_folder_becomes_shards_and_what_was_left_out_is_named",
    "trainer/test_pack.py::test_a_full_disk_and_a_name_for_no_set_are_said",
    "trainer/test_pack.py::test_an_interrupted_run_goes_on",
    "trainer/test_pairs.py::test_samples_are_made_on_a_machine_without_codecs_and_engines",
    "trainer/test_recipes.py::test_every_recipe_learns",
    "trainer/test_training.py::test_a_run_until_a_moment_tries_its_end",
    "trainer/test_training_broken.py::test_bfloat16_computes_in_it_and_keeps_weights_in_float32",
    "trainer/test_training_broken.py::test_killed_and_resumed_is_as_if_never_killed",
    "trainer/test_training_processes.py",
    "trainer/test_training_speed.py",
    "trainer/test_whole_way.py",
    "verifying/test_verify.py",
    "video/test_rtsp.py",
    "web/test_page.py",
    "web/test_page.py",
    "web/test_webcam.py",
    "web/test_worker.py",
    "web/test_worker.py",
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
