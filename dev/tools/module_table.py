"""Writes the table of which modules the model classes of transformers build, and how it renames tensors.

    python -m dev.tools.module_table genfix/engines/data/modules.jsonl WHEEL

The wheel's code is read as text and never runs. The first line has the release, how many programs there are,
and where every 64th of them and the other lines begin; then, one line an entry:

- ``[parameters, their defaults, program]``: an ``__init__``, as ``dev/tools/module_code.py`` writes it;
  others call it ``#N`` by its place, which begins with 0. Classes that build the same share one, and
  attributes that no other line asks for, or that only repeat something, are left out;
- ``["class NAME", its program, base_model_prefix, tied tensors, patterns that may be missing, that may be
  there]``;
- ``["auto TYPE", {auto class: class}]``, ``["config TYPE", {other name: field}, {field: type of the part},
  fields that the class computes, {field: the value that it has whatever the file says}]``;
- ``["layer types", {older name: name}]``;
- ``["renames CLASS or TYPE", [kind, patterns, replacements], ...]``.
"""

import ast
import json
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Final

from dev.tools.line_order import compact
from dev.tools.module_configs import config_lines
from dev.tools.module_pruning import asked, pruned, references
from dev.tools.module_release import NOTHING, ClassOf, Release
from dev.tools.module_renames import rename_lines
from dev.tools.module_shortening import shortened
from genfix.json_types import JsonValue

__all__ = ["main"]

_AUTO: Final = "transformers/models/auto/modeling_auto.py"
_STEP: Final = 64
_RENAMES: Final = "transformers/conversion_mapping.py"


class _Programs:
    """Programs by number, those that are equal under one."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.keys: dict[tuple[str, str], JsonValue] = {}
        self.group: dict[tuple[str, str], int] = {}

    def make(self) -> None:
        """Prune and number, until nothing becomes shorter."""
        for file, classes in self.release.files.items():
            for name, written in classes.items():
                if written.body is not None:
                    body = self._linked(written.body, ClassOf(file, written))
                    self.keys[file, name] = [[*written.parameters], {**written.defaults}, body]
        self.group = {key: number for number, key in enumerate(self.keys)}
        while self._prune():
            pass
        self._number()

    def _prune(self) -> bool:
        """One round; whether anything became shorter."""
        taken = {f"#{self.group[key]}": _taken(program) for key, program in self.keys.items()}
        changed = False
        for key, program in self.keys.items():
            spelled = self.spelled(program)
            assert isinstance(spelled, list)
            parameters, defaults, body = spelled
            assert isinstance(body, list)
            shorter: JsonValue = pruned(body, self.release.used[key], taken)
            changed = changed or shorter != body
            named, given = _needed(parameters, defaults, shorter)
            self.keys[key] = [named, self._referring(given), self._referring(shorter)]
        return changed

    def _referring(self, code: JsonValue) -> JsonValue:
        """The opposite of `spelled`."""
        match code:
            case str(name) if name.startswith("#"):
                return {"#": [*self.by_number[int(name[1:])]]}
            case ["'", _]:
                return code
            case [*parts]:
                return [self._referring(part) for part in parts]
            case dict(parts):
                return {key: self._referring(part) for key, part in parts.items()}
            case _:
                return code

    @cached_property
    def by_number(self) -> Mapping[int, tuple[str, str]]:
        """The classes by their first numbers."""
        return {number: key for key, number in self.group.items()}

    def _number(self) -> None:
        """Equal programs get one number."""
        self.group = dict.fromkeys(self.keys, 0)
        while True:
            forms: dict[str, int] = {}
            now = {
                key: forms.setdefault(json.dumps(self.spelled(program)), len(forms))
                for key, program in self.keys.items()
            }
            is_stable = len(set(now.values())) == len(set(self.group.values()))
            self.group = now
            if is_stable:
                return

    def spelled(self, code: JsonValue) -> JsonValue:
        """A program with the numbers of those it refers to."""
        match code:
            case {"#": [str(file), str(name)]}:
                return f"#{self.group[file, name]}"
            case [*parts]:
                return [self.spelled(part) for part in parts]
            case dict(parts):
                return {key: self.spelled(part) for key, part in parts.items()}
            case _:
                return code

    def _linked(self, code: JsonValue, of: ClassOf) -> JsonValue:
        """A program in which classes are references."""
        match code:
            case ["'", _]:
                return code
            case str(name) if name in (known := self.release.constants[of.file]):
                return self._linked(known[name], of)
            case str(name) if name[:1].isupper():
                return self._reference(name, of)
            case ["super", str(base), given, named]:
                return self._linked_super(base, [self._linked(given, of), self._linked(named, of)], of)
            case ["(", str(name), given, named] if not name.startswith(("@", "nn.", "torch.")):
                return ["(", self._reference(name, of), self._linked(given, of), self._linked(named, of)]
            case [*parts]:
                return [self._linked(part, of) for part in parts]
            case dict(parts):
                return {key: self._linked(part, of) for key, part in parts.items()}
            case _:
                return code

    def _reference(self, name: str, of: ClassOf) -> JsonValue:
        if name in self.release.torch[of.file] and name not in self.release.files[of.file]:
            return f"nn.{name}"
        found = self.release.find(name, of.file)
        if found is None or self.release.is_model(found):
            return name
        built = self.release.builder(found)
        if isinstance(built, ClassOf):
            return {"#": [built.file, built.written.name]}
        return built or ("nn.Identity" if built == "" else "nn.?")

    def _linked_super(self, base: str, arguments: list[JsonValue], of: ClassOf) -> JsonValue:
        if base:
            found = self.release.find(base, of.file)
            built = (
                ""
                if base in NOTHING or base.endswith("Mixin")
                else self.release.builder(found)
                if found
                else None
            )
        else:
            built = self.release.base_builder(of)
        if built == "":
            return ["super", "", [], {}]
        if isinstance(built, ClassOf):
            return ["super", {"#": [built.file, built.written.name]}, *arguments]
        return ["super", built, *arguments] if built else ["open"]


def _taken(program: JsonValue) -> frozenset[str] | None:
    """The arguments that a program asks for; `None` where it builds nothing."""
    match program:
        case [list(parameters), _, []]:
            return None
        case [list(parameters), _, list(body)]:
            found: set[str] = set()
            asked([*body], found)
            return frozenset(name for name in map(str, parameters) if name in found)
        case _:
            raise ValueError(program)


def _needed(parameters: JsonValue, defaults: JsonValue, body: JsonValue) -> tuple[JsonValue, JsonValue]:
    """The arguments that a program asks for; the others keep their places, where others follow."""
    assert isinstance(parameters, list)
    assert isinstance(defaults, dict)
    found: set[str] = set()
    asked(body, found)
    names = [name if name in found else "_" for name in map(str, parameters)]
    while names and names[-1] == "_":
        names.pop()
    return [*names], {name: value for name, value in defaults.items() if name in names}


def main(out: Path, wheel: Path) -> int:
    """Write the table; the exit code."""
    archive = zipfile.ZipFile(wheel)
    release = Release(archive)
    programs = _Programs(release)
    programs.make()
    classes = [*_classes(release, programs)]
    bodies: list[list[JsonValue]] = []
    needed = _reachable(programs, [str(line[1]) for line in classes])
    for key, number in sorted({n: k for k, n in programs.group.items()}.items()):
        if f"#{key}" in needed:
            spelled = programs.spelled(programs.keys[number])
            assert isinstance(spelled, list)
            bodies.append([f"#{key}", *map(_short, spelled)])
    asked_for = {name for line in bodies for name in _autos(line)}
    others: list[JsonValue] = [*classes]
    others += _auto_lines(ast.parse(archive.read(_AUTO)), asked_for)
    others += config_lines(archive)
    others += rename_lines(ast.parse(archive.read(_RENAMES)))
    lines = shortened(bodies, others)
    head = compact([wheel.name.split("-")[1], len(bodies), _marks(lines, len(bodies))])
    text = "".join(f"{line}\n" for line in [head, *lines])
    out.write_text(text, "utf-8")
    print(f"{len(classes)} classes, {len(lines)} lines, {len(text)} bytes")
    return 0


def _marks(lines: Sequence[str], programs: int) -> list[JsonValue]:
    """In bytes: where every 64th program begins, after the first line, and where the other lines do."""
    starts = [0, *accumulate(len(line.encode()) + 1 for line in lines)]
    return [*starts[:programs:_STEP], starts[programs]]


def _classes(release: Release, programs: _Programs) -> Iterator[list[JsonValue]]:
    for name, of in sorted(release.everywhere.items()):
        if not release.is_model(of) or name.endswith("PreTrainedModel"):
            continue
        built = release.builder(of)
        if not isinstance(built, ClassOf):
            continue
        tied = release.fact(of, "_tied_weights_keys")
        yield [
            f"class {name}",
            f"#{programs.group[built.file, built.written.name]}",
            str(release.fact(of, "base_model_prefix") or ""),
            tied if isinstance(tied, dict) else {},
            _patterns(release.fact(of, "_keys_to_ignore_on_load_missing")),
            _patterns(release.fact(of, "_keys_to_ignore_on_load_unexpected")),
        ]


def _patterns(found: JsonValue) -> list[JsonValue]:
    """In one order: the code may have them in a set."""
    return [*sorted(map(str, found))] if isinstance(found, list) else []


def _reachable(programs: _Programs, roots: Sequence[str]) -> set[str]:
    by_number = {f"#{number}": key for key, number in programs.group.items()}
    found: set[str] = set()
    left = [*roots]
    while left:
        name = left.pop()
        if name not in found and name in by_number:
            found.add(name)
            left += references(programs.spelled(programs.keys[by_number[name]]))
    return found


def _short(code: JsonValue) -> JsonValue:
    """A program in fewer letters: ``.x`` for ``config.x``, and calls without their empty named arguments."""
    match code:
        case ["'", _]:
            return code
        case [".", "config", str(name)]:
            return f".{name}"
        case ["(", function, given, {}] if code[3] == {}:
            return ["(", _short(function), _short(given)]
        case [*parts]:
            return [_short(part) for part in parts]
        case dict(parts):
            return {key: _short(part) for key, part in parts.items()}
        case _:
            return code


def _autos(code: JsonValue) -> Iterator[str]:
    """The auto classes that a program asks."""
    match code:
        case str(name) if name.startswith("Auto"):
            yield name.partition(".")[0]
        case [*parts]:
            for part in parts:
                yield from _autos(part)
        case _:
            pass


def _auto_lines(tree: ast.Module, asked_for: Collection[str]) -> list[JsonValue]:
    """Which class an auto class makes, by type, of those that are asked."""
    tables: dict[str, dict[str, str]] = {}
    autos: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[ast.List(elts=pairs)])):
                tables[name] = {
                    str(pair.elts[0].value): str(pair.elts[1].value)
                    for pair in pairs
                    if isinstance(pair, ast.Tuple)
                    and all(isinstance(part, ast.Constant) for part in pair.elts)
                    and isinstance(pair.elts[0], ast.Constant)
                    and isinstance(pair.elts[1], ast.Constant)
                }
            case ast.ClassDef(name=name, body=body):
                for part in body:
                    match part:
                        case ast.Assign(targets=[ast.Name(id="_model_mapping")], value=ast.Name(id=mapping)):
                            autos[name] = f"{mapping}_NAMES"
                        case _:
                            pass
            case _:
                pass
    by_type: dict[str, dict[str, JsonValue]] = {}
    for auto, table in autos.items():
        for kind, name in tables.get(table, {}).items() if auto.lstrip("_") in asked_for else ():
            by_type.setdefault(kind, {})[auto.lstrip("_")] = name
    return [[f"auto {kind}", names] for kind, names in sorted(by_type.items())]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
