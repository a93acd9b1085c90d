"""Take the pictures of docs/review-page.md: ``python -m tests.browser.images``."""

import sys
import tempfile
from pathlib import Path
from typing import Literal

from tests.support.browser.chromium import chromium_path, launched
from tests.support.browser.pages import plan_of_example
from tests.support.places import ROOT

SHOTS: tuple[tuple[str, int, Literal["light", "dark"], str], ...] = (
    ("light", 1000, "light", "body"),
    ("dark", 1000, "dark", "#changes"),
    ("narrow", 360, "light", "#file-1"),
)
"""Name, width, theme, and what is at the top."""


def main() -> int:
    """Write the pictures."""
    path = chromium_path()
    if path is None:
        print("there is no Chromium here", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as place, launched(path) as browser:
        file = Path(place) / "review.html"
        file.write_text(plan_of_example(), "utf-8")
        for name, width, theme, top in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
            page.goto(file.as_uri())
            page.locator(top).evaluate("node => node.scrollIntoView({behavior: 'instant'})")
            page.screenshot(path=ROOT / "docs" / "images" / f"review-{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
