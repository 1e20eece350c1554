"""How the tests of this package report."""

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say at once why a test failed: a run on a GPU may be cut short."""
    report = yield
    terminal = item.config.pluginmanager.get_plugin("terminalreporter")
    if report.failed and terminal:
        terminal.write_line(f"\n{report.longreprtext}\n{report.capstderr[-2000:]}")
    return report
