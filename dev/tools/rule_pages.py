"""Writes what the documentation takes from the code, so that it cannot go stale.

``python -m dev.tools.rule_pages`` writes the pages of the rules, their index, and in both READMEs the table
of the rules, the help text and the output of the example's repair. With ``--check`` it writes nothing, names
what is stale and exits with 1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from genfix.language import Language, translated
from genfix.rules import RULES, Rule
from genfix.rules.core.questions import QUESTIONS
from tests.support.rule_cases import CASES
from tests.support.rule_examples import example

ROOT: Final = Path(__file__).resolve().parents[2]

__all__ = [
    "HELP_FROM",
    "PAGES",
    "READMES",
    "block",
    "generated",
    "help_text",
    "main",
    "stale",
    "typer_version",
]

PAGES: Final = ROOT / "docs" / "rules"
WHO: Final = ROOT / "docs" / "who-is-right.md"
QUICK_STARTS: Final = {"en": ROOT / "docs" / "quick-start.md", "zh": ROOT / "docs" / "quick-start.zh-CN.md"}
READMES: Final = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}

HELP_FROM: Final = (0, 26)
"""Older versions of typer lay the help text out in another way; with them it is left alone."""

_EXAMPLE: Final = ROOT / "examples" / "glm4"
_TRANSACTION: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_ISSUE: Final = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)#(?P<number>\d+)", re.ASCII)

_HEADS: Final = {
    "en": ("code", "name", "at worst", "without `--base`", "what it means"),
    "zh": ("编号", "名称", "最高级别", "不给 `--base`", "含义"),
}
_ALONE: Final = {"en": ("no", "yes"), "zh": ("不检查", "也检查")}


def generated() -> Mapping[Path, str]:
    """Every generated file and every file with generated parts, with the text it should have."""
    files = {PAGES / f"{rule.code}.md": _page(rule) for rule in RULES.values()}
    files[PAGES / "README.md"] = _index()
    files[WHO] = _who_is_right()
    for language, path in QUICK_STARTS.items():
        text = path.read_text(encoding="utf-8")
        for command in ("check", "repair"):
            text = _replaced(text, command, _example(command, language))
        files[path] = text
    repair = _example("repair", "en")
    for language, path in READMES.items():
        text = path.read_text(encoding="utf-8")
        text = _replaced(text, "rules", _table(language, "docs/rules/"))
        text = _replaced(text, "repair", repair)
        if typer_version() >= HELP_FROM:
            text = _replaced(text, "help", _console("genfix --help", help_text()))
        files[path] = text
    return files


def stale() -> list[str]:
    """Names of the files that are not what `generated` says, and of pages whose rule is gone."""
    wanted = generated()
    differing = {
        path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text
    }
    return sorted(str(path.relative_to(ROOT)) for path in differing | _orphans(wanted))


def typer_version() -> tuple[int, ...]:
    """Major and minor version of the typer that is installed."""
    return tuple(int(part) for part in version("typer").split(".")[:2])


def help_text() -> str:
    """What ``genfix --help`` prints."""
    return _run("--help", cwd=ROOT)


def block(text: str, name: str) -> str:
    """The generated part ``name`` of ``text``, without its markers. `ValueError` where it is missing."""
    start, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"the markers of the generated part {name!r} are missing, or there twice")
    return text.partition(start)[2].partition(end)[0]


def main() -> int:
    """Write, or check; the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of the documentation.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where something is stale"
    )
    if parser.parse_args().check:
        names = stale()
        sys.stdout.write("".join(f"stale: {name}\n" for name in names))
        return 1 if names else 0
    files = generated()
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in _orphans(files):
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _orphans(wanted: Mapping[Path, str]) -> set[Path]:
    return set(PAGES.glob("*.md")) - wanted.keys()


def _replaced(text: str, name: str, new: str) -> str:
    marker = f"<!-- {name}:begin -->\n"
    return text.replace(marker + block(text, name), marker + new)


def _page(rule: Rule) -> str:
    doc = rule.doc
    source = rule.check.__module__.replace(".", "/") + ".py"
    base = "needs `--base`" if rule.needs_base else "also without `--base`"
    sections = (
        ("What it means", doc.what),
        ("Why it hurts", doc.why),
        ("Fix", doc.fix),
        ("Safety", doc.safety),
    )
    parts = [
        f"<!-- Written by dev/tools/rule_pages.py from {source}. -->",
        f"# {rule.code} {rule.name}",
        f"At worst: **{rule.severity}** · {base} · [all rules](README.md)",
        *(f"## {title}\n\n{text}" for title, text in sections),
        *([f"## Example\n\n{example(rule.code, CASES[rule.code])}"] if rule.code in CASES else []),
        "## Sources\n\n" + "\n".join(f"- {_linked(source)}" for source in doc.sources),
        f"The rule and this text: [{source}](../../{source})",
    ]
    return "\n\n".join(parts) + "\n"


def _index() -> str:
    parts = [
        "<!-- Written by dev/tools/rule_pages.py from genfix.rules.RULES. -->",
        "# Rules",
        (
            "Each finding names its rule. The severity in this table is the worst a rule gives; "
            "that of a finding follows from what the engines do with the folder."
        ),
        (
            "The first digit is the family: 1 stop tokens, 2 chat template, 3 tokenizer, 4 `config.json`, "
            "5 other files, 6 generation settings, 9 files that cannot be read."
        ),
        _table("en", "").rstrip("\n"),
        "`genfix explain` with a code or a name prints the same text as these pages.",
    ]
    return "\n\n".join(parts) + "\n"


def _who_is_right() -> str:
    rows = [
        "| question | witnesses, the strongest first | what they cannot settle | rules |",
        "| --- | --- | --- | --- |",
    ]
    for question in QUESTIONS:
        witnesses = ", ".join(str(witness).replace("_", " ") for witness in question.witnesses)
        codes = [rule.code for rule in RULES.values() if rule.question is question]
        links = " ".join(f"[{code}](rules/{code}.md)" for code in codes)
        rows.append(f"| {question.ask} | {witnesses} | {question.unsettled} | {links} |")
    parts = [
        "<!-- Written by dev/tools/rule_pages.py from genfix/rules/core/questions.py. -->",
        "# Who is right",
        (
            "The base is one witness among several. For each question genfix asks the strongest one that is "
            "there and can tell. Where they contradict each other for certain, the weaker one is wrong; "
            "where nobody knows, the fix is *unsafe* (made only when you ask) or *manual*, "
            "and says what each of them claims."
        ),
        "\n".join(rows),
        (
            "*Folder* means other files of the folder itself, *engine* what engines do with a value by their "
            "own code. The adapter is asked first wherever it is there: its tokenizer and chat template "
            "are those of the training."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(language: str, pages: str) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in _rows(language, pages))


def _rows(language: str, pages: str) -> Iterator[tuple[str, ...]]:
    yield _HEADS[language]
    yield ("---",) * len(_HEADS[language])
    for rule in RULES.values():
        what = translated(rule.doc.what, Language(language))
        alone = _ALONE[language][not rule.needs_base]
        link = f"[{rule.code}]({pages}{rule.code}.md)"
        yield (link, rule.name, rule.severity, alone, what.replace("|", "\\|"))


def _linked(source: str) -> str:
    return _ISSUE.sub(r"[\g<0>](https://github.com/\g<repo>/issues/\g<number>)", source)


def _example(command: str, language: str) -> str:
    """What a command prints about the example folder."""
    with tempfile.TemporaryDirectory(prefix="genfix-docs-") as folder:
        shutil.copytree(_EXAMPLE, folder, dirs_exist_ok=True)
        output = _run(command, "merged", "--base", "base", "--lang", language, cwd=Path(folder))
    told = "" if language == "en" else f" --lang {language}"
    output = _TRANSACTION.sub("20260102T030405Z-a1b2c3", output)
    return _console(f"genfix {command} merged --base base{told}", output)


def _console(command: str, output: str) -> str:
    return f"```console\n$ {command}\n{output.rstrip()}\n```\n"


def _run(*arguments: str, cwd: Path) -> str:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("GENFIX_", "FORCE_"))}
    result = subprocess.run(
        [sys.executable, "-m", "genfix", *arguments],
        check=False,
        cwd=cwd,
        env=keep
        | {"COLUMNS": "80", "GENFIX_LANG": "en", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if result.returncode not in {0, 1}:  # 1: something was found
        raise RuntimeError(result.stdout)
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
