"""Whether a merged folder follows an older revision of its base, which was changed since.

Asked only of a base on the Hub whose newest commit was taken, and only where the folder answers otherwise
than it: then its earlier states are gone through, the newest first.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from genfix.errors import GenfixError
from genfix.folder import Folder
from genfix.folder.kinds import CONFIG, GENERATION_CONFIG, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.model.base_change import BaseChange, Changed
from genfix.model.chat_template import JINJA_FILE, rendered_form
from genfix.resolver.finder.base import BaseFacts
from genfix.resolver.finder.lineage import stop_set

if TYPE_CHECKING:
    from genfix.folder.remote import State

_ASKED: Final = (CONFIG, GENERATION_CONFIG, TOKENIZER_CONFIG, JINJA_FILE, "chat_template.json")
"""Files with the answers; a state in which all are as before is passed over unread."""


def changes_since(merged: Model, base: BaseFacts) -> tuple[BaseChange, ...]:
    """What the base had as ``merged`` has it, and changed since; nothing where its past is not to be had."""
    # Imported here: a local base needs none of it.
    from genfix.folder.remote import RemoteFolder  # noqa: PLC0415

    if not isinstance(base.folder, RemoteFolder) or base.folder.history is None:
        return ()
    ours = _answers(merged)
    differing = {*_differing(ours, _answers(base))}
    try:
        return tuple(_found(merged, base.folder.history(), ours, differing)) if differing else ()
    except GenfixError:
        return ()  # what it tells is an extra


def _found(
    merged: Model, states: "Iterable[State]", ours: Mapping[Changed, JsonValue], differing: set[Changed]
) -> Iterator[BaseChange]:
    newer: State | None = None
    seen: list[list[str | None]] = []
    for state in states:
        if newer is None:
            seen.append(_files(state.folder))
        elif _files(state.folder) not in seen:
            seen.append(_files(state.folder))
            state.folder.borrow(merged.folder)
            theirs = _answers(BaseFacts(state.folder))
            for what in sorted(what for what in differing if theirs[what] == ours[what]):
                differing.remove(what)
                yield BaseChange(what, newer.commit, newer.date, newer.title)
        if not differing:
            return
        newer = state


def _differing(ours: Mapping[Changed, JsonValue], theirs: Mapping[Changed, JsonValue]) -> Iterator[Changed]:
    for what, value in ours.items():
        if value is None or value == theirs[what]:
            continue
        if what is Changed.STOPS and _is_part(value, theirs[what]):
            continue  # merges narrow the list: that has a rule of its own, whatever the base's past
        yield what


def _is_part(ours: JsonValue, theirs: JsonValue) -> bool:
    return isinstance(ours, list) and isinstance(theirs, list) and all(stop in theirs for stop in ours)


def _answers(model: Model) -> Mapping[Changed, JsonValue]:
    template, stops = model.chat_template, sorted(stop_set(model))
    return {
        Changed.TEMPLATE: rendered_form(template.text) if template is not None else None,
        Changed.STOPS: [*stops] or None,
        Changed.WINDOW: model.config.get("sliding_window"),
    }


def _files(folder: Folder) -> list[str | None]:
    """The digests of the files with the answers."""
    stats = (folder.stat(name) if name in folder.names() else None for name in _ASKED)
    return [stat and (stat.sha256 or stat.git_sha1) for stat in stats]
