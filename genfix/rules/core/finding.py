"""Findings and fixes as values."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeAlias

from genfix.json_types import JsonValue, Missing
from genfix.message import Message
from genfix.show import show


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


class Harm(StrEnum):
    """What a finding does to the model, worst first; reports are grouped by it."""

    ENDLESS = "endless"
    """An engine never stops."""
    BROKEN = "broken"
    """An engine does not load the folder, fails on requests, or answers with noise."""
    WORSE = "worse"
    """Something is worse than in the base, or breaks under some condition."""
    KNOWN = "known"
    """Worth knowing."""


class Witness(StrEnum):
    """The source of truth a finding rests on."""

    BASE = "base"
    ADAPTER = "adapter"
    """The LoRA folder that was merged: its tokenizer and template are those of the training."""
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


# Operations carry their kind: tuples with the same values are equal, whatever their classes.


class RestoreFile(NamedTuple):
    """Write the file of this name that `source` (base or adapter) has, byte-identical."""

    file: str
    source: Witness = Witness.BASE
    kind: Literal["restore-file"] = "restore-file"


class WriteFile(NamedTuple):
    """Write this content: a file that is new, or a template, which is no JSON to edit."""

    file: str
    content: bytes
    kind: Literal["write-file"] = "write-file"


class SetField(NamedTuple):
    """Set the value at a JSON pointer; a new key goes where the base's key order has it."""

    file: str
    pointer: str
    value: JsonValue
    key_order: tuple[str, ...] = ()
    kind: Literal["set-field"] = "set-field"


class CopyField(NamedTuple):
    """Set the value at a JSON pointer to that of `source`, in the very text the file there has for it.

    Big integers, float spelling and line breaks survive: ``1000000000000000019884624838656`` stays itself.
    """

    file: str
    pointer: str
    source: Witness = Witness.BASE
    kind: Literal["copy-field"] = "copy-field"


class RemoveField(NamedTuple):
    """Remove the value at a JSON pointer."""

    file: str
    pointer: str
    kind: Literal["remove-field"] = "remove-field"


class StripBom(NamedTuple):
    """Take the byte order mark off a file's start."""

    file: str
    kind: Literal["strip-bom"] = "strip-bom"


class Mend(NamedTuple):
    """Write the folder's own file with its mistakes taken out, so that it parses; what it says stays."""

    file: str
    content: bytes
    kind: Literal["mend"] = "mend"


class Quarantine(NamedTuple):
    """Move a small file out of the folder, into the backup."""

    file: str
    kind: Literal["quarantine"] = "quarantine"


Operation: TypeAlias = (
    RestoreFile | WriteFile | SetField | CopyField | RemoveField | StripBom | Mend | Quarantine
)


class Fix(NamedTuple):
    """How a finding is cleared: operations in order (none where it is `Applicability.MANUAL`), and why so."""

    applicability: Applicability
    why: Message
    operations: tuple[Operation, ...] = ()

    @classmethod
    def safe(cls, why: Message, *operations: Operation) -> "Fix":
        """One that ``repair`` makes by itself."""
        return cls(Applicability.SAFE, why, operations)

    @classmethod
    def unsafe(cls, why: Message, *operations: Operation) -> "Fix":
        """One that a person has to want."""
        return cls(Applicability.UNSAFE, why, operations)

    @classmethod
    def manual(cls, why: Message) -> "Fix":
        """None: ``why`` says what a person has to decide."""
        return cls(Applicability.MANUAL, why)

    @classmethod
    def safe_unless(cls, objection: Message | None, why: Message, operations: tuple[Operation, ...]) -> "Fix":
        """Safe, with ``why``; unsafe where there is an ``objection``, which is then what a person reads."""
        applicability = Applicability.SAFE if objection is None else Applicability.UNSAFE
        return cls(applicability, objection or why, operations)


class Finding(NamedTuple):
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

    @property
    def text(self) -> str:
        """The finding as an English sentence, after its code and the file's name."""
        return f"{self.code} {show(self.file)}: {self.message}"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Finding {self.severity} {self.text}>"


SHOWN: Final = 5
"""How many names a message has room for."""


def shown(names: Iterable[str]) -> list[JsonValue]:
    """The first of ``names``."""
    return [*islice(names, SHOWN)]


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Worst first, then by code, file and pointer."""
    return tuple(sorted(findings, key=lambda finding: (finding.severity.rank, *finding.key)))
