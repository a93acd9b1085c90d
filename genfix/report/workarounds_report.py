"""What helps where a folder cannot be changed: for people, for machines, as Markdown and as a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from genfix.api.workarounds import FIXED, Helped, WorkaroundReport
from genfix.engines.workaround_lines import Proof, Trouble, Workaround
from genfix.json_types import JsonValue
from genfix.language import Language
from genfix.message import Message, text
from genfix.report.json import SCHEMA_VERSION
from genfix.report.style import Style
from genfix.show import show

_INDENT: Final = "    "
_TROUBLES: Final[Mapping[Trouble, Message]] = {
    Trouble.STOPS: text("does not stop where it should"),
    Trouble.TEMPLATE: text("writes chats by another template"),
    Trouble.SAMPLING: text("samples by other settings"),
}
_NONE: Final = text("no line is known: serve a repaired copy")
_NOTHING: Final = text("Every engine does with this folder what it would do with a repaired one.")


def remark(line: Workaround, style: Style) -> str:
    """How it is known that a line helps, or that it does not."""
    if not line.helps:
        return style.text("has no effect")
    return style.text("measured") if line.proof is Proof.MEASURED else style.text("read, not run")


def heading(helped: Helped, style: Style) -> str:
    """The engine, and what it does wrong."""
    return f"{helped.engine}: {style.words(_TROUBLES[helped.trouble])}"


def workarounds_text(report: WorkaroundReport, style: Style) -> str:
    """Lines to copy, whole, each with how it is known."""
    return "\n".join(_text_lines(report, style))


def _text_lines(report: WorkaroundReport, style: Style) -> Iterator[str]:
    if not report.helped:
        yield style.words(_NOTHING)
        return
    if report.copy:
        yield style.text("{name} is a repaired copy of the config files:", name=FIXED)
        yield f"{_INDENT}{show(report.copy)}"
        yield ""
    for number, helped in enumerate(report.helped):
        if number:
            yield ""
        yield style.mark(heading(helped, style), "bold")
        for line in helped.lines:
            mark = "" if line.helps else "red"
            yield f"{_INDENT}{show(line.line)}"
            yield style.mark(f"{_INDENT}{_INDENT}{remark(line, style)}", mark or "dim")
        if not helped.lines:
            yield f"{_INDENT}{style.words(_NONE)}"


def workarounds_json(report: WorkaroundReport) -> JsonValue:
    """All lines, by engine and by what is wrong."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "base": report.base,
        "copy": report.copy or None,
        "engines": [
            {
                "engine": helped.engine,
                "trouble": str(helped.trouble),
                "lines": [
                    {"line": line.line, "helps": line.helps, "proof": str(line.proof)}
                    for line in helped.lines
                ],
            }
            for helped in report.helped
        ],
    }


def workarounds_markdown(report: WorkaroundReport) -> str:
    """For an issue or a model card; in English."""
    style = Style()
    parts = ["### genfix: what helps without changing the folder"]
    if not report.helped:
        return "\n\n".join([*parts, style.words(_NOTHING)])
    if report.copy:
        said = style.text("{name} is a repaired copy of the config files:", name=f"`{FIXED}`")
        parts += [said, _fenced(report.copy)]
    for helped in report.helped:
        parts.append(f"**{heading(helped, style)}**")
        for line in helped.lines:
            parts += [f"{remark(line, style)}:", _fenced(line.line)]
        if not helped.lines:
            parts.append(style.words(_NONE))
    return "\n\n".join(parts)


def _fenced(line: str) -> str:
    return f"```\n{show(line)}\n```"


@dataclass(frozen=True, slots=True)
class _Line:
    line: str
    remark: str
    helps: bool


@dataclass(frozen=True, slots=True)
class _Part:
    title: str
    lines: tuple[_Line, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    target: str
    copy: str
    parts: tuple[_Part, ...]


def workarounds_page(report: WorkaroundReport, language: Language = Language.ENGLISH) -> str:
    """The page of ``genfix workarounds``."""
    from genfix.report.html.page import render_page  # noqa: PLC0415 - only for pages

    style = Style(language=language)
    parts = [
        _Part(
            heading(helped, style),
            tuple(_Line(show(line.line), remark(line, style), line.helps) for line in helped.lines),
        )
        for helped in report.helped
    ]
    return render_page("workarounds", language, _Page(show(report.target), show(report.copy), tuple(parts)))
