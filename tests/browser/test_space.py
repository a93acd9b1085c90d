"""The Space as visitors meet it: in a real Chromium, over real HTTP, with a fake Hub behind it."""

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("gradio", reason="gradio is not installed (--with gradio, as .ci/run does)")
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed (group browser)"
)

import genfix
from tests.support.browser.pages import ATTACKS, EXAMPLE
from tests.support.browser.space import APP, SECRET, Space, serving
from tests.support.fakehub import FakeHub
from tests.support.folders import dump, glm_files, write_folder
from tests.support.hub_scene import pretrained, tuned
from tests.support.places import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request

pytestmark = pytest.mark.browser

WORDS: dict[str, dict[str, str]] = json.loads((APP / "words.json").read_text("utf-8"))
EN = WORDS["en"]
SECONDS = 60_000
TEMPLATES = "${canary()} {{canary}} {{{canary}}} ` <img src=x onerror=canary()>"
STUCK = """
import json, os, subprocess, time
print(json.dumps({"error": str(subprocess.Popen(["sleep", "1000"]).pid)}), flush=True)
"""
ENDED = """
import json, pathlib, re, sys
import app
app.LIMITS["seconds"] = 2
for app.HERE in map(pathlib.Path, sys.argv[1:]):
    *_, last = (each[app.said] for each in app.check("org/name", "", None, "en") if app.said in each)
    print(json.dumps(re.fullmatch("<p>(.*)</p><p>(.*)</p>", last).groups()))
print(json.dumps(app.demo.delete_cache))
"""


def example(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (EXAMPLE / name).iterdir()}


def hostile() -> dict[str, bytes]:
    """A model all of whose texts attack."""
    files = glm_files()
    script = "".join(ATTACKS[:13]) + TEMPLATES
    settings = json.loads(files["tokenizer_config.json"]) | {script: [script], "chat_template": script}
    generation = json.loads(files["generation_config.json"]) | {"eos_token_id": 151329, script: script}
    return files | {
        "generation_config.json": dump(generation),
        "tokenizer_config.json": dump(settings),
        f"{ATTACKS[3]}.py": script.encode(),
        "chat_template.jinja": script.encode(),
    }


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    with FakeHub() as hub:
        hub.tokens[SECRET] = True
        hub.add_repo("org/base", pretrained())
        hub.add_repo("me/merged", tuned())
        hub.add_repo("glm/base", example("base"))
        hub.add_repo("glm/merged", example("merged"))
        hub.add_repo("evil/merged", hostile())
        hub.add_repo("evil/names", {"../../etc/passwd": b"x", "config.json": b"\xff" * 64})
        hub.add_repo("evil/liar", example("merged"))
        hub.fail("evil/liar", body="types")
        hub.add_repo("owner/private", example("merged"), private=True)
        with serving(hub, tmp_path_factory.mktemp("space")) as served:
            yield served


@pytest.fixture
def visitor(chromium: "Browser", space: Space) -> "Iterator[Callable[..., Page]]":
    """Opens the Space as a visitor: ``visitor(locale="zh-CN", width=360, dark=True)``."""
    contexts: list[BrowserContext] = []

    def visit(*, locale: str = "en-US", width: int = 1100, dark: bool = False) -> "Page":
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            locale=locale,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(SECONDS)
        contexts.append(context)
        return opened(context, space)

    yield visit
    for context in contexts:
        context.close()


def opened(context: "BrowserContext", space: Space) -> "Page":
    page = context.new_page()
    page.goto(space.url)
    page.get_by_role("button", name=re.compile("^(Check|检查)$")).wait_for()
    return page


def filled(page: "Page", target: str, base: str = "", lang: str = "en") -> "Locator":
    """Fill the form; the button to press."""
    page.get_by_label(WORDS[lang]["target"]).fill(target)
    page.get_by_label(WORDS[lang]["base"]).fill(base)
    return page.get_by_role("button", name=WORDS[lang]["go"], exact=True)


@contextmanager
def answered(page: "Page") -> Iterator[None]:
    """Leaves when all answers to what was asked inside are there: then the line ends, or is dropped."""
    ended: list[Request] = []
    for event in ("requestfailed", "requestfinished"):
        page.on(event, lambda request: ended.append(request) if "queue/data" in request.url else None)
    yield
    deadline = time.monotonic() + SECONDS / 1000
    while not ended:
        assert time.monotonic() < deadline, page.get_by_role("status").first.inner_text()
        page.wait_for_timeout(50)
    page.wait_for_timeout(200)  # until the page takes a new question


def asked(page: "Page", target: str = "", base: str = "", lang: str = "en") -> None:
    """Fill the form, press the button, and wait until all answers are there."""
    with answered(page):
        filled(page, target, base, lang).click()


def said(page: "Page", *texts: str) -> "Locator":
    """The status, once it has all of these texts."""
    status = page.get_by_role("status").first
    for text in texts:
        status.filter(has_text=text).wait_for()
    return status


def report(page: "Page", part: str, lang: str = "en") -> "Locator":
    """The report below a tab."""
    title = WORDS[lang][part]
    page.get_by_role("tab", name=title).click()
    frame = page.locator(f'iframe[title="{title}"]')
    assert frame.get_attribute("sandbox") == ""
    return frame.content_frame.locator("body")


def saved(page: "Page", name: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("link", name=name).click()
    assert started.value.suggested_filename == name
    return Path(started.value.path()).read_bytes()


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_from_two_ids_to_a_plan_file(visitor: "Callable[..., Page]", space: Space, tmp_path: Path) -> None:
    """The plan that is handed out makes the files that are handed out."""
    page = visitor()
    asked(page, "me/merged", "hf://org/base")
    said(page, "hf://me/merged@", "Findings: ")
    assert "GF" in report(page, "check").inner_text()
    assert "After" in report(page, "review").inner_text()
    assert report(page, "weights").locator("svg rect").count() > 0
    page.get_by_role("tab", name="Engines").click()
    assert "stops at" in page.locator("pre").inner_text()
    plan = tmp_path / "plan.json"
    plan.write_bytes(saved(page, "plan.json"))
    folder = write_folder(tmp_path / "merged", tuned())
    assert genfix.apply(genfix.load_plan(plan, target=folder, offline=True)) is not None
    files = unpacked(saved(page, "repaired.zip"))
    assert files
    assert {name: (folder / name).read_bytes() for name in files} == files
    assert space.left() == []


def test_from_dropped_files_to_repaired_files(visitor: "Callable[..., Page]", space: Space) -> None:
    page = visitor()
    page.locator("input[type=file]").set_input_files([*map(str, (EXAMPLE / "merged").iterdir())])
    page.get_by_text("generation_config").wait_for()
    asked(page, "", "glm/base")
    said(page, "merged.", "Findings: ")
    files = unpacked(saved(page, "repaired.zip"))
    assert json.loads(files["generation_config.json"])["eos_token_id"] == [151329, 151336, 151338]
    assert files["tokenization_chatglm.py"] == example("base")["tokenization_chatglm.py"]
    page.get_by_role("tab", name="Weights").click()
    page.get_by_text("merged has no weights").wait_for()
    assert str(space.temporary) not in report(page, "review").inner_text()
    assert space.left() == []


def test_weights_are_refused(visitor: "Callable[..., Page]", tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    page = visitor()
    page.locator("input[type=file]").set_input_files(str(tmp_path / "model.safetensors"))
    page.get_by_text("model").first.wait_for()
    asked(page)
    assert said(page, "model.safetensors is no config file").locator("p").count() == 1


def test_a_path_of_the_server_is_no_model(visitor: "Callable[..., Page]", space: Space) -> None:
    page = visitor()
    places = ("/etc", "../", ".", "~", "file:///etc", "s3://bucket/model", "hf:///etc", "ms://../x", "auto")
    for target, base in [*((place, "") for place in places), ("glm/merged", "/etc"), ("glm/merged", "auto")]:
        asked(page, target, base)
        said(page, f"'{base or target}' is no model on a Hub")
        assert page.get_by_role("status").first.locator("p").count() == 1
    assert page.locator("iframe").count() == 0
    assert "root:" not in page.content()
    assert space.left() == []


def test_a_file_of_the_server_is_not_taken_for_a_dropped_one(space: Space) -> None:
    for path in ("/etc/hostname", str(APP / "words.json"), "../words.json"):
        dropped = [{"path": path, "orig_name": "config.json", "meta": {"_type": "gradio.FileData"}}]
        told = space.call("", "", dropped, "en")
        assert '"success":false' in told
        assert "merged." not in told
    assert space.left() == []


def test_the_token_of_the_owner_is_not_used(visitor: "Callable[..., Page]", space: Space) -> None:
    page = visitor()
    asked(page, "owner/private", "glm/base")
    said(page, "no model owner/private on the Hub")
    asked(page, "glm/merged", "owner/private")
    said(page, "no model owner/private on the Hub")
    asked(page, "ms://owner/private")
    said(page, "ModelScope")
    assert {request.token for request in space.hub.requests} == {None}


def reached(page: "Page", role: str, name: str) -> None:
    """Press Tab until a thing of this name has the focus."""
    wanted = page.get_by_role(role, name=name, exact=role == "tab").first
    for _ in range(40):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(name)


def test_the_keyboard_is_enough(visitor: "Callable[..., Page]") -> None:
    page = visitor()
    reached(page, "textbox", EN["target"])
    page.keyboard.type("glm/merged")
    reached(page, "textbox", EN["base"])
    page.keyboard.type("glm/base")
    with answered(page):
        page.keyboard.press("Enter")
    reached(page, "link", "plan.json")
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename == "plan.json"
    reached(page, "tab", "Review")
    page.keyboard.press("Enter")
    page.locator('iframe[title="Review"]').wait_for()


@pytest.mark.parametrize(("dark", "width", "lang"), [(False, 1100, "en"), (True, 360, "zh")])
def test_axe_finds_nothing(visitor: "Callable[..., Page]", *, dark: bool, width: int, lang: str) -> None:
    page = visitor(dark=dark, width=width, locale={"en": "en-US", "zh": "zh-CN"}[lang])
    asked(page, "glm/merged", "glm/base", lang)
    said(page, "glm/merged@", "plan.json")
    report(page, "check", lang).wait_for()
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) < 3 * 64) is dark
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"][:160] for node in each["nodes"]][:3]) for each in found] == []


def test_both_languages(visitor: "Callable[..., Page]") -> None:
    """That of the browser at first, and then the one that is chosen; reports have it too."""
    page = visitor(locale="zh-CN")
    page.get_by_role("heading", name=WORDS["zh"]["title"]).wait_for()
    asked(page, "glm/merged", "glm/base", "zh")
    said(page, "发现问题：")
    frame = page.locator("iframe").first.content_frame
    assert frame.locator("html").get_attribute("lang") == "zh"
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.get_by_role("radio", name="English").check()
    page.get_by_role("heading", name=EN["title"]).wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    asked(page, "glm/merged", "glm/base")
    said(page, "Findings: ")
    assert page.locator("iframe").first.content_frame.locator("html").get_attribute("lang") == "en"


def test_both_languages_say_the_same() -> None:
    blanks = [
        {key: sorted(re.findall(r"{\w+}", text)) for key, text in words.items()} for words in WORDS.values()
    ]
    assert blanks[0] == blanks[1]


def test_a_hostile_model_does_nothing(visitor: "Callable[..., Page]", space: Space) -> None:
    page = visitor()
    told: list[str] = []
    page.expose_function("canary", lambda *_: told.append("canary"))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.context.on("page", lambda other: told.append(other.url))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((space.url, "data:", "blob:", "about:"))
            else told.append(request.url)
        ),
    )
    for name in ("evil/merged", TEMPLATES):
        asked(page, name, "glm/base")
        said(page, "evil/merged@" if name == "evil/merged" else "is no model on a Hub")
        page.wait_for_timeout(500)
    asked(page, "evil/merged")
    said(page, "evil/merged@")
    assert "onerror" in str(report(page, "review").text_content())
    page.get_by_role("tab", name="Engines").click()
    page.locator("pre").click()
    assert told == []
    assert page.locator("img[src=x], [onerror], [onload]").count() == 0


def test_ten_visitors_at_once(chromium: "Browser", space: Space) -> None:
    """One names a hostile repo and one a Hub that is not reached: a sentence each, and the others go on."""
    names = ["glm/merged"] * 8
    names[2:2] = ["evil/liar"]
    names[6:6] = ["ms://org/unreachable"]
    context = chromium.new_context()
    context.set_default_timeout(SECONDS)
    pages = [opened(context, space) for _ in names]
    for page, name in zip(pages, names, strict=True):
        filled(page, name, "glm/base").click()
    for page, name in zip(pages, names, strict=True):
        if name == "glm/merged":
            said(page, "Findings: 7.", "repaired.zip")
        else:
            status = said(page, {"evil/liar": "Hub", "ms://org/unreachable": "ModelScope"}[name])
            assert status.locator("p").count() == 1
            assert page.locator("iframe").count() == 0
    context.close()
    assert space.left() == []


def test_a_check_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """With all that it has started, and with a sentence; nothing of it is left."""
    visits = {}
    for number, stuck in enumerate(("time.sleep(1000)", "raise MemoryError", "os.kill(0, 9)")):
        visits[tmp_path / str(number)] = stuck
        write_folder(tmp_path / str(number), {"visit.py": f"{STUCK}{stuck}\n".encode()})
    (tmp_path / "tmp").mkdir()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{APP}", "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-c", ENDED, *map(str, visits)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=True)
    *told, forgotten = (json.loads(line) for line in done.stdout.splitlines())
    assert forgotten == [60, 600]  # every minute, what was dropped ten minutes ago
    assert [sentence for _, sentence in told] == [EN["ended"].format(seconds=2, memory=3)] * len(visits)
    for child, _ in told:
        state = Path("/proc", child, "stat")
        assert not state.exists() or state.read_text().split()[2] == "Z"
    assert [path.name for path in (tmp_path / "tmp").glob("genfix*")] == []


def test_the_page_states_its_limits_and_asks_nobody_else(
    visitor: "Callable[..., Page]", space: Space
) -> None:
    page = visitor()
    page.get_by_text(
        "40 files of 64 MB together, 90 seconds and 3 GB of memory; 4 run at a time, 32 more"
    ).wait_for()
    hosts = page.evaluate("performance.getEntriesByType('resource').map(each => new URL(each.name).origin)")
    assert {*hosts} == {space.url}
