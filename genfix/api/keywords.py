"""The keyword options of the verbs, described once."""

from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

from genfix.folder import Progress
from genfix.resolver.case import ModelLocation


class OpenOptions(TypedDict, total=False):
    """How a folder is opened."""

    offline: bool
    """Take what is not on this machine from the caches only."""
    state_dir: Path | None
    """Where backups are, if not in ``.cache/huggingface/genfix`` inside the folder."""
    progress: Progress | None
    """Told while several files are fetched from the Hub: any function of a `Fetching`, or a `FetchBar`."""


class DiffOptions(OpenOptions, total=False):
    """How a folder and its base are opened."""

    allow_base_mismatch: bool
    """Use a base that disagrees on architecture or token ids all the same."""


class WeightOptions(DiffOptions, total=False):
    """What the weights of a folder are compared with."""

    adapter: ModelLocation | None
    """The folder or Hub repo of the adapter that was merged; default: one beside the folder."""


class CheckOptions(WeightOptions, total=False):
    """How a folder is judged."""

    select: str | Collection[str]
    """The rules that count, by code, beginning of a code or name: ``"GF101"``, or ``["GF1",
    "generation-config-missing"]``; none: all."""
    ignore: str | Collection[str]
    """The rules that do not count, in the same way."""
    engines: str | Collection[str]
    """The engines that run the model, such as ``vllm`` or ``sglang@0.4``: what harms only others is
    information; none: judged for all."""
    baseline: ModelLocation | None
    """A file that names findings which shall not count (`write_baseline`)."""


class PlanOptions(CheckOptions, total=False):
    """How a folder is repaired."""

    unsafe_fixes: bool
    """Add the fixes that could override a training choice."""
