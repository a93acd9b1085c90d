"""The page as a person meets it: it opens, shows what changes, and can be used by mouse, keyboard and ear."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.browser.chromium import Opened, Opener
from tests.support.browser.pages import COMMAND, check_of_example, plan_of_example, stuck_plan

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed (group browser)"
)
pytestmark = pytest.mark.browser

PAGES: Mapping[str, Callable[[Path], str]] = {
    "plan": lambda _: plan_of_example(),
    "check": lambda _: check_of_example(),
    "stuck": stuck_plan,
}
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FOCUSED = "document.activeElement"
STOPS = "151329 <|endoftext|>, 151336 <|user|>, 151338 <|observation|>"


@pytest.fixture
def plan(opened: Opener) -> Opened:
    return opened(plan_of_example())


def brightness(page: Opened) -> int:
    color = str(page.page.evaluate(BACKGROUND))
    return sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))


def test_it_opens_and_asks_for_nothing(plan: Opened) -> None:
    assert plan.page.url.startswith("file://")
    plan.page.wait_for_load_state("networkidle")
    assert plan.said == []
    assert plan.asked == []


def test_the_change_is_seen_side_by_side(plan: Opened) -> None:
    table = plan.page.get_by_role("table").filter(has_text="2 values change")
    assert table.get_by_role("columnheader").all_inner_texts() == ["Field", "Base", "Now", "After"]
    row = table.get_by_role("row").filter(has_text="eos_token_id")
    assert row.is_visible()
    cells = [" ".join(text.split()) for text in row.get_by_role("cell").all_inner_texts()]
    assert cells == [f"[{STOPS}]", "151329 <|endoftext|>", f"[{STOPS}]"]
    kept = plan.page.get_by_text("5 values are not the base's and stay")
    assert kept.is_visible()


def test_the_verdict_comes_first(plan: Opened) -> None:
    heading = plan.page.get_by_role("heading").first
    assert heading.evaluate("node => node.tagName") == "H1"
    assert "clears 2 errors and 1 warning" in heading.inner_text()
    levels = plan.page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(node => +node.tagName[1])")
    assert levels.count(1) == 1
    assert all(deeper - upper <= 1 for upper, deeper in pairwise(levels))


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_follow_the_system_and_the_button(opened: Opener, *, dark: bool) -> None:
    page = opened(plan_of_example(), dark=dark)
    assert (brightness(page) < 3 * 64) is dark
    button = page.page.get_by_role("button", name="Dark theme")
    assert button.get_attribute("aria-pressed") == str(dark).lower()
    button.click()
    assert (brightness(page) < 3 * 64) is not dark
    assert button.get_attribute("aria-pressed") == str(not dark).lower()
    button.click()
    assert (brightness(page) < 3 * 64) is dark


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(plan: Opened) -> None:
    page = plan.page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    wanted = page.locator("a[href], button, summary").evaluate_all(
        "all => all.map((node, place) => { node.dataset.place = place; return place; })"
    )
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        reached.append(int(page.evaluate(f"{FOCUSED}.dataset.place ?? -1")))
        assert page.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle") == "solid"
    assert reached == wanted


def test_the_skip_link_leads_past_the_frame(plan: Opened) -> None:
    page = plan.page
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the report")
    box = link.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUSED}.id") == "report"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUSED}.textContent") == "Copy"


def test_keys_press_buttons_and_unfold(plan: Opened) -> None:
    page = plan.page
    page.get_by_role("button", name="Dark theme").focus()
    page.keyboard.press("Space")
    assert brightness(plan) < 3 * 64
    rule = page.locator("#rule-GF101")
    assert not rule.get_by_text("generate()").first.is_visible()
    page.get_by_role("link", name="GF101 stop-tokens-narrowed").focus()
    page.keyboard.press("Enter")
    rule.get_by_text("generate()").first.wait_for(state="visible")
    page.locator("#file-1 > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#file-1").get_attribute("open") is None


def test_the_command_is_copied_and_that_is_said(plan: Opened) -> None:
    plan.context.grant_permissions(["clipboard-read", "clipboard-write"])
    plan.page.get_by_role("button", name="Copy").first.focus()
    plan.page.keyboard.press("Enter")
    plan.page.get_by_role("status").filter(has_text="Copied").wait_for(state="attached")
    assert plan.page.evaluate("navigator.clipboard.readText()") == COMMAND


def test_without_a_script_all_is_there_and_no_button_is_dead(opened: Opener) -> None:
    page = opened(plan_of_example(), script=False).page
    assert page.get_by_text(COMMAND).is_visible()
    assert page.get_by_role("table").filter(has_text="2 values change").is_visible()
    assert page.get_by_role("button").count() == 0
    page.locator("#rule-GF101 > summary").click()
    assert page.locator("#rule-GF101").get_by_text("generate()").first.is_visible()


@pytest.mark.parametrize("name", ["plan", "check", "stuck"])
def test_a_telephone_does_not_scroll_sideways(opened: Opener, tmp_path: Path, name: str) -> None:
    page = opened(PAGES[name](tmp_path), width=360).page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = page.locator("main *").evaluate_all(
        "all => all.filter(node => node.getBoundingClientRect().right > 361)"
        ".map(node => node.outerHTML.slice(0, 80))"
    )
    assert wide == []


def test_paper_has_all_that_is_folded(plan: Opened) -> None:
    page = plan.page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert not page.get_by_role("button").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rule-GF101").get_attribute("open") is None


@pytest.mark.parametrize(
    ("name", "dark", "width"),
    [
        ("plan", False, 1100),
        ("plan", True, 360),
        ("check", True, 1100),
        ("stuck", False, 360),
        ("stuck", True, 1100),
    ],
)
def test_axe_finds_nothing_serious(
    opened: Opener, tmp_path: Path, name: str, *, dark: bool, width: int
) -> None:
    page = opened(PAGES[name](tmp_path), dark=dark, width=width)
    page.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    result = axe.Axe().run(page.page)
    found = [
        (each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]][:3])
        for each in result.response["violations"]
    ]
    assert [each for each in found if each[1] in {"serious", "critical"}] == []
    assert found == []
