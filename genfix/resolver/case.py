"""What is asked about one model folder: the value that a verb is given and hands down, whole."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from genfix.folder import Progress

if TYPE_CHECKING:
    from genfix.resolver.shared_work import SharedWork

ModelLocation: TypeAlias = str | os.PathLike[str]
"""A path of a model folder, or ``hf://org/name[@revision]``; for a base also ``org/name[@revision]``, or
``auto``: what the folder itself names."""


class Case(NamedTuple):
    """A model folder, what it is judged against, and by which rules."""

    target: ModelLocation
    base: ModelLocation | None = None
    adapter: ModelLocation | None = None
    """The adapter that was merged; `None`: one beside ``target`` is looked for."""
    select: str | Collection[str] = ()
    """Codes of the rules that count, or beginnings of codes; none: all."""
    ignore: str | Collection[str] = ()
    """Those of the rules that do not count."""
    engines: str | Collection[str] = ()
    """The engines whose harm counts, such as ``vllm`` or ``sglang@0.4``; none: all."""
    unsafe_fixes: bool = False
    """Whether fixes are wanted that could override a training choice."""
    offline: bool = False
    """Whether what is not on this machine is taken from the caches only."""
    allow_base_mismatch: bool = False
    """Whether a base is used that disagrees on architecture or token ids."""
    baseline: ModelLocation | None = None
    """A file that names findings which do not count."""
    state_dir: Path | None = None
    """Where backups are; `None`: in ``.cache/huggingface/genfix`` inside the folder."""
    shared: "SharedWork | None" = None
    """What is the same in many folders, where many are judged."""
    progress: Progress | None = None
    """Is called with how far fetching is."""
