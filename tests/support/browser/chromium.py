"""Where a Chromium is, and how it is started."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["Opened", "Opener", "chromium_path", "launched"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """GENFIX_CHROMIUM, or the first Chromium on the path."""
    return os.environ.get("GENFIX_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def launched(path: str) -> "Iterator[Browser]":
    """The browser at ``path``, without a window."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not in every environment of the tests

    with sync_playwright() as started:
        # a container's root has no user namespace to build the sandbox in
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Opened(NamedTuple):
    """A page, and all it did that a report must not do."""

    page: "Page"
    context: "BrowserContext"
    said: list[str]
    """Console messages, errors, dialogs and calls of ``canary``."""
    asked: list[str]
    """Requests beside the page itself."""


Opener = Callable[..., Opened]
