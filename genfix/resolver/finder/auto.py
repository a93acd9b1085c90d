"""``--base auto``: the first base that the folder itself names, that is there, and that is proven."""

import os
import shlex
from pathlib import Path
from typing import Final

from genfix.errors import BaseModelError, GenfixError, RefusedError
from genfix.folder import LocalFolder, Progress
from genfix.message import Arg, Message, text
from genfix.model import Model
from genfix.resolver.finder.base import ResolvedBase, resolve_base
from genfix.resolver.finder.lineage import stop_set, with_tokens
from genfix.resolver.finder.proof import is_proven, prove_parentage
from genfix.resolver.finder.traces import find_traces

_MOST: Final = 8
"""Candidates that are opened at most: a stranger's recipe may name hundreds."""
_NAME_IT: Final = text("name the base with --base FOLDER or --base org/name")
_PATHS: Final = (".", "/", "~")


def find_base(
    merged: Model,
    path: Path | None,
    adapter: Model | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> ResolvedBase:
    """The base that the folder names, opened and proven; nobody has chosen its code.

    Raises `BaseModelError` where the folder names none, or none that is there and proven.
    """
    label = merged.folder.origin.label
    passed: list[Message] = []
    opened = 0
    for trace in find_traces(merged, path, adapter):
        if trace.objection or not trace.specs:
            why = trace.objection or text("it is not on this machine")
            passed.append(text("{base} ({source}): {why}", base=trace.text, source=trace.source, why=why))
            continue
        for spec in trace.specs[: _MOST - opened]:
            opened += 1
            try:
                base = _proven(merged, spec, offline=offline, progress=progress)
            except GenfixError as error:
                passed.append(
                    text("{base} ({source}): {why}", base=spec, source=trace.source, why=error.said)
                )
            else:
                skipped = [text("passed over as the base: {candidate}", candidate=one) for one in passed]
                return base._replace(notes=(*skipped, _taken(base, trace.source), *base.notes))
    if not passed:
        raise BaseModelError(
            "nothing in {folder} says which base it was made from: no args.json or "
            "adapter_config.json here or of a run beside it, no mergekit_config.yml, no "
            "_name_or_path in config.json, no training_args.yaml, and no model card with one "
            "base_model",
            _NAME_IT,
            folder=label,
        )
    raise BaseModelError(
        "no base that {folder} names can be taken: {passed}", _NAME_IT, folder=label, passed=tuple(passed)
    )


def _taken(base: ResolvedBase, source: Message | str) -> Message:
    stops = stop_set(base.facts)
    args: dict[str, Arg] = {"base": str(base.folder.origin), "source": source}
    if not stops:
        return text("the base is {base}: {source} names it", **args)
    args["stops"] = with_tokens(base.facts, stops)
    return text("the base is {base}, which stops at {stops}: {source} names it", **args)


def _proven(merged: Model, spec: str, *, offline: bool, progress: Progress | None = None) -> ResolvedBase:
    base = resolve_base(spec, offline=offline, near=merged.folder, by_trace=True, progress=progress)
    prove_parentage(merged, base.facts)
    if not is_proven(merged, base.facts):
        raise RefusedError("nothing in the two folders can be compared")
    return base


def trace_note(merged: Model, path: Path | None, adapter: Model | None = None) -> Message | None:
    """What to type to judge against the base that the folder names; `None` where it names none."""
    traces = [trace for trace in find_traces(merged, path, adapter) if not trace.objection]
    for trace in traces:
        if trace.specs:
            spec = trace.specs[0]
            args: dict[str, Arg] = {"source": trace.source, "base": trace.text, "spec": shlex.quote(spec)}
            if trace.text == spec:
                return text("{source} names a base: add --base {spec}", **args)
            return text("{source} names {base} as the base: add --base {spec}", **args)
    for trace in traces[:1]:
        return text(
            "{source} names {base} as the base, which is not here: say where with --base",
            source=trace.source,
            base=trace.text,
        )
    return None


def better_base(merged: Model, path: Path | None, adapter: Model | None, refused: Model) -> str | None:
    """The spec of a base that the folder names, other than the ``refused`` one.

    A folder is opened and proven first; nothing is asked over the network.
    """
    for trace in find_traces(merged, path, adapter):
        for spec in () if trace.objection else trace.specs:
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


def is_made_from(base: Model, merged: Path) -> Message | str | None:
    """Where a base on this machine says that it was made from ``merged``; `None` where nothing does."""
    if not isinstance(base.folder, LocalFolder):
        return None
    place = Path(os.path.abspath(base.folder.root))  # noqa: PTH100 - links stay
    for trace in find_traces(Model(base.folder), place):
        for spec in trace.specs:
            if spec.startswith(_PATHS) and _is_same(Path(spec), merged):
                return trace.source
    return None


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.expanduser().samefile(other)
    except (OSError, RuntimeError):
        return False
