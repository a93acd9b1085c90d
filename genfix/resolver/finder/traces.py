"""Which base a folder says it was made from: the most exact first, each with the place that names it.

What tools write where was seen by running them. A trace is data from a stranger: nothing is believed before
the candidate has been opened and proven, a path in it is only ever read, and code is not taken from it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from genfix.folder import Folder, FolderFileError, LocalFolder
from genfix.message import Message, text
from genfix.model import Model
from genfix.model.front_matter import CARD, card_text, front_matter_list
from genfix.model.provenance import is_base_name
from genfix.model.siblings import chat_sibling_on_card
from genfix.resolver.finder.recipe_traces import best_checkpoint, recipes_of
from genfix.resolver.finder.run_folders import (
    ADAPTER,
    MERGEKIT,
    SWIFT,
    SWIFT_2,
    TRACES,
    TRAINING,
    run_folders,
)
from genfix.resolver.finder.yaml_models import recipe_models, yaml_word
from genfix.resolver.naming.candidates import candidate_specs, repo_of_cache
from genfix.web.strangers import strangers_ask

_MOST_BYTES: Final = 1024 * 1024


class BaseTrace(NamedTuple):
    """One name of a base."""

    text: str
    """As the file has it."""
    source: Message | str
    """``model_dir of args.json``."""
    specs: tuple[str, ...]
    """What it can mean, the likeliest first: specs for `resolve_base`. Empty where it means nothing on this
    machine."""
    objection: Message | None = None
    """Why it is not to be followed, where something speaks against it."""


def find_traces(merged: Model, path: Path | None, adapter: Model | None = None) -> tuple[BaseTrace, ...]:
    """The bases that the folder, its adapter and the run beside it name, each spec once; nothing is opened.

    ``path`` is where the folder is on this machine.
    """
    found: list[BaseTrace] = []
    seen: set[str] = set()
    for trace in _all(merged, path, adapter):
        specs = tuple(spec for spec in trace.specs if spec not in seen)
        if specs or (not trace.specs and trace.text not in seen):
            seen.update(specs, [trace.text])
            found.append(trace._replace(specs=specs))
    return tuple(found)


def _all(merged: Model, path: Path | None, adapter: Model | None) -> Iterator[BaseTrace]:
    places = [("", merged)]
    # made from whole models: what is beside the folder is another run's
    if not any(map(merged.has, MERGEKIT)):
        # As a plain model: a run's file that cannot be read is no fault of the adapter.
        named = [Model(adapter.folder)] if adapter is not None else []
        places += [(f"{model.folder.origin.label}/", model) for model in (*_beside(merged, path), *named)]
    for prefix, model in places:
        yield from _swift(model, path, prefix)
    for prefix, model in places:
        yield from _swift_2(model, path, prefix)
    for prefix, model in places:
        yield from _adapter(model, path, prefix)
    for file in MERGEKIT:
        for name in recipe_models(_text(merged.folder, file)):
            yield from _named_by(merged, path, name, file)
    yield from _named(merged, path, "config.json", "_name_or_path")
    for prefix, model in places:
        word = yaml_word(_text(model.folder, TRAINING), "model_name_or_path")
        yield from _named_by(merged, path, word, _key_of("model_name_or_path", prefix + TRAINING))
    for recipe in recipes_of(path) if path is not None else ():
        yield from _named_by(merged, path, recipe.named, _key_of(recipe.key, recipe.file))
    yield from _card(merged, path)


def _beside(merged: Model, path: Path | None) -> list[Model]:
    """Folders of the run: by name and place, and the checkpoint that a trainer says it loaded at the end."""
    if path is None or strangers_ask():
        return []
    places = dict.fromkeys((*run_folders(path), *best_checkpoint(merged, path)))
    return [Model(LocalFolder(place)) for place in places if _has_trace(place)]


def _has_trace(place: Path) -> bool:
    """Whether a file there may name a base; a folder that nobody may enter is no error."""
    return any(os.path.isfile(place / name) for name in TRACES)  # noqa: PTH113


def _swift(model: Model, path: Path | None, prefix: str) -> Iterator[BaseTrace]:
    """ms-swift: only these keys; ``model_meta`` lists dozens of other models.

    Ids are ModelScope's without ``use_hf``.
    """
    args = model.object(SWIFT)
    where, named = args.get("model_dir"), args.get("model")
    yield from _named(model, path, SWIFT, "model_dir", prefix, only_here=True)
    if not isinstance(named, str) or not is_base_name(named, model):
        return
    named = named.strip()
    # Where the run read the very path that was typed, it is no id, even if it looks like one.
    was_folder = isinstance(where, str) and where.endswith(f"/{named}") and repo_of_cache(where) is None
    revision = args.get("model_revision")
    specs = candidate_specs(
        named,
        path,
        revision=revision if isinstance(revision, str) else "",
        modelscope=args.get("use_hf") is not True,
        remote=not was_folder,
    )
    yield BaseTrace(named, _key_of("model", prefix + SWIFT), specs)


def _swift_2(model: Model, path: Path | None, prefix: str) -> Iterator[BaseTrace]:
    """ms-swift before 3.0 (2.6.1: llm/infer.py copies the file into what it merges).

    Whether an id is the Hub's stood in the environment only.
    """
    args = model.object(SWIFT_2)
    named, revision = args.get("model_id_or_path"), args.get("model_revision")
    if isinstance(named, str) and is_base_name(named, model):
        specs = candidate_specs(
            named.strip(), path, revision=revision if isinstance(revision, str) else "", modelscope=True
        )
        yield BaseTrace(named.strip(), _key_of("model_id_or_path", prefix + SWIFT_2), specs)


def _adapter(model: Model, path: Path | None, prefix: str) -> Iterator[BaseTrace]:
    given = model.object(ADAPTER).get("revision")
    revision = given if isinstance(given, str) else ""
    yield from _named(model, path, ADAPTER, "base_model_name_or_path", prefix, revision=revision)


def _named(
    model: Model,
    path: Path | None,
    file: str,
    key: str,
    prefix: str = "",
    *,
    revision: str = "",
    only_here: bool = False,
) -> Iterator[BaseTrace]:
    value = model.object(file).get(key)
    if isinstance(value, str) and is_base_name(value, model):
        specs = candidate_specs(value.strip(), path, revision=revision, remote=not only_here)
        yield BaseTrace(value.strip(), _key_of(key, prefix + file), specs)


def _key_of(key: str, file: str) -> Message:
    return text("{key} of {file}", key=key, file=file)


def _named_by(
    merged: Model, path: Path | None, value: str | None, source: Message | str
) -> Iterator[BaseTrace]:
    if value is not None and is_base_name(value, merged):
        yield BaseTrace(value, source, candidate_specs(value, path))


def _card(merged: Model, path: Path | None) -> Iterator[BaseTrace]:
    """The model card where it names exactly one base; not to be followed where it is a base's own."""
    named = front_matter_list(merged.folder, "base_model")
    if len(named) != 1 or not is_base_name(named[0], merged):
        return
    [name] = named
    objection = None
    if (copied := chat_sibling_on_card(card_text(merged.folder), name)) is not None:
        objection = text("{file} is the card of {base}, whose parent it names", file=CARD, base=copied)
    yield BaseTrace(name, _key_of("base_model", CARD), candidate_specs(name, path), objection)


def _text(folder: Folder, name: str) -> str:
    if name not in folder.names():
        return ""
    try:
        return folder.read_range(name, 0, _MOST_BYTES).decode("utf-8-sig", "replace")
    except FolderFileError:
        return ""
