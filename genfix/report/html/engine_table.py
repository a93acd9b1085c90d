"""What engines do: with the base, now, and after the change; engines that do the same share a row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from genfix.engines import EngineView
from genfix.engines.every import all_engines
from genfix.json_types import JsonValue, Missing
from genfix.report.html.page_values import Item
from genfix.report.style import Style
from genfix.show import show, show_value


class Fact(NamedTuple):
    """A setting that the plan changes for this engine."""

    name: str
    value: str


class EngineCell(NamedTuple):
    """One engine's view of one version of the folder."""

    problems: tuple[str, ...]
    loads: bool
    stops: tuple[Item, ...]
    stop_strings: tuple[str, ...]
    facts: tuple[Fact, ...]


class EngineRow(NamedTuple):
    """Engines that do the same."""

    names: tuple[str, ...]
    base: EngineCell | None
    now: EngineCell
    after: EngineCell | None
    """`None` where nothing changes for them."""


class Trace(NamedTuple):
    """Where one engine's answers come from."""

    name: str
    version: str
    now: tuple[str, ...]
    after: tuple[str, ...]
    """Empty where it is as now."""


def engine_name(name: str) -> str:
    """The engine's name as its makers write it."""
    engine = all_engines().get(name)
    return engine.title if engine is not None else show(name)


def engine_rows(
    base: Mapping[str, EngineView],
    now: Mapping[str, EngineView],
    after: Mapping[str, EngineView],
    tokens: Mapping[int, str],
    style: Style,
) -> tuple[EngineRow, ...]:
    """A row for all engines that read the folder alike; ``base`` and ``after`` may be empty."""
    groups: dict[tuple[EngineCell | None, EngineCell, EngineCell | None], list[str]] = {}
    for name, view in now.items():
        facts = _differing(view, after.get(name, view), style)
        theirs, ours, then = (
            _cell(each, facts, before, tokens, style) if each is not None else None
            for each, before in ((base.get(name), None), (view, None), (after.get(name), view))
        )
        if ours is None:
            continue
        changed = then is not None and then != _cell(view, facts, view, tokens, style)
        groups.setdefault((theirs, ours, then if changed else None), []).append(engine_name(name))
    rows = [EngineRow(tuple(names), *cells) for cells, names in groups.items()]
    return tuple(sorted(rows, key=lambda row: row.after is None))


def traces(now: Mapping[str, EngineView], after: Mapping[str, EngineView], style: Style) -> tuple[Trace, ...]:
    """Every engine's reasons, now and afterwards."""
    found = []
    for name, view in now.items():
        ours, then = (tuple(map(style.words, each.trace)) for each in (view, after.get(name, view)))
        found.append(Trace(engine_name(name), show(view.version), ours, then if then != ours else ()))
    return tuple(found)


def _facts(view: EngineView, style: Style) -> Iterator[tuple[str, JsonValue | Missing]]:
    length, template = view.context_length, view.chat_template
    yield style.text("context length"), length if length is not None else Missing.MISSING
    source = f"{template.source} ({template.sha256[:12]})" if template is not None else Missing.MISSING
    yield style.text("chat template"), source
    yield from view.sampling.items()


def _differing(now: EngineView, after: EngineView, style: Style) -> tuple[str, ...]:
    """The names of the facts in which the two views differ."""
    ours, then = dict(_facts(now, style)), dict(_facts(after, style))
    return tuple(name for name in ours | then if repr(ours.get(name)) != repr(then.get(name)))


def _cell(
    view: EngineView, facts: Sequence[str], before: EngineView | None, tokens: Mapping[int, str], style: Style
) -> EngineCell:
    known = dict(_facts(view, style))
    return EngineCell(
        problems=tuple(style.words(problem.message) for problem in view.problems),
        loads=view.loads,
        stops=tuple(
            Item(
                str(stop),
                show(tokens.get(stop, "")),
                before is not None and stop not in before.stop_token_ids,
            )
            for stop in sorted(view.stop_token_ids)
        ),
        stop_strings=tuple(show_value(text) for text in view.stop_strings),
        facts=tuple(Fact(show(name), _fact(known.get(name, Missing.MISSING), style)) for name in facts),
    )


def _fact(value: JsonValue | Missing, style: Style) -> str:
    if isinstance(value, Missing):
        return style.text("not set")
    return show(value) if isinstance(value, str) else show_value(value)
