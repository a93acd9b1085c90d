"""`base_candidates` and `find_models`: which base a folder may have, and which official models are known."""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Unpack

from genfix.api.keywords import OpenOptions
from genfix.api.opening import open_merged
from genfix.catalogue.identify import Identity, identify
from genfix.catalogue.official import OfficialModel, official_models
from genfix.display import printed
from genfix.errors import InputError
from genfix.folder import LocalFolder
from genfix.message import Message
from genfix.model import Model
from genfix.resolver import find_adapter, place_of
from genfix.resolver.case import Case, ModelLocation
from genfix.resolver.finder.auto import chosen
from genfix.resolver.finder.candidate_proofs import differences
from genfix.resolver.finder.places import Place, registered
from genfix.resolver.finder.search import Candidate, local_candidates, named_candidates, remaining


class BaseSearch(NamedTuple):
    """What was found for a folder."""

    target: str
    """The folder as the caller wrote it, or ``hf://org/name@commit``."""
    merged: Model
    candidates: tuple[Candidate, ...]
    """What the folder names, then what lies on this machine or is shown by the catalogue, in order of trust;
    those that are refused too.
    """
    chosen: Candidate | None
    """The one that ``--base auto`` takes; `None` where it asks, or has none."""
    differences: tuple[Message, ...]
    """The questions that those that remain answer differently."""
    identity: Identity
    """What the catalogue of official models says of the folder's own files."""
    notes: tuple[Message, ...] = ()
    """What the caller should know about how the folder was opened, a sentence each."""

    def __repr__(self) -> str:
        """Short: each candidate was opened."""
        chosen = self.chosen.name if self.chosen is not None else "none proven"
        return f"<BaseSearch for {self.target}: {len(self.candidates)} candidates, {chosen}>"

    def __str__(self) -> str:
        return printed(self)


def base_candidates(target: ModelLocation, **options: Unpack[OpenOptions]) -> BaseSearch:
    """Look for the base of the model folder ``target``; each candidate is opened and proven.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is no model folder.

    """
    case = Case(target, **options)
    merged, notes = open_merged(case)
    path = place_of(target)
    adapter = find_adapter(case, merged).facts
    named = tuple(named_candidates(merged, path, adapter, offline=case.offline, progress=case.progress))
    here = tuple(local_candidates(merged, path))
    found = chosen(merged, named, here, offline=case.offline, progress=case.progress)
    every = _each_folder_once((*named, *here), found)
    left = remaining(every) if found is None else ()
    bases = [one.base.facts for one in left if one.base is not None]
    more = () if found is None or found in every else (found,)
    return BaseSearch(
        str(merged.folder.origin),
        merged,
        (*every, *more),
        found,
        tuple(differences(bases)) if len(bases) > 1 else (),
        identify(merged),
        notes,
    )


def _each_folder_once(candidates: Iterable[Candidate], taken: Candidate | None) -> tuple[Candidate, ...]:
    """Of those that are one folder of this machine under several names, the one taken, or the first."""
    seen: dict[str, Candidate] = {}
    if taken is not None and (root := _root(taken)) is not None:
        seen[root] = taken
    return tuple(
        one for one in candidates if (root := _root(one)) is None or seen.setdefault(root, one) == one
    )


def _root(candidate: Candidate) -> str | None:
    folder = candidate.base.facts.folder if candidate.base is not None else None
    return os.path.realpath(folder.root) if isinstance(folder, LocalFolder) else None


class KnownModels(NamedTuple):
    """What a search in the catalogue gave."""

    official: tuple[OfficialModel, ...]
    capsules: tuple[Place, ...]
    """Capsules that the user has registered."""

    def __repr__(self) -> str:
        """Short: there are hundreds of models."""
        return f"<KnownModels: {len(self.official)} official, {len(self.capsules)} capsules>"

    def __str__(self) -> str:
        return printed(self)


def find_models(words: Sequence[str] = ()) -> KnownModels:
    """The official models whose names, type or stop tokens have all ``words``; without words all.

    Raises `InputError` for an empty word.
    """
    if any(not word.strip() for word in words):
        raise InputError("an empty word names no model", "give a part of a name, such as qwen3")
    wanted = [word.casefold() for word in words]
    rows = tuple(row for row in official_models() if all(word in _text(row) for word in wanted))
    capsules = tuple(place for place in registered() if all(word in place.spec.casefold() for word in wanted))
    return KnownModels(rows, capsules)


def _text(row: OfficialModel) -> str:
    stops = map(str, row.stops)
    return " ".join([row.id, row.modelscope or "", *row.former, row.type or "", *stops]).casefold()
