"""Tests that mount a disk run only as root, and say so when they do not."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    left_out = [item for item in items if item.get_closest_marker("root")]
    if not left_out:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("on CI the tests that mount a disk must run: be root")
    items[:] = [item for item in items if not item.get_closest_marker("root")]
    config.hook.pytest_deselected(items=left_out)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        names = ", ".join(item.nodeid for item in left_out)
        reporter.write_line(f"not root, so nothing can be mounted; deselected: {names}")
