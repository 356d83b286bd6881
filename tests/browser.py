"""Headless Chromium, Debian's package `chromium`, driven by playwright."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

REQUIRED = "GROUNDRAY_BROWSER_TESTS"
"""Set to `required`, a missing browser fails the tests instead of skipping them."""

MISSING = "no Chromium on the PATH: apt-get install chromium (docs/report.md)"

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """The browser's program."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def open_browser() -> "Iterator[Browser]":
    """A browser, until it is left; while it is there, asyncio cannot be used.

    Raises:
        FileNotFoundError: there is none.
    """
    from playwright.sync_api import sync_playwright

    program = find_browser()
    if program is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()


def seconds_to_open(browser: "Browser", page: Path) -> float:
    """From the address to a page that shows its gallery, in a window that saw nothing before."""
    with browser.new_context() as context:
        window = context.new_page()
        started = time.perf_counter()
        window.goto(page.as_uri())
        window.wait_for_selector("html[data-ready]")
        window.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        return time.perf_counter() - started


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """A browser for the tests of a package; without one they are skipped, or fail in CI."""
    if find_browser() is None:
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with open_browser() as found:
        yield found
