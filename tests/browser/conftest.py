"""The review page in a real Chromium, which is asked for by path: Debian's package or any other build."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser.chromium import Opened, Opener, chromium_path, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    path = chromium_path()
    if path is None:
        pytest.skip("there is no Chromium; Debian has it: apt-get install chromium")
    with launched(path) as browser:
        yield browser


@pytest.fixture
def opened(chromium: "Browser", tmp_path: Path) -> Iterator[Opener]:
    """Opens HTML text from a file:// address: ``opened(html, width=360, dark=True, script=False)``."""
    contexts: list[BrowserContext] = []

    def open_page(html: str, *, width: int = 1100, dark: bool = False, script: bool = True) -> Opened:
        file = tmp_path / f"page-{len(contexts)}.html"
        file.write_text(html, "utf-8")
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        said: list[str] = []
        asked: list[str] = []

        def dismiss(dialog: "Dialog") -> None:
            said.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        context.expose_function("canary", lambda *_: said.append("canary"))
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", dismiss)
        page.on("request", lambda request: asked.append(request.url))
        context.on("page", lambda other: said.append(f"window: {other.url}") if other != page else None)
        page.goto(file.as_uri())
        asked.remove(file.as_uri())
        return Opened(page, context, said, asked)

    yield open_page
    for context in contexts:
        context.close()
