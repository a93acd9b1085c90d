"""``--base auto``: the first base that is named or found, that is there, and that is proven to be the one."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from genfix.catalogue.identify import Identity, identify
from genfix.errors import BaseModelError, GenfixError
from genfix.folder import LocalFolder, Progress
from genfix.json_types import JsonValue
from genfix.message import Arg, Message, text
from genfix.model import Model
from genfix.model.siblings import same_name
from genfix.resolver.finder.base import ResolvedBase, resolve_base
from genfix.resolver.finder.candidate_proofs import differences, doubt_said, identity_said, weights_said
from genfix.resolver.finder.lineage import stop_set, with_tokens
from genfix.resolver.finder.places import is_same
from genfix.resolver.finder.search import (
    Candidate,
    judged,
    local_candidates,
    named_candidates,
    nearest,
    remaining,
)
from genfix.resolver.finder.traces import BaseTrace, find_traces

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
    """The base that the folder names or that lies on this machine, opened and proven; nobody has chosen its
    code.

    Raises `BaseModelError` where there is none that is proven, or several that are.
    """
    named: list[Candidate] = []
    for one in named_candidates(merged, path, adapter, offline=offline, progress=progress):
        named.append(one)
        if one.is_proven:
            break
    passed = [one for one in named if not one.is_proven]
    if named and named[-1].is_proven and named[-1].is_sure:
        return _taken(named[-1], passed)
    here = tuple(local_candidates(merged, path))
    found = chosen(merged, named, here, offline=offline, progress=progress)
    if found is not None:
        return _taken(found, passed)
    raise _none_found(merged, remaining(here), passed)


def chosen(
    merged: Model,
    named: Sequence[Candidate],
    here: Sequence[Candidate],
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> Candidate | None:
    """The first candidate that is proven and unique, or else the official model that the folder's own files
    show it to be, where it can be had; `None` where there is none, or where several remain.

    What the folder names is taken before what merely lies here, unless weights prove another one.
    """
    left = remaining(here)
    first = next((one for one in named if one.is_proven), None)
    if first is not None:
        better = nearest(left) if not first.is_sure else None
        return better if better is not None and better.likeness is not None and better.is_sure else first
    found = _chosen(merged, left, [one.spec for one in named])
    return found or _of_catalogue(merged, offline=offline, progress=progress)


def _chosen(merged: Model, left: Sequence[Candidate], traces: Sequence[str]) -> Candidate | None:
    """The one model of this machine that can be the base; `None` where there is none, or one of several."""
    by_name = [one for one in left if any(same_name(one.name, trace) for trace in traces)]
    if len(by_name) == 1:
        return by_name[0]
    found = nearest(tuple(left))
    if found is not None or len(left) != 1 or left[0].is_derived or traces:
        return found
    [only] = left
    others = [match.row.id for match in identify(merged).matches if not same_name(match.row.id, only.name)]
    return None if others else only


def _of_catalogue(merged: Model, *, offline: bool, progress: Progress | None) -> Candidate | None:
    """The official model that the folder's own files show it to be, where it can be had."""
    identity = identify(merged)
    if identity.named is None or offline or "template" not in identity.matches[0].agreed:
        return None
    try:
        base = resolve_base(
            identity.named.id, offline=False, near=merged.folder, by_trace=True, progress=progress
        )
    except GenfixError:
        return None
    base.facts.is_found = True
    found = judged(merged, Candidate(identity.named.id, text("the catalogue of official models"), base))
    return found if found.refused is None else None


def _none_found(merged: Model, left: Sequence[Candidate], passed: Sequence[Candidate]) -> BaseModelError:
    """The error that says what was found instead of one base."""
    label = merged.folder.origin.label
    if len(left) == 1:
        return BaseModelError(
            "{candidate} fits {folder}, and nothing proves that it is the base: {why}",
            text("name it if it is: --base {spec}", spec=shlex.quote(left[0].name)),
            candidate=left[0].name,
            folder=label,
            why=text("it was itself made from another model")
            if left[0].is_derived
            else text("no weights could be compared, and a sibling would fit as well"),
        )
    if left:
        bases = [one.base.facts for one in left if one.base is not None]
        return BaseModelError(
            "several models fit {folder}: {candidates}; they answer differently: {questions}",
            text("name the base: --base {spec}", spec=shlex.quote(left[0].name)),
            folder=label,
            candidates=[one.name for one in left],
            questions=tuple(differences(bases)) or text("nothing that genfix asks"),
        )
    known = catalogue_said(identify(merged))
    advice = _NAME_IT if known is None else text("{advice}; {known}", advice=_NAME_IT, known=known)
    if passed:
        return BaseModelError(
            "no base that {folder} names can be taken: {passed}",
            advice,
            folder=label,
            passed=tuple(_passed(one) for one in passed),
        )
    return BaseModelError(
        "nothing in {folder} says which base it was made from (no args.json or adapter_config.json here or "
        "of a run beside it, no mergekit_config.yml, no _name_or_path in config.json, no training_args.yaml, "
        "no recipe beside it, and no model card with one base_model), and no model on this machine fits it",
        advice,
        folder=label,
    )


def catalogue_said(identity: Identity) -> Message | None:
    """What the catalogue of official models says of a folder; `None` where it knows nothing like it."""
    if identity.named is not None:
        return identity_said(identity.matches[0])
    return doubt_said(identity.matches) if identity.matches else None


def _passed(one: Candidate) -> Message:
    return text("{base} ({source}): {why}", base=one.spec, source=one.source, why=one.refused)


def _taken(found: Candidate, passed: Sequence[Candidate]) -> ResolvedBase:
    if found.base is None:
        raise AssertionError("a candidate that was not opened")
    base = found.base
    skipped = [text("passed over as the base: {candidate}", candidate=_passed(one)) for one in passed]
    return base._replace(notes=(*skipped, _said(found, base), *base.notes))


def _said(found: Candidate, base: ResolvedBase) -> Message:
    stops = stop_set(base.facts)
    args: dict[str, Arg] = {"base": str(base.folder.origin), "source": found.source}
    if stops:
        args["stops"] = with_tokens(base.facts, stops)
    if found.is_named:
        return (
            text("the base is {base}, which stops at {stops}: {source} names it", **args)
            if stops
            else text("the base is {base}: {source} names it", **args)
        )
    args["proof"] = (
        weights_said(found.likeness) if found.likeness is not None else text("no other model here fits")
    )
    return (
        text("the base is {base}, which stops at {stops}: found in {source}; {proof}", **args)
        if stops
        else text("the base is {base}: found in {source}; {proof}", **args)
    )


class Suggestion(NamedTuple):
    """What to name as the base of a folder that is judged alone."""

    spec: str | None
    """`None` where nobody knows one."""
    said: Message


def suggestion(merged: Model, path: Path | None, adapter: Model | None = None) -> Suggestion | None:
    """The base that the folder names, or that lies on this machine, or that the catalogue knows; nothing is
    asked over the network.
    """
    traces = [trace for trace in find_traces(merged, path, adapter) if not trace.objection]
    for trace in traces:
        if trace.specs:
            return Suggestion(trace.specs[0], _trace_said(trace))
    left = remaining(local_candidates(merged, path))
    found = _chosen(merged, left, [trace.text for trace in traces])
    if found is not None:
        args: dict[str, Arg] = {"source": found.source, "spec": shlex.quote(found.name)}
        return Suggestion(found.name, text("a model in {source} fits this folder: add --base {spec}", **args))
    if traces:
        return Suggestion(
            None,
            text(
                "{source} names {base} as the base, which is not here: say where with --base",
                source=traces[0].source,
                base=traces[0].text,
            ),
        )
    if left:
        names: list[JsonValue] = [one.name for one in left]
        return Suggestion(None, text("these models here fit this folder: {models}", models=names))
    identity = identify(merged)
    known = catalogue_said(identity)
    return Suggestion(identity.named.id if identity.named else None, known) if known is not None else None


def _trace_said(trace: BaseTrace) -> Message:
    spec = trace.specs[0]
    args: dict[str, Arg] = {"source": trace.source, "base": trace.text, "spec": shlex.quote(spec)}
    if trace.text == spec:
        return text("{source} names a base: add --base {spec}", **args)
    return text("{source} names {base} as the base: add --base {spec}", **args)


def better_base(merged: Model, path: Path | None, adapter: Model | None, refused: Model) -> Message | None:
    """What to name instead of the ``refused`` base: another that the folder names, that fits on this machine,
    or that the catalogue knows; `None` where there is none.

    A folder is opened and proven first; nothing is asked over the network.
    """
    for trace in find_traces(merged, path, adapter):
        for spec in () if trace.objection else trace.specs:
            if _repo(spec) == _repo(refused.folder.origin.label):
                continue
            if not spec.startswith(_PATHS) or _is_proven_here(merged, spec, trace.source):
                return text(
                    "the folder itself names {base}: use that with --base, or add --allow-base-mismatch if "
                    "you are sure",
                    base=spec,
                )
    found = _chosen(merged, remaining(local_candidates(merged, path)), [])
    named = identify(merged).named
    if found is None and named is None:
        return None
    return text(
        "{base} fits it: use that with --base, or add --allow-base-mismatch if you are sure",
        base=found.name if found is not None else named.id if named is not None else "",
    )


def _is_proven_here(merged: Model, spec: str, source: Message | str) -> bool:
    try:
        base = resolve_base(spec, offline=True, near=merged.folder, by_trace=True)
    except GenfixError:
        return False
    return judged(merged, Candidate(spec, source, base)).refused is None


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
            if spec.startswith(_PATHS) and is_same(Path(spec).expanduser(), merged):
                return trace.source
    return None
