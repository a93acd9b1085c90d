"""The page of a sweep: the whole zoo in one picture, then by rule, tool and base, and the worst by name."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from genfix.language import Language
from genfix.message import Message
from genfix.report.html.page import render_page
from genfix.report.style import Style
from genfix.report.sweep_text import STATE_NAMES, first_words, label, sweep_verdict
from genfix.show import show
from genfix.zoo.store import Count
from genfix.zoo.store_report import STATES, Group, SweepReport, state_of

_MOST_TILES: Final = 4000
_MOST_BARS: Final = 15


class Tile(NamedTuple):
    """One folder, or a few neighbors of which the worst is shown."""

    x: int
    y: int
    state: str
    title: str


class Piece(NamedTuple):
    """A part of a bar; places are in percent of its width."""

    state: str
    at: float
    width: float


class Bar(NamedTuple):
    """A row of a plot."""

    label: str
    pieces: tuple[Piece, ...]
    number: str
    said: str
    """The numbers in words, for those who do not see it."""


class Plot(NamedTuple):
    """Bars under one title."""

    title: str
    bars: tuple[Bar, ...]


class Row(NamedTuple):
    """A folder of the table."""

    path: str
    state: str
    word: str
    first: str
    message: str
    base: str
    maker: str


class SweepPage(NamedTuple):
    """All that the page shows."""

    verdict: str
    tone: str
    store: str
    repaired: int
    key: tuple[tuple[str, str, str], ...]
    """State, word and number, worst first."""
    tiles: tuple[Tile, ...]
    columns: int
    lines: int
    each: int
    """Folders that one tile stands for, at most."""
    plots: tuple[Plot, ...]
    rows: tuple[Row, ...]


def sweep_page(report: SweepReport, lang: Language = Language.ENGLISH, *, is_part: bool = False) -> str:
    """The page, as one HTML file, or as a part of one."""
    style = Style(language=lang)
    tiles, columns, each = _tiles(report.tiles, style)
    endless, broken, worse, _, failed = report.all.folders
    rules = Plot(style.text("By rule, in folders"), _rule_bars(report.rules))
    tools = Plot(style.text("By the tool that made them"), _bars(report.makers, style))
    bases = Plot(style.text("By base"), _bars(report.bases, style))
    return render_page(
        "sweep",
        lang,
        SweepPage(
            style.words(sweep_verdict(report)),
            "bad" if endless or broken or failed else "attention" if worse else "good",
            show(report.store),
            report.repaired,
            tuple(
                (state, style.words(STATE_NAMES[state]), f"{number:,}")
                for state, number in zip(STATES, report.all.folders, strict=True)
            ),
            tiles,
            columns,
            math.ceil(len(tiles) / columns) if tiles else 0,
            each,
            tuple(plot for plot in (rules, tools, bases) if plot.bars),
            tuple(
                Row(
                    show(one.path),
                    state_of(one),
                    style.words(STATE_NAMES[state_of(one)]),
                    first_words(one) if one.findings else "",
                    show(one.findings[0].message if one.findings else one.message),
                    show(one.base or one.named_base),
                    show(one.made_by),
                )
                for one in report.worst
            ),
        ),
        like="many",
        is_part=is_part,
    )


def _tiles(folders: Sequence[tuple[str, str]], style: Style) -> tuple[tuple[Tile, ...], int, int]:
    """The folders in the order of their paths, so that neighbors on the disk are neighbors here."""
    each = max(1, math.ceil(len(folders) / _MOST_TILES))
    number = math.ceil(len(folders) / each)
    # Two and a half times as wide as high, as a page has room.
    columns = max(1, math.ceil(math.sqrt(number * 2.5)))
    tiles: list[Tile] = []
    for place in range(number):
        near = folders[place * each : (place + 1) * each]
        # Of neighbors the worst; that nobody could judge one hides no harm of another.
        path, state = min(near, key=lambda folder: STATES.index(folder[1]) if folder[1] != "failed" else 2.5)
        title = f"{show(path)}{style.text(': ')}{style.words(STATE_NAMES[state])}"
        tiles.append(Tile(place % columns, place // columns, state, title))
    return tuple(tiles), columns, each


def _bars(groups: Sequence[Group], style: Style) -> tuple[Bar, ...]:
    shown = groups[:_MOST_BARS]
    most = max((group.total for group in shown), default=1)
    return tuple(_bar(group, most, style) for group in shown)


def _bar(group: Group, most: int, style: Style) -> Bar:
    pieces: list[Piece] = []
    at = 0.0
    for state, number in zip(STATES, group.folders, strict=True):
        if number:
            width = number / most * 100
            pieces.append(Piece(state, round(at, 3), round(width, 3)))
            at += width
    words: list[Message | str] = [
        f"{number:,} {style.words(STATE_NAMES[state])}"
        for state, number in zip(STATES, group.folders, strict=True)
        if number
    ]
    return Bar(label(group, style), tuple(pieces), f"{group.total:,}", style.text(", ").join(map(str, words)))


def _rule_bars(rules: Sequence[Count]) -> tuple[Bar, ...]:
    most = max((count.folders for count in rules), default=1)
    return tuple(
        Bar(
            count.label,
            (Piece(count.worst, 0.0, round(count.folders / most * 100, 3)),),
            f"{count.folders:,}",
            f"{count.folders:,}",
        )
        for count in rules[:_MOST_BARS]
    )
