"""Whatever a model's files say, the page shows it and does nothing."""

import json
from pathlib import Path

import pytest

from tests.support.browser.chromium import Opened, Opener
from tests.support.browser.pages import ATTACKS, hostile_page, plan_of_example
from tests.support.folders import dump, glm_files, write_folder
from tests.support.running import runner

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (group browser)")
pytestmark = pytest.mark.browser

FOREIGN = "script:not(body > script:last-of-type), img, svg, iframe, object, embed, form, base, link, [style]"


def poke(opened: Opened) -> None:
    """Do what a reader does: unfold, hover, focus, click."""
    page = opened.page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for link in page.locator("main a").all()[:3]:
        link.hover()
        link.click()
    page.locator("button.copy").first.click()
    page.locator("table td").first.hover()
    page.evaluate("new Promise(done => setTimeout(done, 50))")


def does_nothing(opened: Opened) -> None:
    page = opened.page
    assert opened.said == []
    assert opened.asked == []
    assert page.locator(FOREIGN).count() == 0
    assert page.locator("script").count() == 1
    assert page.locator("a:not([href^='#'])").count() == 0
    handlers = page.locator("*").evaluate_all(
        "all => all.flatMap(node => node.getAttributeNames()).filter(name => name.startsWith('on'))"
    )
    assert handlers == []


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_an_attack_in_every_text_does_nothing(opened: Opener, attack: str) -> None:
    page = opened(hostile_page(attack))
    poke(page)
    does_nothing(page)


def test_all_attacks_at_once_fit_a_telephone(opened: Opener) -> None:
    page = opened(hostile_page("".join(ATTACKS)), width=360)
    poke(page)
    does_nothing(page)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.page.evaluate("getComputedStyle(document.body).backgroundImage") == "none"


def test_the_alarm_rings(opened: Opener) -> None:
    """The same attacks in a page without escaping and policy are seen by these tests."""
    page = opened("<!doctype html><body>" + "".join([*ATTACKS[:2], *ATTACKS[3:5]]))
    page.page.wait_for_load_state("networkidle")
    assert page.said.count("canary") >= 4
    assert page.asked


def test_the_policy_is_a_second_wall(opened: Opener) -> None:
    """Were the escaping lost, nothing would run or be asked for either."""
    html = plan_of_example().replace("</main>", "".join(ATTACKS[:9]) + "</main>")
    page = opened(html)
    page.page.wait_for_load_state("networkidle")
    assert "canary" not in page.said
    assert page.said, "the browser tells what it refused"
    assert all("Content Security Policy" in told for told in page.said)
    assert all(asked.startswith("file://") for asked in page.asked)


def test_a_whole_folder_that_attacks(
    opened: Opener, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Through the command: names of folder and files, keys, values, the template, a broken file."""
    script = "<script>canary()</script>"
    home = tmp_path / "<img src=x onerror=canary()>"
    home.mkdir()
    files = glm_files()
    template = json.loads(files["tokenizer_config.json"])
    generation = json.loads(files["generation_config.json"])
    base = write_folder(home / "base", files | {"</script><svg onload=canary()>.py": script.encode()})
    merged = write_folder(
        home / "'\"><svg onload=canary()>",
        files | {
            "generation_config.json": dump(generation | {"eos_token_id": 151329, script: script,
                "max_new_tokens": 9}),
            "tokenizer_config.json": dump(template | {script: [script],
                "chat_template": script + "{% broken"}),
            "special_tokens_map.json": f'{{"eos_token": "{script}",}}'.encode(),
            f"chat_{'x' * 9}.jinja": script.encode(),
        },
    )  # fmt: skip
    report = tmp_path / "review.html"
    result = runner(capsys)("plan", merged, "--base", base, "--output-format", "html", "-o", report)
    assert result.code == 1, result.err
    text = report.read_text("utf-8")
    assert script not in text
    assert "&lt;script&gt;canary()" in text
    page = opened(text)
    poke(page)
    does_nothing(page)


def test_an_attack_is_shown_as_it_is(opened: Opener) -> None:
    """Nothing is dropped: the reviewer sees what stands in the file, controls as escapes."""
    page = opened(hostile_page("<b>\u202e</b>"))
    assert page.page.get_by_text("<b>\\u202e</b>").first.is_visible()
