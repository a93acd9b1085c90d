"""The table of what classes of transformers build, one line at a time.

Data, written by ``dev/tools/module_table.py`` from a wheel, whose code never runs. As in the table of
releases, one line is one entry, and only the lines that a folder asks for are parsed.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.engines.shared.table_lines import entry, line_at
from genfix.json_types import JsonValue

_DATA: Final = Path(__file__).parents[1] / "data" / "modules.jsonl"


class Program(NamedTuple):
    """The ``__init__`` of a class."""

    name: str
    parameters: Sequence[str]
    defaults: Mapping[str, JsonValue]
    body: Sequence[JsonValue]


class ModelClass(NamedTuple):
    """A class of models."""

    name: str
    program: str
    """Where its ``__init__`` stands."""
    prefix: str = ""
    """Its ``base_model_prefix``."""
    tied: Mapping[str, str] = {}
    """Tensors that are others where ``tie_word_embeddings`` is true: regular expressions on either side."""
    may_miss: Sequence[str] = ()
    """Regular expressions: which absent tensors are no loss."""
    may_have: Sequence[str] = ()
    """Regular expressions: which further tensors are no surprise."""


class ConfigFacts(NamedTuple):
    """What a config class does beyond having fields."""

    names: Mapping[str, str] = {}
    """Other names of fields: its ``attribute_map``."""
    parts: Mapping[str, str] = {}
    """By field, the model type of a part; ``*`` before it where others may stand there."""
    computed: frozenset[str] = frozenset()
    """Fields that it fills in by itself, and properties."""
    forced: Mapping[str, JsonValue] = {}
    """Fields that have one value, whatever the file says."""


class Rename(NamedTuple):
    """One step of how names in a file become names of the class."""

    kind: str
    """``name``, ``group``, ``prefix``, ``merge`` (the same numbers, put together or taken apart), ``convert``
    (to other numbers); others are not known."""
    sources: Sequence[str]
    targets: Sequence[str]


class _Table(NamedTuple):
    release: str
    lines: bytes
    """All lines after the first; they are searched where they lie, since copies would cost more."""
    marks: Sequence[int]
    """Where every `_STEP`th program begins, and last where the other lines do."""
    programs: int
    """How many there are."""


_STEP: Final = 64


@cache
def _table() -> _Table:
    with _DATA.open("rb") as file:
        name, programs, marks = json.loads(file.readline())
        return _Table(name, file.read(), marks, programs)


def release() -> str:
    """The version of transformers that was read."""
    return _table().release


def _entry(name: str) -> Sequence[JsonValue] | None:
    table = _table()
    return entry(table.lines, name, table.marks[-1] - 1)


def _program(name: str) -> JsonValue:
    """What is called by its number: ``#12``."""
    table, number = _table(), name[1:]
    if not (name.startswith("#") and number.isdecimal() and int(number) < table.programs):
        return None
    mark, further = divmod(int(number), _STEP)
    start = table.marks[mark]
    for _ in range(further):
        start = table.lines.index(b"\n", start) + 1
    return [*line_at(table.lines, start)]


@cache
def program(name: str) -> Program | None:
    """The program called ``name``; `None` where there is none."""
    match _program(name):
        case [list(parameters), dict(defaults), list(body)]:
            whole = _whole(body)
            return Program(name, [*map(str, parameters)], defaults, whole if isinstance(whole, list) else [])
        case _:
            return None


def _whole(code: JsonValue) -> JsonValue:
    """A program as it is followed: the table has it in fewer letters."""
    match code:
        case str(name) if name.startswith("."):
            return [".", "config", name[1:]]
        case [".", left, str(text)]:
            return [".", _whole(left), text]
        case ["'", _]:
            return code
        case ["(", function, list(given)]:
            return ["(", _whole(function), _whole(given), {}]
        case [*parts]:
            return [_whole(part) for part in parts]
        case dict(parts):
            return {key: _whole(part) for key, part in parts.items()}
        case _:
            return code


@cache
def model_class(name: str) -> ModelClass | None:
    """The class called ``name``; `None` where the release has none."""
    match _entry(f"class {name}"):
        case [str(body), str(prefix), dict(tied), list(may_miss), list(may_have)]:
            return ModelClass(
                name,
                body,
                prefix,
                {key: str(value) for key, value in tied.items()},
                [*map(str, may_miss)],
                [*map(str, may_have)],
            )
        case _:
            return None


@cache
def class_for(auto: str, model_type: str) -> str | None:
    """The class that ``AutoModel`` or another such makes for a type; `None` where that is not known."""
    match _entry(f"auto {model_type}"):
        case [dict(names)]:
            found = names.get(auto)
            return found if isinstance(found, str) else None
        case _:
            return None


@cache
def config_facts(model_type: str) -> ConfigFacts:
    """What the config class of a type does; nothing where it is not known."""
    match _entry(f"config {model_type}"):
        case [dict(names), dict(parts), list(computed), dict(forced)]:
            return ConfigFacts(
                {key: str(name) for key, name in names.items()},
                {key: str(kind) for key, kind in parts.items()},
                frozenset(map(str, computed)),
                forced,
            )
        case _:
            return ConfigFacts()


@cache
def layer_types() -> Mapping[str, str]:
    """The names of kinds of layers, by those that older releases had for them."""
    match _entry("layer types"):
        case [dict(names)]:
            return {old: str(new) for old, new in names.items()}
        case _:
            return {}


@cache
def renames(owner: str) -> Sequence[Rename] | None:
    """How names in files become those of a class or model type; `None` where they are the same."""
    found = _entry(f"renames {owner}")
    if found is None:
        return None
    steps: list[Rename] = []
    for step in found:
        match step:
            case [str(kind), list(sources), list(targets)]:
                steps.append(Rename(kind, [*map(str, sources)], [*map(str, targets)]))
            case _:
                raise ValueError(step)  # the table is our own
    return steps
