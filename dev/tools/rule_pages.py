"""Writes what the documentation takes from the code, so that it cannot go stale.

``python -m dev.tools.rule_pages`` writes the pages of the rules and their index in both languages, and in
other pages the help text and the output about the example. With ``--check`` it writes nothing, names what is
stale and exits with 1.
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
from typing import Final, NamedTuple

from dev.tools import known_names
from genfix.language import Language, translated
from genfix.rules import RULES, Rule
from genfix.rules.core.questions import QUESTIONS
from tests.support.rule_cases import CASES
from tests.support.rule_examples import example

ROOT: Final = Path(__file__).resolve().parents[2]

__all__ = [
    "COMMANDS",
    "EXAMPLE",
    "HELP_FROM",
    "PAGES",
    "ROOT",
    "TRANSACTION",
    "block",
    "generated",
    "help_text",
    "main",
    "run",
    "stale",
    "typer_version",
]

PAGES: Final = {Language.ENGLISH: ROOT / "docs" / "rules", Language.CHINESE: ROOT / "docs" / "rules" / "zh"}
COMMANDS: Final = (ROOT / "docs" / "commands.md", ROOT / "docs" / "commands.zh-CN.md")
WHO: Final = ROOT / "docs" / "who-is-right.md"
QUICK_STARTS: Final = {"en": ROOT / "docs" / "quick-start.md", "zh": ROOT / "docs" / "quick-start.zh-CN.md"}

HELP_FROM: Final = (0, 26)
"""Older versions of typer lay the help text out in another way; with them it is left alone."""

EXAMPLE: Final = ROOT / "examples" / "glm4"
TRANSACTION: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_ISSUE: Final = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)#(?P<number>\d+)", re.ASCII)


class _Words(NamedTuple):
    """What the pages say around the rules' own words, in one language."""

    other: str  # the folder of the pages in the other language
    head: str
    severity: Mapping[str, str]
    alone: tuple[str, str]  # with a base only; without one too
    yes: tuple[str, str]  # the same, as a cell
    sections: tuple[str, str, str, str]
    example: str
    sources: str
    source: str
    intro: str
    columns: tuple[str, ...]
    explain: str


_WORDS: Final = {
    Language.ENGLISH: _Words(
        other="zh",
        head="English | [简体中文]({other})\n\nAt worst: **{severity}** · {base} · [all rules](README.md)",
        severity={name: name for name in ("error", "warning", "info")},
        alone=("needs `--base`", "also without `--base`"),
        yes=("no", "yes"),
        sections=("What it means", "Why it hurts", "Fix", "Safety"),
        example="Example",
        sources="Sources",
        source="The rule and this text: {link}",
        intro=(
            "# Rules\n\nEnglish | [简体中文]({other})\n\n"
            "Each finding names its rule. The severity in this table is the worst a rule gives; "
            "that of a finding follows from what the engines do with the folder.\n\n"
            "The first digit is the family: 1 stop tokens, 2 chat template, 3 tokenizer, "
            "4 `config.json` and weights, 5 other files, 6 generation settings, "
            "7 readers of other versions, 9 files that cannot be read."
        ),
        columns=("code", "name", "at worst", "without `--base`", "what it means"),
        explain="`genfix explain` with a code or a name prints the same text as these pages.",
    ),
    Language.CHINESE: _Words(
        other="..",
        head="[English]({other}) | 简体中文\n\n最高级别：**{severity}** · {base} · [全部规则](README.md)",
        severity={"error": "错误", "warning": "警告", "info": "信息"},
        alone=("需要 `--base`", "不给 `--base` 也检查"),
        yes=("不检查", "也检查"),
        sections=("含义", "影响", "修复", "安全性"),
        example="示例",
        sources="来源",
        source="规则及这段文字的出处：{link}",
        intro=(
            "# 规则\n\n[English]({other}) | 简体中文\n\n"
            "每个问题都写明它的规则。表中的级别是该规则可能给出的最高级别；"
            "具体问题的级别取决于引擎会怎样对待这个目录。\n\n"
            "第一位数字是类别：1 停止 token，2 对话模板，3 分词器，4 `config.json` 和权重，"
            "5 其他文件，6 生成设置，"
            "7 其他版本的读取方，9 无法读取的文件。"
        ),
        columns=("编号", "名称", "最高级别", "不给 `--base`", "含义"),
        explain="`genfix explain` 加编号或名称，会打印与这些页面相同的内容。",
    ),
}


def generated() -> Mapping[Path, str]:
    """Every generated file and every file with generated parts, with the text it should have."""
    files = {
        PAGES[language] / name: text for language in PAGES for name, text in _pages(language, PAGES[language])
    }
    files[WHO] = _who_is_right()
    files[known_names.FILE] = known_names.known_names()
    for language, path in QUICK_STARTS.items():
        text = path.read_text(encoding="utf-8")
        for command in ("check", "repair"):
            text = _replaced(text, command, _example(command, language))
        files[path] = text
    if typer_version() >= HELP_FROM:
        shown = _console("genfix --help", help_text())
        files |= {path: _replaced(path.read_text(encoding="utf-8"), "help", shown) for path in COMMANDS}
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
    return run("--help", cwd=ROOT)


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
    for folder in PAGES.values():
        folder.mkdir(parents=True, exist_ok=True)
    for path in _orphans(files):
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _orphans(wanted: Mapping[Path, str]) -> set[Path]:
    return {page for folder in PAGES.values() for page in folder.glob("*.md")} - wanted.keys()


def _replaced(text: str, name: str, new: str) -> str:
    marker = f"<!-- {name}:begin -->\n"
    return text.replace(marker + block(text, name), marker + new)


def _pages(language: Language, folder: Path) -> Iterator[tuple[str, str]]:
    up = os.path.relpath(ROOT, folder)
    for rule in RULES.values():
        yield f"{rule.code}.md", _page(rule, language, up)
    yield "README.md", _index(language)


def _page(rule: Rule, language: Language, up: str) -> str:
    doc, words = rule.doc, _WORDS[language]
    source = rule.check.__module__.replace(".", "/") + ".py"
    base = words.alone[not rule.needs_base]
    shown = example(rule.code, CASES[rule.code], language) if rule.code in CASES else None
    parts = [
        f"<!-- Written by dev/tools/rule_pages.py from {source}. -->",
        f"# {rule.code} {rule.name}",
        words.head.format(
            severity=words.severity[rule.severity], base=base, other=f"{words.other}/{rule.code}.md"
        ),
        *(
            f"## {title}\n\n{translated(text, language)}"
            for title, text in zip(words.sections, (doc.what, doc.why, doc.fix, doc.safety), strict=True)
        ),
        *([f"## {words.example}\n\n{shown}"] if shown else []),
        f"## {words.sources}\n\n" + "\n".join(f"- {_linked(source)}" for source in doc.sources),
        words.source.format(link=f"[{source}]({up}/{source})"),
    ]
    return "\n\n".join(parts) + "\n"


def _index(language: Language) -> str:
    words = _WORDS[language]
    parts = [
        "<!-- Written by dev/tools/rule_pages.py from genfix.rules.RULES. -->",
        words.intro.format(other=f"{words.other}/README.md"),
        "".join(f"| {' | '.join(cells)} |\n" for cells in _rows(language)).rstrip("\n"),
        words.explain,
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


def _rows(language: Language) -> Iterator[tuple[str, ...]]:
    words = _WORDS[language]
    yield words.columns
    yield ("---",) * len(words.columns)
    for rule in RULES.values():
        what = translated(rule.doc.what, language)
        link = f"[{rule.code}]({rule.code}.md)"
        severity = words.severity[rule.severity]
        yield (link, rule.name, severity, words.yes[not rule.needs_base], what.replace("|", "\\|"))


def _linked(source: str) -> str:
    return _ISSUE.sub(r"[\g<0>](https://github.com/\g<repo>/issues/\g<number>)", source)


def _example(command: str, language: str) -> str:
    """What a command prints about the example folder."""
    with tempfile.TemporaryDirectory(prefix="genfix-docs-") as folder:
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        output = run(command, "merged", "--base", "base", "--lang", language, cwd=Path(folder))
    told = "" if language == "en" else f" --lang {language}"
    output = TRANSACTION.sub("20260102T030405Z-a1b2c3", output)
    return _console(f"genfix {command} merged --base base{told}", output)


def _console(command: str, output: str) -> str:
    return f"```console\n$ {command}\n{output.rstrip()}\n```\n"


def run(*arguments: str, cwd: Path, color: bool = False) -> str:
    """What genfix prints in ``cwd`` on 80 columns. `RuntimeError` where it cannot do its job."""
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GENFIX_", "FORCE_", "NO_COLOR"))
    }
    result = subprocess.run(
        [sys.executable, "-m", "genfix", *arguments],
        check=False,
        cwd=cwd,
        env=keep
        | {"COLUMNS": "80", "GENFIX_LANG": "en", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
        | {"FORCE_COLOR" if color else "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if result.returncode not in {0, 1}:  # 1: something was found
        raise RuntimeError(result.stdout)
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
