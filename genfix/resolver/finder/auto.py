"""``--base auto``: the first base that the folder itself names, that is there, and that is proven."""

import os
import shlex
from pathlib import Path
from typing import Final

from genfix.errors import BaseModelError, GenfixError, RefusedError
from genfix.folder import LocalFolder, Progress
from genfix.model import Model
from genfix.resolver.finder.base import Base, resolve_base
from genfix.resolver.finder.lineage import stop_set, with_tokens
from genfix.resolver.finder.proof import is_proven, prove_parentage
from genfix.resolver.finder.traces import find_hints

__all__ = ["better_base", "find_base", "hint_note", "is_made_from"]

_MOST: Final = 8
"""Candidates that are opened at most: a stranger's recipe may name hundreds."""
_NAME_IT: Final = "name the base with --base FOLDER or --base org/name"
_LOOKED: Final = (
    "no args.json or adapter_config.json here or of a run beside it, no mergekit_config.yml, no _name_or_path in "
    "config.json, no training_args.yaml, and no model card with one base_model"
)
_PATHS: Final = (".", "/", "~")


def find_base(
    merged: Model,
    path: Path | None,
    adapter: Model | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> Base:
    """The base that the folder names, opened and proven; nobody has chosen its code.

    Raises `BaseModelError` where the folder names none, or none that is there and proven.
    """
    label = merged.folder.origin.label
    passed: list[str] = []
    opened = 0
    for hint in find_hints(merged, path, adapter):
        if hint.doubt or not hint.specs:
            passed.append(f"{hint.text} ({hint.source}): {hint.doubt or 'it is not on this machine'}")
            continue
        for spec in hint.specs[: _MOST - opened]:
            opened += 1
            try:
                base = _proven(merged, spec, offline=offline, progress=progress)
            except GenfixError as error:
                passed.append(f"{spec} ({hint.source}): {error.message}")
            else:
                return base._replace(notes=(*_told(passed), _taken(base, hint.source), *base.notes))
    if not passed:
        raise BaseModelError(f"nothing in {label} says which base it was made from: {_LOOKED}", _NAME_IT)
    raise BaseModelError(f"no base that {label} names can be taken: {'; '.join(passed)}", _NAME_IT)


def _told(passed: list[str]) -> list[str]:
    return [f"passed over as the base: {candidate}" for candidate in passed]


def _taken(base: Base, source: str) -> str:
    stops = stop_set(base.facts)
    said = f", which stops at {with_tokens(base.facts, stops)}" if stops else ""
    return f"the base is {base.folder.origin}{said}: {source} names it"


def _proven(merged: Model, spec: str, *, offline: bool, progress: Progress | None = None) -> Base:
    base = resolve_base(spec, offline=offline, near=merged.folder, by_hint=True, progress=progress)
    prove_parentage(merged, base.facts)
    if not is_proven(merged, base.facts):
        raise RefusedError("nothing in the two folders can be compared")
    return base


def hint_note(merged: Model, path: Path | None, adapter: Model | None = None) -> str | None:
    """What to type to judge against the base that the folder names; `None` where it names none."""
    hints = [hint for hint in find_hints(merged, path, adapter) if not hint.doubt]
    for hint in hints:
        if hint.specs:
            named = f"{hint.text} as the base" if hint.text != hint.specs[0] else "a base"
            return f"{hint.source} names {named}: add --base {shlex.quote(hint.specs[0])}"
    for hint in hints[:1]:
        return f"{hint.source} names {hint.text} as the base, which is not here: say where with --base"
    return None


def better_base(merged: Model, path: Path | None, adapter: Model | None, refused: Model) -> str | None:
    """The spec of a base that the folder names, other than the ``refused`` one.

    A folder is opened and proven first; nothing is asked over the network.
    """
    for hint in find_hints(merged, path, adapter):
        for spec in () if hint.doubt else hint.specs:
            if _repo(spec) == _repo(refused.folder.origin.label):
                continue
            if not spec.startswith(_PATHS):
                return spec
            try:
                _proven(merged, spec, offline=True)
            except GenfixError:
                continue
            return spec
    return None


def _repo(spec: str) -> str:
    """A repo's id without its revision: of one name on the Hub and on ModelScope neither is better."""
    return spec.removeprefix("hf://").removeprefix("ms://").partition("@")[0]


def is_made_from(base: Model, merged: Path) -> str | None:
    """The place where a base on this machine says that it was made from ``merged``; `None` where none does."""
    if not isinstance(base.folder, LocalFolder):
        return None
    for hint in find_hints(Model(base.folder), Path(os.path.abspath(base.folder.root))):  # noqa: PTH100 - links stay
        for spec in hint.specs:
            if spec.startswith(_PATHS) and _is_same(Path(spec), merged):
                return hint.source
    return None


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.expanduser().samefile(other)
    except (OSError, RuntimeError):
        return False
