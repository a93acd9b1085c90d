"""`GenfixCallback`: checks each checkpoint that transformers' Trainer saves, and keeps its config files.

Facts: transformers 5.24.0 and 4.57.6, ``trainer.py`` and ``trainer_callback.py``: ``on_save`` comes after the
checkpoint was written to ``output_dir/checkpoint-STEP``, in every process.
"""

import logging
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, Unpack

from genfix.api.judging import Report, check
from genfix.api.keeping import snapshot
from genfix.api.keywords import CheckOptions
from genfix.errors import GenfixError
from genfix.resolver.case import ModelLocation
from genfix.rules import Severity

if TYPE_CHECKING:

    class TrainerCallback:
        """What transformers has; it is not installed where types are checked."""

else:
    try:
        from transformers import TrainerCallback
    except ImportError as missing:
        raise ImportError(
            "GenfixCallback needs transformers: pip install 'genfix[transformers]'"
        ) from missing

OnCheckpoint: TypeAlias = Callable[[Path, Report], object]
"""Is told the folder of a checkpoint, and what was found there."""

_LOG: Final = logging.getLogger("genfix")


class _Arguments(Protocol):
    output_dir: str | None


class _State(Protocol):
    global_step: int
    is_world_process_zero: bool


class _Control(Protocol):
    should_training_stop: bool


class GenfixCallback(TrainerCallback):
    """Checks each checkpoint when it is saved, and keeps a snapshot of its config files.

    A checkpoint that genfix cannot judge (of an adapter only, say) is a warning of the logger ``genfix``, as
    are errors that are found; training goes on. Only the main process looks.

    Args:
        base: The model that is trained, as for `genfix.check`; it may be the folder that training began from.
        keep: Whether a snapshot is kept: ``genfix log`` lists it, ``genfix restore`` brings it back.
        on_checkpoint: Called with each checkpoint's folder and report.
        stop_on_error: Whether training stops where a checkpoint has an error: hours are worth more than a
            checkpoint that no engine loads.
        options: As for `genfix.check`.

    """

    def __init__(
        self,
        base: ModelLocation | None = None,
        *,
        keep: bool = True,
        on_checkpoint: OnCheckpoint | None = None,
        stop_on_error: bool = False,
        **options: Unpack[CheckOptions],
    ) -> None:
        super().__init__()
        self._base = base
        self._keep = keep
        self._on_checkpoint = on_checkpoint
        self._stop_on_error = stop_on_error
        self._options = options
        self.reports: MutableMapping[int, Report] = {}
        """What was found, by the step of the checkpoint."""

    def on_save(self, args: _Arguments, state: _State, control: _Control, **given: object) -> None:
        """See `transformers.TrainerCallback`."""
        del given
        if not state.is_world_process_zero:
            return
        folder = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
        try:
            report = check(folder, self._base, **self._options)
            if self._keep:
                snapshot(folder, f"step {state.global_step}", state_dir=self._options.get("state_dir"))
        except GenfixError as error:
            _LOG.warning("%s was not checked: %s", folder, error)
            return
        self.reports[state.global_step] = report
        errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
        for finding in errors:
            _LOG.warning("%s: %s", folder, finding.text)
        if errors and self._stop_on_error:
            control.should_training_stop = True
        if self._on_checkpoint is not None:
            self._on_checkpoint(folder, report)
