"""A plan as a value: exactly what would be written, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from genfix.display import in_notebook, printed
from genfix.engines import EngineView
from genfix.folder import Origin
from genfix.message import Message
from genfix.rules import Finding, Witness


@dataclass(frozen=True, slots=True)
class Source:
    """A base or an adapter that a plan rests on."""

    origin: Origin
    inputs: Mapping[str, str]
    """SHA-256 of each of its config files; empty for a repo, which its commit pins."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """The new bytes of one file."""

    name: str
    before: bytes | None
    """The bytes now; `None` where the file is new."""
    after: bytes | None
    """The bytes then; `None` where the file goes, into the backup."""
    source: Witness | None
    """Whose file `after` is, byte for byte: the base's or the adapter's; `None` for an edit."""
    codes: tuple[str, ...]
    """Codes of the findings the change clears."""
    base: bytes | None = field(default=None, compare=False)
    """The base's bytes, for comparing: only of a template or a small JSON file that the base has."""

    def __repr__(self) -> str:
        size = "removed" if self.after is None else f"{len(self.after)} bytes"
        return f"<FileChange {self.name}: {size}, {', '.join(self.codes)}>"


@dataclass(frozen=True, slots=True)
class Plan:
    """Fixes resolved into bytes, judged again on the planned result."""

    target: str
    """The folder as the user wrote it."""
    base: str | None
    """The base's label and commit, or `None`."""
    findings: tuple[Finding, ...]
    """What is wrong now."""
    changes: tuple[FileChange, ...]
    """In order of names; empty where there is nothing to do."""
    remaining: tuple[Finding, ...]
    """What is still wrong afterwards."""
    inputs: Mapping[str, str | None]
    """Digests of every file of the folder the plan rests on; `None` for one that must not exist.

    SHA-256, as `genfix.folder.input_digest` has it.
    """
    views_before: Mapping[str, EngineView]
    """What every engine does with the folder now, by its name."""
    views_after: Mapping[str, EngineView]
    base_views: Mapping[str, EngineView]
    """What they do with the base; empty without one."""
    tokens: Mapping[int, str] = field(default_factory=dict)
    """The texts of the stop ids in the views, where the folder's tokenizer has them."""
    sources: Mapping[Witness, Source] = field(default_factory=dict)
    """The base and the adapter, as far as there are any."""
    known: tuple[Finding, ...] = ()
    """What is wrong and in the caller's baseline: it is left as it is, and counts for nothing."""
    notes: tuple[Message, ...] = ()
    """What the reader should know about how the plan came about, a sentence each."""

    @property
    def fixed(self) -> tuple[Finding, ...]:
        """The findings that the plan clears."""
        left = {finding.key for finding in self.remaining}
        return tuple(finding for finding in self.findings if finding.key not in left)

    def __repr__(self) -> str:
        """Short: its parts have megabytes."""
        changes, left = len(self.changes), len(self.remaining)
        return f"<Plan of {self.target}: {changes} files change, {left} findings left>"

    def __str__(self) -> str:
        return printed(self)

    def _repr_html_(self) -> str:
        return in_notebook(self)


def action_of(before: str | bytes | None, after: str | bytes | None) -> str:
    """What becomes of a file, from its content or digest before and after."""
    if after is None:
        return "quarantine"
    return "create" if before is None else "rewrite"
