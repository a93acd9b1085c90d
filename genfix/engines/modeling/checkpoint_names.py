"""The names that tensors of a file get while transformers 5 loads them: ``core_model_loading.py`` in short.

Names of one form (equal but for their numbers) are renamed once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from genfix.engines.modeling.module_lines import Rename, renames
from genfix.engines.modeling.module_nodes import Node

__all__ = ["Renamed", "Renamer"]

_NUMBER: Final = re.compile(r"(?<=\.)\d+(?=\.|$)")


_LITERAL: Final = re.compile(r"(?<![\\{\w])\d")
"""A number that a pattern asks for."""


class Renamed(NamedTuple):
    """What became of one name."""

    names: tuple[str, ...]
    """The names of the class that the tensor is for: more than one where it is taken apart."""
    source: str = ""
    """The pattern by which it is converted; empty where its values stay as they are."""
    siblings: int = 1
    """How many patterns the conversion needs."""
    keeps_all: bool = True
    """Whether the numbers are those of the file, elsewhere."""


class _Step:
    """One rename, compiled as `WeightTransform` does."""

    def __init__(self, rename: Rename, scope: str | None, prefix: str) -> None:
        self.kind = rename.kind
        self.targets = [_as_target(target) for target in rename.targets]
        groups = {group for target in rename.targets if (group := _group(target))}
        self.sources = [
            _as_source(source, rename, place, groups) for place, source in enumerate(rename.sources)
        ]
        self.scope, self.prefix = scope, prefix
        self.pattern = _compiled(tuple(self.sources))
        self.is_active = self.kind != "group"

    def apply(self, name: str) -> tuple[str, int]:
        """The new name and the number of the source that matched; -1 where none did."""
        before, rest = self._scoped(name)
        found = self.pattern.search(rest) if before is not None else None
        if found is None:
            return name, -1
        group = next(key for key, value in found.groupdict().items() if value is not None)
        place = int(group[1:])
        if self.kind == "group":
            self.is_active = self.is_active or place == 0
            if not self.is_active:
                return name, -1
        target = self.targets[place] if self.kind == "group" else self.targets[0]
        start = self.pattern.groupindex[group]
        target = re.sub(r"\\(\d)", lambda match: found.group(start + int(match[1])) or "", target)
        return (before or "") + rest.replace(found.group(0), target, 1), place

    def _scoped(self, name: str) -> tuple[str | None, str]:
        if self.scope is None:
            return "", name
        scope = f"{self.scope}." if self.scope else ""
        prefix = f"{self.prefix}." if self.prefix else ""
        for start in (prefix + scope, scope):
            if name.startswith(start):
                return start, name[len(start) :]
        return None, name


def _group(target: str) -> str:
    target = re.sub(r"\(\?.+?\)?\)", "", target.removeprefix("^"))
    found = re.search(r"\(.+?\)", target)
    return found[0] if found else ""


def _as_target(target: str) -> str:
    target = re.sub(r"\(\?.+?\)?\)", "", target.removeprefix("^"))
    group = _group(target)
    if group:
        target = target.replace(group, r"\1", 1)
    return target.replace(r"\.", ".")


def _as_source(source: str, rename: Rename, place: int, groups: set[str]) -> str:
    if r"\1" in source and groups:
        source = source.replace(r"\1", next(iter(groups)), 1)
    if len(rename.sources) == len(rename.targets) and rename.targets[place].startswith("^"):
        source = source if source.startswith("^") else f"^{source}"
    return source


def _compiled(sources: Sequence[str]) -> re.Pattern[str]:
    branches: list[str] = []
    for place, source in sorted(enumerate(sources), key=lambda item: -len(item[1])):
        pattern = source.replace("*.", r".*\.")
        if re.search(r"[a-zA-Z0-9]$", pattern):
            pattern += r"(?!\w)"
        branches.append(f"(?P<g{place}>{pattern})")
    return re.compile("|".join(branches))


class Renamer:
    """All renames of one model, whose modules are models of their own by ``models``."""

    def __init__(self, prefix: str, models: Mapping[str, Node], names: Mapping[str, object]) -> None:
        self.prefix, self.names = prefix, names
        self.is_known = True
        """Whether all steps are of a known kind."""
        self.renamings: list[_Step] = []
        self.converters: list[_Step] = []
        self._patterns: dict[str, _Step] = {}
        for step, scope in _collected(prefix, models):
            if (
                step.kind not in ("name", "group", "merge", "convert", "prefix")
                or not step.sources
                or not step.targets
            ):
                self.is_known = False
                continue
            made = _Step(step, scope, prefix)
            (self.converters if step.kind in ("merge", "convert") else self.renamings).append(made)
        self._forms: dict[str, Renamed] = {}
        patterns = [source for step in (*self.renamings, *self.converters) for source in step.sources]
        self._has_numbers = any(_LITERAL.search(pattern) for pattern in patterns)

    def become(self, name: str) -> Renamed:
        """What becomes of ``name``."""
        numbers = [] if self._has_numbers else _NUMBER.findall(name)
        form = _NUMBER.sub("0", name) if numbers else name
        found = self._forms.get(form)
        if found is None:
            found = self._forms[form] = self._renamed(_marked(name) if numbers else name)
        if not numbers:
            return found._replace(names=tuple(self._prefixed(each) for each in found.names))
        filled = (re.sub(r"7700\d\d", lambda match: numbers[int(match[0][4:])], each) for each in found.names)
        return found._replace(names=tuple(self._prefixed(each) for each in filled))

    def _renamed(self, name: str) -> Renamed:
        new = name
        for step in self.renamings:
            new, _ = step.apply(new)
        for step in self.converters:
            merged, place = step.apply(new)
            if place >= 0:
                first = step.targets[0]
                names = tuple(merged.replace(first, target) for target in step.targets)
                return Renamed(names, step.sources[place], len(step.sources), step.kind == "merge")
        return Renamed((new,))

    def _prefixed(self, name: str) -> str:
        """With the prefix of the model below the head put on or taken off, as the class needs it."""
        if not self.prefix:
            return name
        if name.startswith(self.prefix):
            short = re.sub(f"^{self.prefix}.", "", name, count=1)
            if short in self.names:
                return short
        long = f"{self.prefix}.{name}"
        return long if long in self.names else name


def _marked(name: str) -> str:
    """With each number replaced by one that says which it is."""
    places = iter(range(100))
    return _NUMBER.sub(lambda _: f"7700{next(places):02}", name)


def _collected(prefix: str, models: Mapping[str, Node]) -> Iterator[tuple[Rename, str | None]]:
    """The steps of a model and of the models in it, as ``get_model_conversion_mapping`` collects them."""
    seen: dict[str, list[str]] = {}

    def is_seen(identity: str, path: str) -> bool:
        return any(not claimed or path.startswith(f"{claimed}.") for claimed in seen.get(identity, ()))

    for path, node in models.items():
        if is_seen(node.owner, path):
            continue
        steps = renames(node.owner)
        by_class = steps is not None
        if steps is None and node.model_type:
            if is_seen(node.model_type, path):
                continue
            steps = renames(node.model_type)
        if steps is None:
            continue
        scope = path.removeprefix(prefix).removeprefix(".") if path else None
        yield from ((step, scope) for step in steps)
        seen.setdefault(node.owner, []).append(path)
        if not by_class and node.model_type:
            seen.setdefault(node.model_type, []).append(path)
    yield from ((step, None) for step in renames("legacy") or ())
