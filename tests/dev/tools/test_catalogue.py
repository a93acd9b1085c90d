# ruff: noqa: RUF001 - Chinese punctuation
"""The catalogue has all that genfix says, in Chinese as Chinese is written, and is compiled as it stands."""

import ast
import re
import string
from collections.abc import Iterator
from gettext import GNUTranslations
from io import BytesIO

import pytest
from babel.messages import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po

from dev.tools.catalogue import PO, ROOT, all_said, brought_in_line, faults, first
from genfix.folder import FileProblem
from genfix.jsontext.json_mistakes import MistakeKind
from genfix.jsontext.json_read import JsonProblemKind
from genfix.language import LOCALE, Language, remembered, say_in
from genfix.message import Arg, Message
from tests.support.sources import MODULES, parsed

HOSTILE = ("{0} {evil} %s", "\x1b[31m\u202e\n", "名字")
IDEOGRAPH = "\u4e00-\u9fff"


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return read_po(BytesIO(PO.read_bytes()), locale="zh_CN")


def entries(catalogue: Catalog) -> Iterator[tuple[Entry, str, str, str]]:
    """Each entry with its English for one, for many, and its Chinese."""
    for entry in catalogue:
        if entry.id:
            one, many = (entry.id, "") if isinstance(entry.id, str) else entry.id
            yield entry, one, many, first(entry)


def test_it_has_what_the_code_says_and_no_more(catalogue: Catalog) -> None:
    assert [*faults(catalogue)] == []
    said = {(one.context, one.one, one.many) for one in all_said()}
    assert len(said) > 1000
    assert said == {(entry.context or "", one, many) for entry, one, many, _ in entries(catalogue)}
    in_line = brought_in_line(catalogue, all_said())
    assert {(one, chinese) for _, one, _, chinese in entries(in_line)} == {
        (one, chinese) for _, one, _, chinese in entries(catalogue)
    }


def test_it_is_compiled_as_it_stands(catalogue: Catalog) -> None:
    """Built with the package: ``uv sync --reinstall-package genfix`` makes it anew."""
    assert (LOCALE / "zh_CN.mo").exists(), "the catalogue is not compiled: install genfix"
    with (LOCALE / "zh_CN.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for entry, one, many, chinese in entries(catalogue):
        if many:
            found = (
                compiled.npgettext(entry.context, one, many, 2)
                if entry.context
                else compiled.ngettext(one, many, 2)
            )
        else:
            found = compiled.pgettext(entry.context, one) if entry.context else compiled.gettext(one)
        assert found == chinese, (
            f"{one!r} is older in the compiled catalogue than in its source: install genfix"
        )
        if entry.context:
            assert remembered(entry.context, {}) == Message(entry.context, one, {}, many)


def test_an_id_that_nobody_knows_is_shown_with_its_values() -> None:
    kept = remembered("of-another-version", {"x": "\x07"})
    assert str(kept) == say_in(Language.CHINESE, kept) == 'of-another-version {"x": "\\u0007"}'


def test_chinese_is_written_as_chinese_is(catalogue: Catalog) -> None:
    """Full-width punctuation, a space between Chinese and Latin."""
    for _, one, _, chinese in entries(catalogue):
        text = re.sub(r"`[^`]*`", "x", chinese)
        assert one.endswith(".") or not text.endswith("。"), chinese
        assert not re.search(rf"[{IDEOGRAPH}][,;:!?()]|[,;:!?()][{IDEOGRAPH}]", text), chinese
        assert not re.search(rf"[{IDEOGRAPH}][A-Za-z0-9]|[A-Za-z0-9][{IDEOGRAPH}]", text), chinese


def glossary() -> frozenset[str]:
    """The words that stay English in Chinese."""
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    listed = page.partition("## English in Chinese")[2]
    return frozenset(word.lower() for word in re.findall(r"[A-Za-z][\w.+-]*", listed))


def test_in_chinese_there_are_no_english_words_but_names_and_values(catalogue: Catalog) -> None:
    known = glossary()
    for _, one, _, chinese in entries(catalogue):
        text = re.sub(r"`[^`]*`|\{[^}]*\}", " ", chinese)
        parts = re.split(rf"[\s{IDEOGRAPH}，。：；（）、？！“”…]+", text)
        words = [part for part in parts if re.fullmatch(r"[a-z][a-z-]*[a-z]", part)]
        assert [word for word in words if word not in known] == [], (one, chinese)


@pytest.mark.parametrize("value", HOSTILE)
def test_every_message_takes_hostile_values(catalogue: Catalog, value: str) -> None:
    """They are quoted as they are, made fit for a terminal, in every language; no blank is left."""
    for entry, one, many, _ in entries(catalogue):
        try:
            names = {name for _, name, how, _ in string.Formatter().parse(many or one) if name and not how}
        except ValueError:
            continue  # the page of a rule, which is no template
        args: dict[str, Arg] = dict.fromkeys(names, value)
        message = Message(entry.context or "", one, args, many)
        if any(how for _, name, how, _ in string.Formatter().parse(many or one) if name):
            continue  # a number with a format of its own
        for language in Language:
            said = say_in(language, message)
            assert said.isprintable(), (one, said)
            assert not names or value not in HOSTILE[::2] or value in said, (one, said)


def test_each_kind_of_unreadable_file_has_its_sentences() -> None:
    ids = {one.context for one in all_said()}
    assert ids >= {f"json-{kind}" for kind in JsonProblemKind} | {f"json-slip-{kind}" for kind in MistakeKind}
    assert ids >= {f"{prefix}-{kind}" for kind in FileProblem for prefix in ("file", "why-file")}


def test_every_call_names_its_sentence_outright() -> None:
    """A sentence put together from parts could not be translated; what it has to say is in its blanks."""
    for path in MODULES.values():
        for node in ast.walk(parsed(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id in {"message", "text"} and path.name != "message.py":
                given = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                assert len(given) == len(node.args), f"{path.name}:{node.lineno}"
                blanks = {name for _, name, _, _ in string.Formatter().parse(str(given[-1])) if name}
                names = {keyword.arg for keyword in node.keywords}
                assert None in names or blanks <= names, f"{path.name}:{node.lineno}: {blanks - names}"
