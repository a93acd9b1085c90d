"""What a name that nobody knows was meant to be: the folder's own, a renamed one, one on ModelScope, the
nearest one in the caches or in the catalogue.
"""

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from genfix.catalogue.official import OfficialModel, official, official_models
from genfix.errors import GenfixError, UnknownModelError
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonValue
from genfix.message import text
from genfix.model import Model
from genfix.model.siblings import CHAT, model_name, same_name
from genfix.resolver.finder.places import cached
from genfix.resolver.finder.traces import find_traces
from genfix.resolver.naming.spec import LocalSpec, parse_spec

_MOST: Final = 3
_NEAR: Final = 0.75
"""`difflib`'s share of equal characters: one wrong or missing letter of a few."""


def with_suggestions(
    error: UnknownModelError, given: str, merged: Model | None = None, path: Path | None = None
) -> UnknownModelError:
    """The error with what the name may have been meant to be, where anything is like it."""
    traces = find_traces(merged, path) if merged is not None else ()
    own = [spec for trace in traces for spec in trace.specs[:1]]
    names: list[JsonValue] = [*_suggested(given, own)]
    if not names:
        return error
    return UnknownModelError(
        error.said, text("did you mean {names}? {advice}", names=names, advice=error.advice or "")
    )


def _suggested(given: str, own: Iterable[str]) -> Iterator[str]:
    """At most a few names, the likeliest first, each once and never the given one."""
    asked = _asked(given)
    seen = {given, asked}
    for name in _all(asked, own):
        if name not in seen and len(seen) < _MOST + 2:
            seen.add(name)
            yield name


def _asked(given: str) -> str:
    """What was asked for, without a revision, and of an address the id in it."""
    try:
        spec = parse_spec(given)
    except GenfixError:
        return given.removeprefix("hf://").partition("@")[0].strip("/ ")
    return str(spec._replace(revision=None)) if not isinstance(spec, LocalSpec) else given


def _all(asked: str, own: Iterable[str]) -> Iterator[str]:
    row = official(asked)
    yield from _of_row(row, asked)
    yield from own
    if row is not None:
        return
    yield from _folders(asked)
    if asked.startswith((".", "/", "~")):
        return
    is_scope = asked.startswith("ms://")
    wanted = asked.removeprefix("ms://").casefold()
    known = dict.fromkeys(place.spec.partition("@")[0] for place in cached())
    known |= dict.fromkeys(
        f"ms://{row.modelscope}" if is_scope and row.modelscope else row.id for row in official_models()
    )
    yield from sorted((name for name in known if same_name(name, wanted)), key=len)
    letters = _letters(model_name(wanted))
    yield from (name for name in known if letters and _letters(model_name(name)) == letters)
    whole = {name.removeprefix("ms://").casefold(): name for name in reversed(known)}
    if "/" in wanted:
        yield from (whole[name] for name in get_close_matches(wanted, whole, _MOST, _NEAR))
    short: dict[str, list[str]] = {}
    for name in known:
        short.setdefault(model_name(name).casefold(), []).append(name)
    for near in get_close_matches(model_name(wanted), short, _MOST, _NEAR):
        yield from short[near]


def _letters(name: str) -> str:
    """A name by its letters and digits, with one word for chat: ``qwen2_5-7B-chat`` is
    ``Qwen2.5-7B-Instruct``.
    """
    words = re.split(r"[^0-9a-z]+", name.casefold())
    return "".join("instruct" if word in CHAT else word for word in words)


def _folders(asked: str) -> Iterator[str]:
    """Folders here whose path is nearly the given one."""
    above, _, last = asked.rpartition("/")
    try:
        names = sorted(os.listdir(Path(above or ".").expanduser()))  # noqa: PTH208 - names are all
    except (OSError, RuntimeError, ValueError):
        return
    for name in get_close_matches(last, names, _MOST, _NEAR):
        path = f"{above}/{name}" if above else f"./{name}"
        if os.path.isfile(Path(path).expanduser() / CONFIG):  # noqa: PTH113 - nobody may enter it: no error
            yield path


def _of_row(row: OfficialModel | None, asked: str) -> Iterator[str]:
    """The names that a model has now, where an old one or one of another site was given."""
    if row is None:
        return
    if asked.casefold() == row.id.casefold():
        yield row.id
    if row.modelscope is not None and asked.casefold() == row.modelscope.casefold():
        yield f"ms://{row.modelscope}"
    yield row.id
    if asked.startswith("ms://") and row.modelscope is not None:
        yield f"ms://{row.modelscope}"
