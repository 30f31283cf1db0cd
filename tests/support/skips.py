"""Skips that count as failures: on a machine that has the thing, a test that needs it must not skip unseen.

``FAIL_ON_SKIP=gpu,server pytest`` names the markers for which it does.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a marked test into a failure with the same reason."""
    report = yield
    wanted = {name.strip() for name in os.environ.get("FAIL_ON_SKIP", "").split(",")}
    marked = sorted(wanted & {mark.name for mark in item.iter_markers()})
    if report.skipped and marked and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"FAIL_ON_SKIP names '{marked[0]}', but: {reason}"
    return report
