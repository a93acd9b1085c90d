"""What the loaders of transformers know: model types, tokenizer classes, and the types of values they check.

Data, written by ``dev/tools/loader_facts.py`` from the real libraries.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.engines.shared.release import Release, first
from genfix.json_types import JsonObject, JsonValue

_DATA: Final = Path(__file__).parents[1] / "data"


class Loaders(NamedTuple):
    """One major version."""

    model_types: frozenset[str]
    since: Mapping[str, Release]
    """Model types that the oldest version read does not know, and the first that does."""
    processors: frozenset[str]
    """Model types that have a processor."""
    processor_tokens: Mapping[str, Sequence[str]]
    """By model type the tokens that its processor asks the tokenizer for, by their names."""
    without_template: frozenset[str]
    """Model types whose processor is not given a chat template."""
    tokenizer_classes: frozenset[str]
    without_vocabulary: frozenset[str]
    """Tokenizer classes that a folder without any vocabulary makes, empty."""
    scored: frozenset[str]
    """Tokenizer classes that take no vocabulary from tokenizer.json but one of scores (Unigram)."""
    tokenizers: Mapping[str, str]
    """By model type the tokenizer class that it has by itself."""
    misnamed: frozenset[str]
    """Model types of which folders are known to name a wrong class: theirs is taken."""
    vocabularies: Mapping[str, frozenset[str]]
    """By tokenizer class the files that it names."""
    fields: Mapping[str, Mapping[str, Sequence[str]]]
    """By key of config.json and spelling of a type: the model types that check it."""

    def knows(self, kind: str, version: Release) -> bool:
        """Whether ``version`` has a config class for ``kind``."""
        return kind in self.model_types and version >= self.since.get(kind, ())

    def makes_empty(self, kind: str) -> bool:
        """Whether the tokenizer class of ``kind`` is content without a vocabulary."""
        return self.tokenizers.get(kind) in self.without_vocabulary

    def refused(self, kind: str, key: str, value: JsonValue) -> bool:
        """Whether the config class of ``kind`` raises for ``value`` under ``key``."""
        for spelling, kinds in self.fields.get(key, {}).items():
            if kind in kinds:
                return not _is(spelling.split("|"), value)
        return False


@cache
def loaders(major: int) -> Loaders:
    """Of transformers 4 or 5."""
    document = json.loads((_DATA / f"loaders{major}.json").read_text("utf-8"))
    return Loaders(
        frozenset(document["model_types"]),
        {kind: first(version or document["transformers"]) for kind, version in document["since"].items()},
        frozenset(document["processors"]),
        document["processor_tokens"],
        frozenset(document["without_template"]),
        frozenset(document["tokenizer_classes"]),
        frozenset(document["without_vocabulary"]),
        frozenset(document["scored"]),
        document["tokenizers"],
        frozenset(document["misnamed"]),
        {
            name: frozenset(files.split("|"))
            for files, names in document["vocabularies"].items()
            for name in names
            if files
        },
        document["fields"],
    )


class OwnTypes(NamedTuple):
    """What an engine brings itself, beside transformers."""

    types: frozenset[str] = frozenset()
    """Model types whose config it reads with a class of its own."""
    architectures: frozenset[str] = frozenset()
    """Architectures that it builds with code of its own."""
    modules: Mapping[str, frozenset[str]] = {}
    """By key of tokenizer_config.json, the modules that its value may name."""
    pooling: frozenset[str] = frozenset()
    """Of ``architectures``, those that make vectors or scores, and no text."""
    backend: frozenset[str] = frozenset()
    """Classes of transformers that it builds besides."""
    quantizations: frozenset[str] = frozenset()
    """The ``quant_method``s that it starts with."""
    tokenizers: frozenset[str] = frozenset()
    """Model types for whose tokenizer it has a class of its own."""
    guards_rope: bool = False
    """Whether it passes over a RoPE that is scaled from a length that the config class does not have."""


NO_OWN_TYPES: Final = OwnTypes()


@cache
def own_types(engine: str) -> OwnTypes:
    """Of an engine by its id; data, written by ``dev/tools/engine_types.py`` from its wheel, and for the
    backend by ``dev/tools/backend_classes.py``.
    """
    document = json.loads((_DATA / "engine_types.json").read_text("utf-8"))[engine]
    modules = {key: frozenset(names) for key, names in document.get("modules", {}).items()}
    classes = document.get("backend", {}).get("classes", {})
    return OwnTypes(
        frozenset(document["types"]),
        frozenset(document["architectures"]),
        modules,
        frozenset(document.get("pooling", ())),
        frozenset(start + end for end, starts in classes.items() for start in starts),
        frozenset(document.get("quantizations", ())),
    )


@cache
def _built() -> Mapping[str, JsonObject]:
    document = json.loads((_DATA / "tokenizer_parts.json").read_text("utf-8"))
    found: dict[str, JsonObject] = {name: {} for name in document["as_it_is"]}
    for names, parts in document["built"]:
        found |= dict.fromkeys(names, parts)
    return found


def built_parts(name: str) -> JsonObject | None:
    """Parts of ``tokenizer.json`` that a class of transformers 5 builds by itself, whatever the file says.

    By the name that the file has for them; none for a class that takes the file as it is; `None` where
    that is not known. Data, written by ``dev/tools/tokenizer_parts.py``.
    """
    return _built().get(name)


def _is(kinds: Sequence[str], value: JsonValue) -> bool:
    if value is None:
        return "null" in kinds
    if isinstance(value, list):
        return "list of int" in kinds and all(type(entry) is int for entry in value)
    return type(value) is int and "int" in kinds
