"""The table of modules in fewer letters, with the same meaning: attributes that only repeat something else
are written out where they are asked for, and programs are numbered in the order of their lines.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dev.tools.line_order import alike, compact
from genfix.json_types import JsonValue

__all__ = ["shortened"]

_NUMBER: Final = re.compile(r'"(#\d+)"')
_TARGET: Final = re.compile(r'\["=","(@?\w+)"')


def shortened(programs: Sequence[list[JsonValue]], others: Sequence[JsonValue]) -> list[str]:
    """The lines of both: of programs without their numbers, which are their places."""
    asked, bases = {*_attributes([*programs])}, {*_bases([*programs])}
    plain = [line if line[0] in bases else _without_copies(line, asked) for line in programs]
    ordered = alike([compact(line) for line in sorted(plain, key=lambda line: compact(line[1:]))])
    numbers = {line[2 : line.index('",')]: f"#{place}" for place, line in enumerate(ordered)}
    lines = (*(f"[{line[line.index(',') + 1 :]}" for line in ordered), *map(compact, others))
    return [_NUMBER.sub(lambda found: f'"{numbers[found[1]]}"', line) for line in lines]


def _without_copies(line: list[JsonValue], asked: set[str]) -> list[JsonValue]:
    """Without attributes that are set once, to a field of the config or an argument, and that nobody else
    asks for. A program that others run on their own object, or that changes its config, stays as it is.
    """
    name, parameters, defaults, body = line
    assert isinstance(body, list)
    if any(_is_of_more(statement) for statement in body):
        return line
    count = Counter(_TARGET.findall(compact(body)))
    known: dict[str, str] = {}
    kept: list[JsonValue] = []
    for statement in body:
        match statement:
            case ["=", str(target), str(value)] if (
                target.startswith("@")
                and count[target] == 1
                and target[1:] not in asked
                and (value.startswith(".") or (value.isidentifier() and not count[value]))
            ):
                known[target] = value
            case ["=", target, value]:
                kept.append(["=", target, _written_out(value, known)])
            case _:
                kept.append(_written_out(statement, known))
    return [name, parameters, defaults, kept]


def _is_of_more(statement: JsonValue) -> bool:
    match statement:
        case ["super", *_] | ["set", *_] | ["del", *_]:
            return True
        case ["=", [".", *_], _] | ["=[", *_]:
            return True
        case ["=", str(target), _]:
            return target.startswith(".")
        case ["if" | "for", *parts]:
            return any(_is_of_more(inner) for part in parts if isinstance(part, list) for inner in part)
        case _:
            return False


def _written_out(code: JsonValue, known: Mapping[str, str]) -> JsonValue:
    match code:
        case str(name):
            return known.get(name, name)
        case ["'", _]:
            return code
        case [*parts]:
            return [_written_out(part, known) for part in parts]
        case dict(parts):
            return {key: _written_out(part, known) for key, part in parts.items()}
        case _:
            return code


def _attributes(code: JsonValue) -> Iterator[str]:
    """What is asked of objects, by name."""
    match code:
        case [".", held, str(name)]:
            yield name
            yield from _attributes(held)
        case ["(", "getattr" | "hasattr", [_, ["'", str(name)], *_], *_]:
            yield name
        case [*parts]:
            for part in parts:
                yield from _attributes(part)
        case dict(parts):
            for part in parts.values():
                yield from _attributes(part)
        case _:
            pass


def _bases(code: JsonValue) -> Iterator[str]:
    """The programs that others begin with."""
    match code:
        case ["super", str(name), *_]:
            yield name
        case [*parts]:
            for part in parts:
                yield from _bases(part)
        case _:
            pass
