"""The page of a probe in a real browser: it opens alone, is readable everywhere, and does nothing a model
tells it to.
"""

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (group browser)")

from genfix.api.probing import Limits, probe_model
from genfix.report.probe_html import probe_html
from tests.support.browser.chromium import Opener
from tests.support.probe_stub import Said, Stub, always

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed (group browser)"
)
pytestmark = pytest.mark.browser

LEAKING = Said("The cat sat.<|user|>\nAnd the dog?", "length", tokens=64)
HOSTILE = Said(
    "</pre><script>canary()</script><img src='https://evil.example/x' onerror=canary()><svg onload=canary()>"
    "<a href='javascript:canary()'>x</a></style><style>@import 'https://evil.example/'</style>\u202e<|user|>\nmore",
    "length",
    tokens=64,
)


def page_of(said: Said) -> str:
    with Stub(always(said)) as after, Stub(always(Said("Fine.", tokens=5))) as before:
        return probe_html(probe_model(after.url, against=before.url, limits=Limits(max_tokens=64)))


@pytest.fixture(scope="module")
def leaking() -> str:
    return page_of(LEAKING)


def test_it_opens_and_asks_for_nothing(opened: Opener, leaking: str) -> None:
    page = opened(leaking)
    page.page.wait_for_load_state("networkidle")
    assert page.said == []
    assert page.asked == []
    assert (
        page.page.get_by_role("heading", level=1).inner_text() == "None of 64 answers stopped by themselves"
    )


def test_plots_are_drawn_to_scale(opened: Opener, leaking: str) -> None:
    page = opened(leaking).page
    track, bar = (
        page.locator(f"figure .bar rect.{name}").first.bounding_box() for name in ("track", "against")
    )
    assert track is not None
    assert bar is not None
    assert bar["width"] == pytest.approx(track["width"], rel=0.01)
    heights = page.locator(".histogram rect.run").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert sum(height > 50 for height in heights) == 1


def test_answers_open_side_by_side_by_keyboard(opened: Opener, leaking: str) -> None:
    page = opened(leaking).page
    first = page.locator("details.answer").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    left, right = (part.bounding_box() for part in first.locator("section").all())
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert first.locator("mark").first.inner_text() == "<|user|>"
    assert first.locator("mark").first.is_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_have_no_serious_violation(opened: Opener, leaking: str, *, dark: bool) -> None:
    page = opened(leaking, dark=dark).page
    color = str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    brightness = sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    assert (brightness < 3 * 64) is dark
    page.evaluate("document.querySelectorAll('details').forEach((one, at) => one.open = at < 4)")
    found = axe.Axe().run(page).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}
    ] == []


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_is_wider_than_the_window(opened: Opener, leaking: str, width: int) -> None:
    page = opened(leaking, width=width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_whole_without_script(opened: Opener, leaking: str) -> None:
    page = opened(leaking, script=False).page
    assert page.get_by_text("What was seen").is_visible()
    assert page.locator("svg").count() == 9


def test_what_a_model_writes_does_nothing(opened: Opener) -> None:
    page = opened(page_of(HOSTILE))
    page.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.page.wait_for_load_state("networkidle")
    assert page.said == []
    assert page.asked == []
    assert page.page.locator("script:not(body > script:last-of-type), img, a:not(.skip)").count() == 0
