"""The catalogue: official models by their ids, with the facts that were read of each.

``official.json`` is made by ``dev/tools/official_models.py``; nothing in it is written by hand. What was not
read is `None` there: it tells nothing.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue
from genfix.model.siblings import same_name

DATA: Final = Path(__file__).with_name("official.json")


class Source(NamedTuple):
    """Where a fact was read."""

    repository: str
    commit: str
    file: str


class OfficialModel(NamedTuple):
    """One model."""

    id: str
    """On the Hub."""
    modelscope: str | None = None
    former: tuple[str, ...] = ()
    """Names that it had, before its organisation or it was renamed."""
    type: str | None = None
    """``model_type``; `None` where no config of it was read, and only its names are known."""
    sizes: Mapping[str, int] = {}
    facts: Mapping[str, JsonValue] = {}
    """What a folder of it says, as `facts_of` has it."""
    sources: tuple[Source, ...] = ()

    @property
    def stops(self) -> tuple[int, ...]:
        """Where transformers stops: its ``generation_config.json``, or else the EOS of ``config.json``."""
        ids = self.facts.get("stops", self.facts.get("eos"))
        return tuple(number for number in ids if isinstance(number, int)) if isinstance(ids, list) else ()

    def source_of(self, file: str) -> Source | None:
        """Where the model's file of that name was read; `None` where it was not."""
        return next((source for source in self.sources if source.file.rpartition("/")[2] == file), None)


@lru_cache(maxsize=1)
def official_models() -> tuple[OfficialModel, ...]:
    """All rows, by id."""
    return tuple(map(_row, _rows()))


@lru_cache(maxsize=1)
def read_models() -> tuple[OfficialModel, ...]:
    """Those with facts, not only a name."""
    return tuple(_row(row) for row in _rows() if "type" in row)


@lru_cache(maxsize=1)
def _rows() -> list[JsonObject]:
    rows: JsonValue = json.loads(DATA.read_bytes())
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def official(name: str) -> OfficialModel | None:
    """The row of a model that has this id, there or on ModelScope, or had it."""
    wanted = name.removeprefix("hf://").removeprefix("ms://").partition("@")[0].casefold()
    for row in official_models():
        if wanted in {known.casefold() for known in (row.id, row.modelscope, *row.former) if known}:
            return row
    return None


def official_named(name: str) -> OfficialModel | None:
    """The row of a model whose name a path or id ends in, whoever publishes the copy; `None` for several."""
    exact = official(name)
    if exact is not None:
        return exact
    named = [row for row in official_models() if same_name(row.id, name)]
    return named[0] if len(named) == 1 else None


def _row(row: JsonObject) -> OfficialModel:
    sizes, facts, sources = row.get("sizes"), row.get("facts"), row.get("sources")
    return OfficialModel(
        id=_text(row.get("id")) or "",
        modelscope=_text(row.get("modelscope")),
        former=tuple(_texts(row.get("former"))),
        type=_text(row.get("type")),
        sizes={name: size for name, size in sizes.items() if isinstance(size, int)}
        if isinstance(sizes, dict)
        else {},
        facts=facts if isinstance(facts, dict) else {},
        sources=tuple(
            Source(*_texts(source))
            for source in (sources if isinstance(sources, list) else [])
            if len(_texts(source)) == 3
        ),
    )


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: JsonValue) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
