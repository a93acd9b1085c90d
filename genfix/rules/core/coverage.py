"""What a judgement covers: which kind of folder it was, by which witnesses it was judged, and what nobody
here could tell.
"""

from enum import StrEnum
from typing import NamedTuple

from genfix.rules.core.context import Context
from genfix.rules.core.finding import Witness


class FolderKind(StrEnum):
    """What was judged."""

    MODEL = "model"
    CONFIG_FILES = "config-files"
    """No weights, and no index of any: nobody loads it as it is."""
    EXPORT = "export"
    """A graph or a GGUF, which carries its own config and vocabulary."""


class Gap(StrEnum):
    """What could not be judged."""

    LOST = "lost"
    """Files and keys that the base has: no base is known."""
    SHAPES = "shapes"
    """What tensors say: no header of weights was read."""


class Coverage(NamedTuple):
    """Of one judgement."""

    kind: FolderKind
    witnesses: tuple[Witness, ...]
    gaps: tuple[Gap, ...]


def coverage(context: Context) -> Coverage:
    """What `judge` could ask on ``context``."""
    merged, has_base = context.merged, context.base is not None
    has_tensors = merged.weights.has_tensors
    if context.is_model:
        kind = FolderKind.MODEL
    else:
        kind = FolderKind.EXPORT if merged.weights.is_export else FolderKind.CONFIG_FILES
    asked = {
        Witness.BASE: has_base,
        Witness.ADAPTER: context.adapter is not None,
        Witness.WEIGHTS: has_tensors,
        Witness.FOLDER: context.has_files,
        Witness.ENGINE: True,
    }
    lacking = {Gap.LOST: not has_base, Gap.SHAPES: not has_tensors}
    return Coverage(
        kind,
        tuple(witness for witness, is_there in asked.items() if is_there),
        tuple(gap for gap, is_there in lacking.items() if is_there),
    )
