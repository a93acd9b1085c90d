"""The page of a probe: whole without its script, closed to the outside, and deaf to what models write into
it.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from genfix.api.probing import ProbeReport, probe_model
from genfix.language import Language
from genfix.probe.probe_values import Limits
from genfix.report.probe_html import probe_html
from genfix.report.probe_plots import histogram, rate_rows
from tests.support.probe_stub import Said, Stub, always

HOSTILE = (
    "</pre><script>canary()</script><img src=x onerror=canary()><svg onload=canary()>"
    "{{ 7 * 7 }}{% raw %}</style><a href='javascript:canary()'>\u202e\x1b<|user|>\nmore"
)


class Elements(HTMLParser):
    """All elements and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def report(after: Said, before: Said | None = None) -> ProbeReport:
    with Stub(always(after)) as server, Stub(always(before or after)) as other:
        return probe_model(server.url, against=other.url if before else None, limits=Limits(max_tokens=64))


@pytest.fixture(scope="module")
def hostile() -> str:
    return probe_html(report(Said(HOSTILE, "length", tokens=64), Said("Fine.", tokens=5)))


def elements(page: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    yield from Elements(page).found


def test_nothing_a_model_writes_becomes_an_element(hostile: str) -> None:
    names = [name for name, _ in elements(hostile)]
    assert names.count("script") == 1
    assert set(names).isdisjoint({"img", "iframe", "object", "form", "link", "base"})
    for name, attributes in elements(hostile):
        assert not any(key.startswith("on") or key in {"style", "src"} for key in attributes), name
        assert (attributes.get("href") or "#").startswith("#")
    assert "{{ 7 * 7 }}" in "".join(Elements(hostile).text)
    assert not set(hostile) & {"\u202e", "\x1b"}


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(hostile: str) -> None:
    policy = next(
        content
        for name, attributes in elements(hostile)
        if name == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        if (content := attributes["content"])
    )
    style = re.findall(r"<style>(.*?)</style>", hostile, re.DOTALL)
    script = re.findall(r"<script>(.*?)</script>", hostile, re.DOTALL)
    assert (len(style), len(script)) == (1, 1)
    of_style, of_script = (
        base64.b64encode(hashlib.sha256(own.encode()).digest()).decode() for own in (style[0], script[0])
    )
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{of_style}'; script-src 'sha256-{of_script}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style[0]
    assert "@import" not in style[0]


def test_a_page_shows_both_sides_the_verdict_and_the_leaks(hostile: str) -> None:
    text = " ".join("".join(Elements(hostile).text).split())
    assert "None of 64 answers stopped by themselves" in text
    assert "Fewer answers stop by themselves: -100 points" in text
    assert "All answers, side by side" in text
    assert "Leaks" in text
    assert hostile.count("<mark>") >= 64
    assert hostile.count("Fine.") == 64
    assert hostile.count("<svg") == 4 * 2 + 1


def test_pictures_have_words_for_those_who_do_not_see_them(hostile: str) -> None:
    for name, attributes in elements(hostile):
        if name == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]


def test_a_page_of_one_good_model() -> None:
    page = probe_html(report(Said("Oslo.", tokens=3)))
    text = " ".join("".join(Elements(page).text).split())
    assert "All 64 answers stopped by themselves" in text
    assert "Leaks" not in text
    assert "side by side" not in text


def test_places_in_the_plots_are_true() -> None:
    found = report(Said("Oslo.", tokens=3), Said("On and on", "length", tokens=64))
    assert found.against is not None
    stopped = rate_rows(found.run.summary.rates, found.against.summary.rates)[0]
    assert [(bar.series, bar.value) for bar in stopped.bars] == [("against", 0), ("run", 100)]
    lengths = histogram(found.run.measures, found.against.measures, 64)
    assert lengths is not None
    assert sum(one.run for one in lengths.bins) == sum(one.against for one in lengths.bins) == 64
    (short,) = [one for one in lengths.bins if one.run]
    (long,) = [one for one in lengths.bins if one.against]
    assert (short.low, short.high, short.run_height, short.at) == (0, 3, 100, 0)
    assert (long.low, long.high) == (64, 67)
    assert lengths.bins[-1].at + lengths.bins[-1].width == pytest.approx(100, abs=0.05)
    assert long.at <= lengths.limit_at <= long.at + long.width


def test_without_lengths_there_is_no_histogram() -> None:
    assert histogram([], [], 64) is None


def test_a_chinese_page_has_no_english_words_but_names_and_what_was_asked_and_answered() -> None:
    page = probe_html(report(Said("9.", tokens=3), Said("9 " * 99, "length", tokens=64)), Language.CHINESE)
    not_ours = r"<(style|script|pre)\b.*?</\1>|<p class=\"question\".*?</p>|<b>.*?</b>|<h3>[-a-z0-9]*</h3>"
    read = Elements(re.sub(not_ours, "", page, flags=re.DOTALL))
    labels = [attributes.get("aria-label") or "" for _, attributes in read.found]
    words = {*re.findall(r"[A-Za-z]{3,}", " ".join([*read.text, *labels]))}
    assert words == {"genfix", "http", "merged", "probe", "token", "vllm"}
