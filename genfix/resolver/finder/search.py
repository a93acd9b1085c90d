"""The search for a base that nobody named: candidates in order of trust, each opened and proven.

What a folder's own files name comes first, then what lies on this machine. Shapes and ids do not tell a chat
model from its pretrained sibling; weights do, where both sides have them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from genfix.catalogue.official import official_named
from genfix.errors import GenfixError, RefusedError
from genfix.folder import Progress
from genfix.folder.kinds import CONFIG
from genfix.message import Message, text
from genfix.model import Model
from genfix.model.front_matter import card_text, front_matter_list
from genfix.model.kin import has_same_type, model_types
from genfix.model.siblings import chat_sibling_on_card, chat_word_of, same_name
from genfix.model.sizes import KEYS, agree, sizes
from genfix.resolver.finder.base import BaseFacts, ResolvedBase, resolve_base
from genfix.resolver.finder.candidate_proofs import differences
from genfix.resolver.finder.places import Place, beside, cached, copy_here, is_same, opened
from genfix.resolver.finder.proof import is_proven, layer_count, prove_parentage
from genfix.resolver.finder.run_folders import TRACES, names_a_merge
from genfix.resolver.finder.traces import find_traces
from genfix.resolver.finder.weight_likeness import Likeness, Sample, likeness

_MOST: Final = 8
"""Traces that are opened at most: a stranger's recipe may name hundreds."""
_MOST_OPENED: Final = 24
"""Models of this machine that are opened at most, of those whose config.json fits."""
_MOST_CONFIG: Final = 256 * 1024
_CLEARLY: Final = 1.5
"""So many times as far from the folder as the nearest is another model."""
_TRAINING: Final = ("trainer_state.json", "training_args.bin", "adapter_model.safetensors")


class Candidate(NamedTuple):
    """A model that may be the base."""

    spec: str
    """What names it to ``--base``."""
    source: Message | str
    """Where it was found, or what names it."""
    base: ResolvedBase | None = None
    """Opened; `None` where that failed."""
    refused: Message | None = None
    """Why it is not the base, where something says so."""
    likeness: Likeness | None = None
    """What the weights say; `None` where one side has none."""
    is_named: bool = False
    """Whether the folder's own files name it."""
    is_derived: bool = False
    """Whether it says that it was itself made from another model, or trained here."""

    @property
    def name(self) -> str:
        """Its id or path, without a commit."""
        return self.spec.partition("@")[0]

    @property
    def is_proven(self) -> bool:
        """Whether it is there, and nothing speaks against it."""
        return self.base is not None and self.refused is None

    @property
    def is_sure(self) -> bool:
        """Whether the weights say so too, or cannot be asked."""
        return self.likeness is None or self.likeness.is_same_line


def named_candidates(
    merged: Model,
    path: Path | None,
    adapter: Model | None,
    *,
    offline: bool,
    progress: Progress | None = None,
) -> Iterator[Candidate]:
    """What the folder's own files name, in order of trust."""
    opened_here, sample = 0, Sample(merged)
    for trace in find_traces(merged, path, adapter):
        if trace.objection or not trace.specs:
            why = trace.objection or text("it is not on this machine")
            yield Candidate(trace.text, trace.source, refused=why, is_named=True)
            continue
        for spec in trace.specs[: _MOST - opened_here]:
            opened_here += 1
            try:
                base = resolve_base(
                    spec, offline=offline, near=merged.folder, by_trace=True, progress=progress
                )
            except GenfixError as error:
                yield Candidate(spec, trace.source, refused=error.said, is_named=True)
            else:
                yield judged(merged, Candidate(spec, trace.source, base, is_named=True), sample)


def local_candidates(merged: Model, path: Path | None) -> Iterator[Candidate]:
    """Models beside the folder and in the caches whose sizes fit, opened and judged."""
    places: Iterable[Place] = (*(beside(path) if path is not None else ()), *cached())
    may_fit = _quick_look(merged)
    number, sample = 0, Sample(merged)
    for place in places:
        folder = opened(place) if number < _MOST_OPENED and may_fit(place) else None
        if folder is None or (path is not None and is_same(place.path, path)):
            continue
        facts = BaseFacts(folder, is_named=False)
        facts.is_found = True
        try:
            if not fits(merged, facts):
                continue
            number += 1
            found = Candidate(place.spec, place.source, ResolvedBase(facts))
            yield judged(merged, found._replace(is_derived=_is_derived(facts, place)), sample)
        except GenfixError as error:
            yield Candidate(place.spec, place.source, refused=error.said)


def _quick_look(merged: Model) -> Callable[[Place], bool]:
    """Whether a place's ``config.json`` has type and sizes of merged in its text, as far as it states any:
    most places are never opened.
    """
    ours = sizes(merged)
    wanted = {name: b"%d" % size for name, size in ours.items() if name in _ALWAYS_EQUAL}
    types = set() if "experts" in ours else {name.encode() for name in model_types(merged)}

    def look(place: Place) -> bool:
        try:
            with (place.path / CONFIG).open("rb") as file:
                config = file.read(_MOST_CONFIG)
        except OSError:
            return False
        if types and types.isdisjoint(_A_TYPE.findall(config)):
            return False
        stated = _stated(config)
        if "hidden" in wanted and "hidden" not in stated:
            return False
        return all(size in stated.get(name, {size}) for name, size in wanted.items())

    return look


def _stated(config: bytes) -> Mapping[str, set[bytes]]:
    """All numbers that the text of a ``config.json`` has under the spellings of a size, at any level."""
    found: dict[str, set[bytes]] = {}
    for key, number in _A_SIZE.findall(config):
        found.setdefault(_SIZE_OF[key], set()).add(number)
    return found


_ALWAYS_EQUAL: Final = ("hidden", "layers", "heads", "kv_heads", "ffn", "head_dim")
"""Sizes that a training leaves alone, and that a mixture of experts shares with what it was made from."""
_SIZE_OF: Final = {key.encode(): name for name in _ALWAYS_EQUAL for key in KEYS[name]}
_A_SIZE: Final = re.compile(rb'"(%s)"\s*:\s*(\d+)' % b"|".join(_SIZE_OF))
_A_TYPE: Final = re.compile(rb'"model_type"\s*:\s*"([^"]*?)(?:_text)?"')


def fits(merged: Model, base: Model) -> bool:
    """Whether type and sizes of ``config.json`` let ``base`` be the base: a quick look before others.

    The vocabulary may have been resized. Where merged has lost its config, its embedding's width counts.
    """
    if not merged.config:
        facts = merged.weights.facts
        if facts.embedding is None:
            return False
        return sizes(base).get("hidden") == merged.weights.tensors[facts.embedding].shape[-1]
    ours, theirs = sizes(merged), sizes(base)
    # A mixture of experts may have been made from a plain model (mergekit-moe).
    is_upcycled = "experts" in ours and "experts" not in theirs and layer_count(base) is not None
    if not is_upcycled and not has_same_type(merged, base):
        return False
    shared = {*ours} & {*theirs} - {"experts", "expert_ffn"}
    return agree({name: ours[name] for name in shared}, theirs, but="vocab")


def judged(merged: Model, found: Candidate, sample: Sample | None = None) -> Candidate:
    """The candidate with what shapes, ids and weights say of it; ``sample`` is of merged's weights."""
    if found.base is None:
        return found
    base = found.base.facts
    try:
        prove_parentage(merged, base)
        if not is_proven(merged, base):
            raise RefusedError("nothing in the two folders can be compared")
    except GenfixError as error:
        return found._replace(refused=error.said)
    here = copy_here(base.folder)
    if here is None:
        return found
    theirs = Sample(base if here is base.folder else Model(here))
    alike = likeness(sample or Sample(merged), theirs)
    if alike.is_unrelated:
        return found._replace(
            likeness=alike, refused=text("its weights have nothing in common with those here")
        )
    return found._replace(likeness=alike if alike.is_known else None)


def _is_derived(base: Model, place: Place) -> bool:
    """Whether a model that nobody named was itself made from another, as far as its files tell.

    A chat model names its pretrained sibling, which is no sign of a merge.
    """
    shown = (
        any(map(base.has, _TRAINING))
        or (place.kind == "local" and names_a_merge(place.path))
        or not TRACES.isdisjoint(base.folder.names())
        or any(_is_made_from(base, parent) for parent in front_matter_list(base.folder, "base_model"))
    )
    return shown and official_named(place.spec) is None


def _is_made_from(base: Model, parent: str) -> bool:
    """Whether the card's ``base_model`` is another model than itself or its pretrained sibling."""
    label = base.folder.origin.label
    if same_name(parent, label) or chat_word_of(label, parent) is not None:
        return False
    return chat_sibling_on_card(card_text(base.folder), parent) is None


# -- which of them -------------------------------------------------------------------------------


def remaining(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Those that may be the base, the likest first; of copies of one model the first."""
    left: list[Candidate] = []
    for one in candidates:
        if one.is_proven and not any(_is_copy(one, other) for other in left):
            left.append(one)
    if any(one.likeness is not None and one.likeness.is_same_line for one in left):
        left = [one for one in left if one.likeness is not None and one.likeness.is_same_line]
    if any(not one.is_derived for one in left):
        left = [one for one in left if not one.is_derived] if len(left) > 1 else left
    left.sort(key=lambda one: one.likeness.distance if one.likeness is not None else float("inf"))
    return tuple(left)


def nearest(left: tuple[Candidate, ...]) -> Candidate | None:
    """The one whose weights are clearly nearer than all others'; `None` where none is.

    Of one line are a base and all that was made from it: another merge of the same base may be the nearest,
    a later checkpoint of one run say, or a copy. Then only an official model is taken.
    """
    known = [(one, one.likeness) for one in left if one.likeness is not None]
    if not known or len(known) < len(left) or left[0].is_derived:
        return None
    (first, ours), *others = known
    if any(theirs.distance <= _CLEARLY * ours.distance for _, theirs in others):
        return None
    is_alone = not any(theirs.is_same_line for _, theirs in others)
    return first if is_alone or official_named(first.spec) is not None else None


def _is_copy(one: Candidate, other: Candidate) -> bool:
    """Whether two are one model: the weights say the same, and no answer differs."""
    if one.base is None or other.base is None or one.likeness != other.likeness:
        return False
    left, right = one.base.facts, other.base.facts
    if one.likeness is None and not same_name(one.name, other.name):
        return False
    return not any(differences([left, right])) and left.tokenizer.ids == right.tokenizer.ids
