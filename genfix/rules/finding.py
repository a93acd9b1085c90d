"""Findings and fixes as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from genfix.json_types import JsonValue, Missing
from genfix.message import Message
from genfix.model.json_edit import Raw

__all__ = [
    "Applicability",
    "Finding",
    "Fix",
    "Operation",
    "RemoveField",
    "RestoreFile",
    "SetField",
    "Severity",
    "StripBom",
    "Witness",
    "sort_findings",
]


class Severity(StrEnum):
    """How much harm a finding does."""

    ERROR = "error"
    """An engine does not load the folder, does not stop, or fails on a request."""
    WARNING = "warning"
    """Something is worse than in the base, or breaks under some condition."""
    INFO = "info"
    """Worth knowing; a healthy folder may have it."""

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Witness(StrEnum):
    """The source of truth a finding rests on."""

    BASE = "base"
    WEIGHTS = "weights"
    TOKENIZER = "tokenizer"
    CHAT_TEMPLATE = "chat_template"
    FOLDER = "folder"
    """The folder's own other files."""
    ENGINE = "engine"
    """The engines' own loading code."""


class Applicability(StrEnum):
    """Whether ``repair`` applies a fix by itself."""

    SAFE = "safe"
    """Restores what was provably lost, or follows from the folder's own witnesses."""
    UNSAFE = "unsafe"
    """Could override a training choice; applied with ``--unsafe-fixes`` only."""
    MANUAL = "manual"
    """No automatic fix; `Fix.why` says what a person has to decide."""


@dataclass(frozen=True, slots=True)
class RestoreFile:
    """Write the base's file of this name, byte-identical."""

    file: str


@dataclass(frozen=True, slots=True)
class SetField:
    """Set the value at a JSON pointer; a new key goes where the base's key order has it."""

    file: str
    pointer: str
    value: JsonValue | Raw
    key_order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveField:
    """Remove the value at a JSON pointer."""

    file: str
    pointer: str


@dataclass(frozen=True, slots=True)
class StripBom:
    """Take the byte order mark off a file's start."""

    file: str


Operation: TypeAlias = RestoreFile | SetField | RemoveField | StripBom


@dataclass(frozen=True, slots=True)
class Fix:
    """How a finding is cleared: operations in order (none where it is `Applicability.MANUAL`), and why so."""

    applicability: Applicability
    why: Message
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    code: str
    name: str
    severity: Severity
    file: str
    message: Message
    witness: Witness
    pointer: str | None = None
    """JSON pointer in `file`; `None` where the whole file is meant."""
    current: JsonValue | Missing = Missing.MISSING
    expected: JsonValue | Missing = Missing.MISSING
    evidence: tuple[Message, ...] = ()
    engines: tuple[str, ...] = ()
    """Engines that suffer, by name."""
    fix: Fix | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the finding from one judgement to the next."""
        return (self.code, self.file, self.pointer or "")


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Worst first, then by code, file and pointer."""
    return tuple(sorted(findings, key=lambda finding: (finding.severity.rank, *finding.key)))
