"""What a sweep hands to its workers and gets back: values that any process can send to another."""

from pathlib import Path
from typing import NamedTuple

from genfix.api.settings import Settings
from genfix.resolver.case import Case, ModelLocation


class Setup(NamedTuple):
    """How all folders of a sweep are judged."""

    base: str | None = None
    """As for `check`; `None`: each folder by its own files."""
    repair: bool = False
    """Whether the safe fixes are made."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    offline: bool = False
    allow_base_mismatch: bool = False
    state_dir: Path | None = None
    seconds: float = 120.0
    """How long one folder may be judged."""
    unsafe_fixes: bool = False
    """Whether a repair makes the unsafe fixes too."""
    baseline: Path | None = None
    """Accepted findings, as for `check`."""
    settings: Settings = Settings()
    """What a project's settings add, for all folders and for single ones."""

    def of(self, path: str) -> "Setup":
        """How one folder is judged: what is said here wins over the settings, as on the command line."""
        found = self.settings.of(path)
        return self._replace(
            base=found.base if self.base is None else self.base,
            select=self.select or found.select,
            ignore=self.ignore if self.select else (*found.ignore, *self.ignore),
            engines=self.engines or found.engines,
            offline=self.offline or bool(found.offline),
            unsafe_fixes=self.unsafe_fixes or bool(found.unsafe_fixes),
            baseline=found.baseline if self.baseline is None else self.baseline,
            settings=Settings(),
        )

    def case(self, path: str) -> Case:
        """The question about one folder."""
        base: ModelLocation | None = self.base
        return Case(
            path,
            base,
            select=self.select,
            ignore=self.ignore,
            engines=self.engines,
            unsafe_fixes=self.unsafe_fixes,
            offline=self.offline,
            allow_base_mismatch=self.allow_base_mismatch,
            baseline=self.baseline,
            state_dir=self.state_dir,
        )


class Task(NamedTuple):
    """A folder to judge."""

    path: str
    """Absolute, or ``hf://org/name``."""
    known: str = ""
    """The digest under which it was judged last; where that still holds nothing is done."""


class Found(NamedTuple):
    """One finding, in English."""

    code: str
    name: str
    severity: str
    harm: str
    file: str
    pointer: str | None
    message: str
    fix: str
    """``safe``, ``unsafe``, ``manual`` or empty."""


class Judgement(NamedTuple):
    """What a sweep knows of one folder."""

    path: str
    inputs: str
    """The digest of all that the judgement rests on; empty where it could not be told."""
    state: str
    """``judged``, ``repaired``, ``refused``, ``failed``, or ``quarantined``: no worker survived it."""
    worst: str = ""
    """What the worst finding does to the model (`Harm`); empty where nothing is found."""
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    base: str = ""
    """What it was judged against; empty: nothing."""
    named_base: str = ""
    """What the folder itself says that its base was."""
    made_by: str = ""
    model_type: str = ""
    transaction: str = ""
    """The newest transaction of genfix on the folder."""
    message: str = ""
    """Why it could not be judged."""
    hint: str = ""
    seconds: float = 0.0
    findings: tuple[Found, ...] = ()


class Answer(NamedTuple):
    """What a worker says of one task; no judgement where the known one still holds."""

    task: Task
    judgement: Judgement | None
