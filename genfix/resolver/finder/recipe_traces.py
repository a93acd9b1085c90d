"""YAML files of a training or merge beside what it wrote: which base they name, and whether they are of this
folder.

LLaMA-Factory and axolotl keep no copy of the recipe in what they write (0.9.5, 0.19.0): it lies where its
user put it, and is of this folder where it names it as its output. NeMo AutoModel (0.7.0,
components/checkpoint/checkpointing.py) and verl's hydra write theirs into the run.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from genfix.model import Model
from genfix.resolver.finder.yaml_models import yaml_words

_MOST_FILES: Final = 40
_MOST_BYTES: Final = 256 * 1024
_LEVELS_UP: Final = 3
_OUTPUTS: Final = ("export_dir", "output_dir", "adapter_name_or_path", "lora_model_dir")
"""Keys of the folder that a recipe writes to or merges."""
_NAMES: Final = ("model_name_or_path", "base_model")
_RUNS: Final = (
    ("config.yaml", "model.pretrained_model_name_or_path"),  # NeMo AutoModel
    (".hydra/config.yaml", "actor_rollout_ref.model.path"),  # verl
    (".hydra/config.yaml", "model.partial_pretrain"),  # verl's trainer on examples, before 0.6
    (".hydra/config.yaml", "model.path"),  # and since
)
"""Files in the folder of a run, and the key in it that names the base."""


class Recipe(NamedTuple):
    """A base that a recipe names."""

    file: str
    key: str
    named: str


def recipes_of(folder: Path) -> Iterator[Recipe]:
    """What recipes in and around the merged ``folder`` (an absolute path) name as its base."""
    above = list(folder.parents)[:_LEVELS_UP]
    for place in (folder, *above):
        for file, key in _RUNS:
            words = yaml_words(_text(place / file))
            if key in words:
                yield Recipe(str(place / file), key, words[key])
    for place in (folder, *above[:2]):
        for path in _recipes_in(place):
            words = yaml_words(_text(path))
            if place == folder or any(_is_at(words.get(key), folder) for key in _OUTPUTS):
                for key in _NAMES:
                    if key in words:
                        yield Recipe(str(path), key, words[key])


def best_checkpoint(merged: Model, folder: Path) -> Iterator[Path]:
    """The checkpoint that ``trainer_state.json`` names (transformers 5.24, trainer_callback.py): what lies
    there is of the same run.
    """
    named = merged.object("trainer_state.json").get("best_model_checkpoint")
    if not isinstance(named, str) or not named.isprintable() or named.startswith(("//", "\\")):
        return
    for root in (Path(), *list(folder.parents)[:_LEVELS_UP]):
        if os.path.isdir(place := root / named):  # noqa: PTH112 - a name that is too long is no error
            yield place
            return


def _recipes_in(place: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(place))  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []
    recipes = [name for name in names if name.endswith((".yaml", ".yml")) and not name.startswith("mergekit")]
    return [place / name for name in recipes[:_MOST_FILES] if name != "training_args.yaml"]


def _is_at(named: str | None, folder: Path) -> bool:
    """Whether a path of a recipe ends as that of the folder, or of the run that it lies in."""
    parts = [part for part in (named or "").replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return False
    tails = (folder.parts[-len(parts) :], folder.parent.parts[-len(parts) :])
    return tuple(parts) in tails or (len(parts) == 1 and parts[0] == folder.name)


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ""
