"""Engine views for people and for machines."""

from collections.abc import Iterator, Mapping

from genfix.api.engine_views import EngineReport
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.report.json import SCHEMA_VERSION
from genfix.report.layout import wrap
from genfix.report.style import Style
from genfix.rules.core.json_form import view_json
from genfix.show import show, show_value

_INDENT = "    "


def engines_text(report: EngineReport, style: Style) -> str:
    """One paragraph per engine."""
    return "\n\n".join("\n".join(_lines(view, report.tokens, style)) for view in report.views)


def _lines(view: EngineView, tokens: Mapping[int, str], style: Style) -> Iterator[str]:
    state = "" if view.loads else style.mark(f" {style.text('does not load')}", "red")
    yield f"{style.mark(view.engine, 'bold')} {view.version}{state}"
    for problem in view.problems:
        yield from _wrapped(style.words(problem.message), style, "! ", "red")
    ids = [f"{token_id} {show(tokens.get(token_id, ''))}".rstrip() for token_id in view.stop_token_ids]
    separator = style.text(", ")
    stops = separator.join(ids) or style.text("nothing")
    yield from _wrapped(style.text("stops at {stops}", stops=stops), style, color="" if ids else "red")
    for step in view.trace:
        yield from _wrapped(style.words(step), style, "- ", "dim")
    if view.stop_strings:
        yield from _wrapped(style.text("stops at the texts {texts!r}", texts=[*view.stop_strings]), style)
    template = view.chat_template
    yield from _wrapped(
        style.text(
            "chat template of {source} ({digest})", source=template.source, digest=template.sha256[:12]
        )
        if template is not None
        else style.text("no chat template"),
        style,
    )
    if view.sampling:
        settings = separator.join(f"{show(key)} {show_value(value)}" for key, value in view.sampling.items())
        yield from _wrapped(style.text("samples with {settings}", settings=settings), style)
    if view.context_length is not None:
        yield from _wrapped(
            style.text("context of {count} token", "context of {count} tokens", count=view.context_length),
            style,
        )


def _wrapped(text: str, style: Style, bullet: str = "", color: str = "") -> Iterator[str]:
    for line in wrap(text, style.room, _INDENT + bullet, _INDENT + " " * len(bullet)):
        yield style.mark(line, color) if color else line


def engines_json(report: EngineReport) -> JsonValue:
    """All views, by name of the engine."""
    return {"schema_version": SCHEMA_VERSION, "engines": [_view(view) for view in report.views]}


def _view(view: EngineView) -> JsonValue:
    return {"engine": view.engine, "version": view.version, "loads": view.loads, **view_json(view)}
