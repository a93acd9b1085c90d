"""Where tools leave what a merged folder was made from: around it, by its name and place.

axolotl merges into ``merged/`` inside the run's folder, ms-swift's ``checkpoint-7`` becomes
``checkpoint-7-merged`` beside it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SWIFT: Final = "args.json"
SWIFT_2: Final = "sft_args.json"
ADAPTER: Final = "adapter_config.json"
MERGEKIT: Final = ("mergekit_config.yml", "mergekit_moe_config.yml")
TRAINING: Final = "training_args.yaml"
TRACES: Final = frozenset({SWIFT, SWIFT_2, ADAPTER, *MERGEKIT, TRAINING})
"""Files of tools that may name a base."""

_MERGED_NAME: Final = re.compile(r"(?P<run>.+?)[-_]merged")
_PLAIN_WORDS: Final = frozenset(
    [
        *("merged", "merge", "model", "checkpoint", "final", "full", "lora", "adapter", "weights", "output"),
        *("hf", "fp16", "bf16", "fp32", "16bit", ""),
    ]
)
"""Words in the name of a merged folder that name no run."""


def run_folders(folder: Path) -> Iterator[Path]:
    """Folders that the name and the place of the merged ``folder`` (an absolute path) point at.

    In ``work/qwen-merged`` or ``work/base`` whatever is in ``work`` belongs to something else.
    """
    named = _MERGED_NAME.fullmatch(folder.name)
    if named is not None:
        yield folder.parent / named["run"]
    if _names_no_other(folder.name, folder.parent.name):
        yield folder.parent


def names_a_merge(folder: Path) -> bool:
    """Whether the folder's name says that something was merged in it."""
    return not _words(folder.name).isdisjoint({"merged", "merge"})


def _names_no_other(name: str, parent: str) -> bool:
    return all(word.isdigit() for word in _words(name) - _PLAIN_WORDS - _words(parent))


def _words(text: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", text.lower()))
