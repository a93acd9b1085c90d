"""From what the user says about the base to one that is proven, or to none."""

import os
from pathlib import Path
from typing import NamedTuple

from genfix.errors import RefusedError, UnknownModelError
from genfix.message import Message, text
from genfix.model import Model
from genfix.resolver.case import Case
from genfix.resolver.finder.base import ResolvedBase, resolve_base
from genfix.resolver.finder.lineage import is_traced, kin_notes, lineage_notes, named_sibling, size_notes
from genfix.resolver.finder.older_base import changes_since
from genfix.resolver.finder.proof import prove_parentage
from genfix.resolver.finder.target import place_of
from genfix.resolver.naming.spec import AUTO


class ChosenBase(NamedTuple):
    """What comes of what the user says about the base."""

    base: ResolvedBase | None = None
    """`None` where the user named none."""
    notes: tuple[Message, ...] = ()
    """What the user should know, a sentence each."""
    suggested: str | None = None
    """What to name as the base, where none was named and one is known."""


def choose_base(case: Case, merged: Model, adapter: Model | None = None) -> ChosenBase:
    """The base of ``case``, proven.

    ``auto`` takes what the folder names or this machine has; without a base a note tells that. Raises
    `RefusedError` where the base cannot be what ``merged`` was made from, unless that is allowed, and as
    `resolve_base` does.
    """
    spec = case.base
    place = place_of(case.target)
    if spec is None:
        # A hint for each of many folders is read by nobody, and costs as much as the judgement.
        return _suggestion(merged, place, adapter) if case.shared is None else ChosenBase()
    if spec == AUTO:
        from genfix.resolver.finder.auto import find_base  # noqa: PLC0415 - few folders need it

        base = find_base(merged, place, adapter, offline=case.offline, progress=case.progress)
        base.facts.changes = changes_since(merged, base.facts)
        kin = (*size_notes(merged, base.facts), *kin_notes(merged, base.facts))
        return ChosenBase(base, (*base.notes, *kin))
    given = os.fspath(spec)
    if given == AUTO:  # a path, not the word
        given = f"./{given}"
    base = _resolved(case, given, merged, place)
    base.facts.remembered = merged.remembered  # one tokenizer, one template and one class are often of both
    notes = base.notes
    refusal = _refusal(merged, base, place, adapter)
    if refusal is not None:
        if not case.allow_base_mismatch:
            raise refusal
        notes += (text("going on as told, although {why}", why=refusal.said),)
    base.facts.sibling = named_sibling(merged, base.facts, place, adapter)
    base.facts.changes = changes_since(merged, base.facts)
    return ChosenBase(base, (*notes, *lineage_notes(merged, base.facts, place)))


def _resolved(case: Case, given: str, merged: Model, place: Path | None) -> ResolvedBase:
    try:
        if case.shared is not None:
            return case.shared.base(given, merged.folder, offline=case.offline)
        return resolve_base(given, offline=case.offline, near=merged.folder, progress=case.progress)
    except UnknownModelError as error:
        from genfix.resolver.finder.suggestions import with_suggestions  # noqa: PLC0415 - only on the way out

        raise with_suggestions(error, given, merged, place) from error


def _suggestion(merged: Model, place: Path | None, adapter: Model | None) -> ChosenBase:
    from genfix.resolver.finder.auto import suggestion  # noqa: PLC0415 - only without a base

    found = suggestion(merged, place, adapter)
    return ChosenBase() if found is None else ChosenBase(notes=(found.said,), suggested=found.spec)


def _refusal(
    merged: Model, base: ResolvedBase, place: Path | None, adapter: Model | None
) -> RefusedError | None:
    """Why the base is none of this folder, with a better one where the folder names it; or `None`."""
    try:
        prove_parentage(merged, base.facts)
    except RefusedError as error:
        from genfix.resolver.finder.auto import better_base  # noqa: PLC0415 - only on the way out

        better = better_base(merged, place, adapter, base.facts)
        return error if better is None else RefusedError(error.said, better)
    return _swapped(merged, base, place)


def _swapped(merged: Model, base: ResolvedBase, place: Path | None) -> RefusedError | None:
    """The refusal of a base that says it was made from the folder that is judged."""
    if place is None or not is_traced(base.facts):
        return None
    from genfix.resolver.finder.auto import is_made_from  # noqa: PLC0415 - few bases were trained here

    source = is_made_from(base.facts, place)
    if source is None:
        return None
    return RefusedError(
        "{base} was made from {target}, not the other way round: {source} in it says so",
        "swap the two, or add --allow-base-mismatch if you are sure",
        base=str(base.folder.origin),
        target=merged.folder.origin.label,
        source=source,
    )
