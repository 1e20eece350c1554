"""The Chromium of this machine; the tests bring no browser of their own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

# As long as a loaded machine may need. It costs time only where a condition is never met.
PATIENCE_MS = 60_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # A new process for each tab, and one in reserve, would cost more than the tests do.
    *("--process-per-site", "--renderer-process-limit=1"),
)


def find_chromium() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Skip the test where there is no Chromium; on CI that is a failure."""
    executable = find_chromium()
    if executable is None:
        reason = f"no browser was found (one of {', '.join(NAMES)})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
        yield browser
        browser.close()
