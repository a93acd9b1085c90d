"""The review page as text: what is on it, that it is one file, and that text of a stranger stays text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import genfix
from genfix.api.plan_files import id_of
from genfix.engines.every import EVERY_ENGINE
from genfix.language import Language
from genfix.planner.plan import Plan
from genfix.report.html import check_page, plan_page
from genfix.report.html.engine_table import engine_name
from tests.support.folders import dump, glm_files, write_folder
from tests.support.places import ROOT

HTML = ROOT / "genfix" / "report" / "html"
GENERATION = "generation_config.json"


class Reader(HTMLParser):
    """Tags with their attributes, and the text of style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = {}
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.words.append(" " if tag in {"th", "td"} else "")

    def handle_data(self, data: str) -> None:
        if self.lasttag in {"style", "script"} and self.lasttag not in self.raw:
            self.raw[self.lasttag] = data
        elif self.lasttag not in {"style", "script"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def folders(place: Path, **changes: object) -> tuple[Path, Path]:
    files = glm_files()
    generation = json.loads(files[GENERATION]) | {"eos_token_id": 151329, "max_new_tokens": 9} | changes
    base = write_folder(place / "base", files)
    return write_folder(place / "merged", files | {GENERATION: dump(generation)}), base


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return genfix.plan(*folders(tmp_path))


@pytest.mark.parametrize("lang", Language)
def test_one_file_that_refers_to_nothing(plan: Plan, lang: Language) -> None:
    page = Reader(plan_page(plan, commands={"repair": "genfix repair merged"}, lang=lang))
    attributes = [(tag, name, value) for tag, all_of in page.tags for name, value in all_of.items()]
    assert [value for _, name, value in attributes if name == "href" and not str(value).startswith("#")] == []
    assert {name for _, name, _ in attributes}.isdisjoint(
        {"src", "srcset", "style", "action", "formaction", "ping"}
    )
    assert [name for _, name, _ in attributes if name.startswith("on")] == []
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"link", "img", "iframe", "form", "object", "embed", "base"}
    )
    ids = [value for _, name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {str(value)[1:] for _, name, value in attributes if name == "href"} <= set(ids)
    assert ("html", {"lang": lang.value}) in page.tags


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(plan: Plan) -> None:
    page = Reader(plan_page(plan))
    places = [tag for tag, _ in page.tags]
    (policy,) = [all_of["content"] for _, all_of in page.tags if all_of.get("http-equiv")]
    hashes = {
        tag: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag, text in page.raw.items()
    }
    assert str(policy).split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{hashes['style']}'",
        f"script-src 'sha256-{hashes['script']}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert places.index("meta") < places.index("style") < places.index("script")
    assert (places.count("style"), places.count("script")) == (1, 1)


@pytest.mark.parametrize("name", ["page.css", "review.css", "probe.css", "page.js"])
def test_style_and_script_are_safe_to_stand_in_a_page(name: str) -> None:
    text = (HTML / name).read_text("utf-8")
    assert "</" not in text
    assert "<!--" not in text
    for word in (
        "url(",
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "innerHTML",
        "eval",
        "http:",
        "https:",
        "storage",
    ):
        assert word not in text, word


def test_the_page_is_a_function_of_the_plan_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []
    for name in ("one", "two"):
        folders(tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        pages.append(plan_page(genfix.plan("merged", "base"), commands={"repair": "genfix repair merged"}))
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", Reader(pages[0]).text)


def test_the_plan_is_named_as_in_its_file(tmp_path: Path) -> None:
    one, two = (genfix.plan(*folders(tmp_path / name)) for name in ("one", "two"))
    other = genfix.plan(*folders(tmp_path / "three", temperature=0.1))
    assert id_of(one) == id_of(two) != id_of(other)
    assert genfix.save_plan(one, tmp_path / "plan.json") == id_of(one)
    assert id_of(one) in plan_page(one, plan_id=id_of(one))


def test_three_columns_and_what_becomes_of_each_value(plan: Plan) -> None:
    text = Reader(plan_page(plan)).text
    assert "2 values change Field Base Now After eos_token_id changed" in text
    assert "max_new_tokens removed not there 9 not there" in text
    assert "values stay" in text


def test_what_is_left_for_a_person(tmp_path: Path) -> None:
    merged, _ = folders(tmp_path)
    (merged / "config.json").write_text('{"a": 1,, }')
    text = Reader(plan_page(genfix.plan(merged))).text
    assert re.search(r"\d findings? (is|are) left for you to decide", text)
    assert "your decision: no automatic fix" in text
    assert "none: what was lost from a base cannot be seen" in text


def test_a_healthy_folder_says_one_line(tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    for html in (check_page(genfix.check(base, base)), plan_page(genfix.plan(base, base))):
        assert "No errors and no warnings: there is nothing to repair." in html
        assert "<pre id=" not in html


def test_check_shows_findings_and_engines_and_no_changes(tmp_path: Path) -> None:
    page = Reader(check_page(genfix.check(*folders(tmp_path)), commands={"plan": "genfix plan merged"}))
    assert "The folder has 1 error and 1 warning; 2 of them have a safe fix." in page.text
    assert "To see the changes genfix plan merged" in page.text
    assert "Engine Base Now transformers 5" in page.text
    assert not [tag for tag, all_of in page.tags if all_of.get("id") == "changes"]


def test_done_is_told_as_done(plan: Plan) -> None:
    text = Reader(plan_page(plan, done=True)).text
    assert "The repair changed 1 file and cleared 1 error and 1 warning; nothing is left" in text
    assert "cleared by this plan" not in text


def test_text_of_a_stranger_is_escaped_and_controls_are_seen(tmp_path: Path) -> None:
    html = plan_page(genfix.plan(*folders(tmp_path, **{"<b>\u202e": "</script>\x1b[31m\u2066"})))
    assert "&lt;b&gt;\\u202e" in html
    assert "&lt;/script&gt;\\x1b[31m\\u2066" in html.replace("\\u001b", "\\x1b")
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_a_huge_value_is_cut_and_its_size_told(tmp_path: Path) -> None:
    html = plan_page(genfix.plan(*folders(tmp_path, huge="y" * 100_000)))
    assert "100002 characters in all" in html
    assert len(html) < 200_000


def test_very_many_values_are_counted(tmp_path: Path) -> None:
    many = {f"key{number}": number for number in range(2000)}
    merged, base = folders(tmp_path, **many)
    (base / GENERATION).write_bytes(dump(json.loads((base / GENERATION).read_bytes()) | many))
    page = plan_page(genfix.plan(merged, base))
    shown = len(set(re.findall(r"<code>(key\d+)</code>", page)))
    (more,) = re.findall(r"(\d+) more are not shown here", page)
    assert 200 < shown <= 300
    assert 0 <= shown + int(more) - 2000 < 10
    assert len(page) < 600_000


def test_a_chinese_page_has_chinese_labels(plan: Plan) -> None:
    text = Reader(plan_page(plan, lang=Language.CHINESE)).text
    assert "该计划修改 1 个文件，消除 1 个错误和 1 个警告；没有需要你决定的问题。" in text  # noqa: RUF001
    assert "字段 基座模型 现在 修改后" in text
    assert "表现" in text
    assert "只有加上 --unsafe-fixes" not in text


def test_a_finding_says_how_it_shows(plan: Plan) -> None:
    text = Reader(plan_page(plan)).text
    assert "How it shows" in text
    assert "answers run past their end" in text


def test_every_engine_is_named_as_its_makers_write_it(plan: Plan) -> None:
    text = Reader(plan_page(plan)).text
    for engine in EVERY_ENGINE.values():
        assert engine_name(engine.id) == engine.title
        assert engine.title in text
    shown = {engine.id: engine.title for engine in EVERY_ENGINE.values()}
    assert (
        shown
        | {
            "transformers5": "transformers 5",
            "transformers4": "transformers 4",
            "vllm": "vLLM",
            "sglang": "SGLang",
            "lmdeploy": "LMDeploy",
            "llama.cpp": "llama.cpp",
            "mlx-lm": "MLX-LM",
            "openvino-genai": "OpenVINO GenAI",
        }
        == shown
    )
    assert all(shown.values())
    assert engine_name("\x07") == "\\x07"
