"""Brings ``genfix/locale/zh_CN.po`` in line with the sentences of the code, or checks that it is:
``--check``.

A new sentence gets an empty entry to translate; one that is said no more goes.
"""

import argparse
import ast
import builtins
import io
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from babel.messages import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from genfix.rules.core.documentation import paragraphs

ROOT: Final = Path(__file__).resolve().parents[2]
ALONE: Final = (
    *(ROOT / "genfix" / "probe" / f"{name}.py" for name in ("child", "serve_child", "tasks_child")),
    ROOT / "genfix" / "model" / "render_child.py",
)
"""What runs without the rest of genfix; what it says is quoted."""
PO: Final = ROOT / "genfix" / "locale" / "zh_CN.po"
_MADE: Final = datetime(2026, 11, 29, tzinfo=UTC)
"""Fixed, so that the same sentences give the same bytes."""
_HELP: Final = frozenset(
    {"help", "epilog", "rich_help_panel", "metavar_text", "shows", "milder", "ask", "unsettled"}
)
"""Keywords whose value is read by people."""
_COMMANDS: Final = frozenset(
    f"genfix/cli/{name}.py"
    for name in ("commands", "keeping_commands", "probe_command", "rule_commands", "sweep_commands")
)
"""Modules whose functions are commands: their docstrings are help texts."""


class Said(NamedTuple):
    """A sentence in the code."""

    context: str
    one: str
    many: str
    place: str


def said_in(source: str, place: str) -> Iterator[Said]:
    """All sentences of a module: of `message` and `text`, of options and commands, and the pages of rules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _of_call(node, place)
        elif isinstance(node, ast.FunctionDef) and place in _COMMANDS:
            for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                yield Said("", " ".join(paragraph.split()), "", f"{place}:{node.lineno}")
        elif isinstance(node, ast.FunctionDef) and node.decorator_list:
            yield from _of_function(node, place)


def _of_call(node: ast.Call, place: str) -> Iterator[Said]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    words = [text for arg in node.args if (text := _literal(arg)) is not None]
    where = f"{place}:{node.lineno}"
    if name == "message" and len(words) > 1:
        yield Said(words[0], words[1], words[2] if len(words) > 2 else "", where)
    elif name.endswith("Error") and not hasattr(builtins, name):
        yield from (Said("", one, "", where) for one in words)
    elif name in {"text", "_said"} and words:
        yield Said("", words[0], words[1] if len(words) > 1 else "", where)
    for keyword in node.keywords:
        help_text = _literal(keyword.value)
        if keyword.arg in _HELP and help_text:
            yield Said("", help_text, "", where)


def _of_function(node: ast.FunctionDef, place: str) -> Iterator[Said]:
    names = {
        getattr(call.func, "id", getattr(call.func, "attr", ""))
        for call in node.decorator_list
        if isinstance(call, ast.Call)
    }
    doc = ast.get_docstring(node)
    if doc and "rule" in names:
        for paragraph in paragraphs(doc):
            yield Said("", paragraph, "", f"{place}:{node.lineno}")


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def said_on_page(template: str, place: str) -> Iterator[Said]:
    """All sentences of a page's template: each ``text("one", "many")``."""
    page = Environment(autoescape=True).parse(template)
    for line, _, words in extract_from_ast(page, ["text"], babel_style=False):
        one, *many = filter(None, words or ())
        yield Said("", one, many[0] if many else "", f"{place}:{line}")


def all_said() -> list[Said]:
    """The sentences of the package, in the order of files."""
    found: list[Said] = []
    for path in sorted({*(ROOT / "genfix").rglob("*.py")} - {*ALONE}):
        found += said_in(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "genfix").rglob("*.jinja")):
        found += said_on_page(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    return found


def brought_in_line(old: Catalog, said: list[Said]) -> Catalog:
    """The catalogue for these sentences, with the translations that are there already."""
    new = Catalog(
        locale="zh_CN",
        project="genfix",
        version="1",
        creation_date=_MADE,
        revision_date=_MADE,
        last_translator="genfix",
        language_team="Chinese",
        msgid_bugs_address="genfix",
        charset="utf-8",
        fuzzy=False,
    )
    new.header_comment = "# What genfix says, in Chinese. Terms that stay English: see docs/glossary.md."
    for one in said:
        key = (one.one, one.many) if one.many else one.one
        known = old.get(one.one, one.context or None)
        chinese = first(known) if known is not None else ""
        file = one.place.partition(":")[0]
        new.add(key, (chinese,) if one.many else chinese, context=one.context or None, locations=[(file, 0)])
    return new


def first(entry: Entry) -> str:
    """The Chinese of an entry, which has one form for any number."""
    return entry.string if isinstance(entry.string, str) else (entry.string or ("",))[0]


def faults(catalog: Catalog) -> Iterator[str]:
    """What is wrong with the entries: untranslated, marked as a guess, with other blanks, or with an id of
    another.
    """
    english: dict[str, str] = {}
    for entry in catalog:
        if not entry.id:
            continue
        forms = [entry.id] if isinstance(entry.id, str) else [*entry.id]
        chinese = first(entry)
        if not chinese:
            yield f"not translated: {forms[0]!r}"
        elif entry.fuzzy:
            yield f"marked as a guess: {forms[0]!r}"
        elif _blanks(chinese) != _blanks(forms[-1]):
            yield f"other blanks than the English: {chinese!r}"
        if entry.context and english.setdefault(entry.context, forms[0]) != forms[0]:
            yield f"two sentences have the id {entry.context}"


def _blanks(template: str) -> set[str]:
    try:
        return {f"{name}!{how}" for _, name, _, how in string.Formatter().parse(template) if name}
    except ValueError:  # the page of a rule: it is no template, and braces are its own
        return set()


def main() -> int:
    """Write the catalogue, or say how it is out of line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where it would change")
    check = parser.parse_args().check
    old_bytes = PO.read_bytes() if PO.exists() else b""
    catalog = brought_in_line(read_po(io.BytesIO(old_bytes), locale="zh_CN"), all_said())
    file = io.BytesIO()
    write_po(file, catalog, width=110, sort_by_file=True)
    wrong = [*faults(catalog)]
    if not check:
        PO.write_bytes(file.getvalue())
    elif file.getvalue() != old_bytes:
        wrong.append("the catalogue is not in line with the code: run python -m dev.tools.catalogue")
    print("\n".join(wrong) or f"{len(catalog)} sentences, all in Chinese")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
