"""Engine views for people and for machines."""

import textwrap
from collections.abc import Iterator, Mapping

from genfix.api.engine_views import EngineReport
from genfix.engines.view import EngineView
from genfix.json_types import JsonValue
from genfix.report.json import SCHEMA_VERSION
from genfix.report.messages import words
from genfix.report.show import show, show_value
from genfix.report.style import Style

__all__ = ["engines_json", "engines_text"]

_INDENT = "    "


def engines_text(report: EngineReport, style: Style) -> str:
    """One paragraph per engine."""
    return "\n\n".join("\n".join(_lines(view, report.tokens, style)) for view in report.views)


def _lines(view: EngineView, tokens: Mapping[int, str], style: Style) -> Iterator[str]:
    state = "" if view.loads else style.mark(" does not load", "red")
    yield f"{style.mark(view.engine, 'bold')} {view.version}{state}"
    for problem in view.problems:
        yield from _wrapped(words(problem), style, "! ", "red")
    ids = [f"{token_id} {show(tokens.get(token_id, ''))}".rstrip() for token_id in view.stop_token_ids]
    if ids:
        yield from _wrapped(f"stops at {', '.join(ids)}", style)
    else:
        yield f"{_INDENT}stops at {style.mark('nothing', 'red')}"
    for step in view.trace:
        yield from _wrapped(words(step), style, "- ", "dim")
    if view.stop_strings:
        yield from _wrapped(f"stops at the texts {show_value([*view.stop_strings])}", style)
    if view.chat_template is None:
        yield f"{_INDENT}no chat template"
    else:
        yield f"{_INDENT}chat template of {show(view.chat_template.source)} ({view.chat_template.sha256[:12]})"
    if view.sampling:
        settings = ", ".join(f"{show(key)} {show_value(value)}" for key, value in view.sampling.items())
        yield from _wrapped(f"samples with {settings}", style)
    if view.context_length is not None:
        yield f"{_INDENT}context of {view.context_length} tokens"


def _wrapped(text: str, style: Style, bullet: str = "", colour: str = "") -> Iterator[str]:
    lines = textwrap.wrap(
        text,
        max(style.width, 40),
        initial_indent=_INDENT + bullet,
        subsequent_indent=_INDENT + " " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (style.mark(line, colour) if colour else line for line in lines)


def engines_json(report: EngineReport) -> JsonValue:
    """All views, by name of the engine."""
    return {"schema_version": SCHEMA_VERSION, "engines": [_view(view) for view in report.views]}


def _view(view: EngineView) -> JsonValue:
    template = view.chat_template
    return {
        "engine": view.engine,
        "version": view.version,
        "loads": view.loads,
        "stop_token_ids": list(view.stop_token_ids),
        "stop_strings": list(view.stop_strings),
        "sampling": dict(view.sampling),
        "chat_template": {"source": template.source, "sha256": template.sha256} if template else None,
        "context_length": view.context_length,
        "problems": [words(problem) for problem in view.problems],
        "trace": [words(step) for step in view.trace],
    }
