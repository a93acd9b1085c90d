"""What a rule is: a code, a name, a documentation, and a function from a context to findings."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from genfix.json_types import JsonValue, Missing
from genfix.message import Message
from genfix.rules.context import Context
from genfix.rules.finding import Finding, Fix, Severity, Witness

__all__ = ["Rule", "RuleDoc"]


class RuleDoc(NamedTuple):
    """The page of a rule, as paragraphs of Markdown."""

    what: str
    """What the finding means."""
    why: str
    """Which engines it hurts, and how that shows."""
    fix: str
    """How the fix is derived."""
    safety: str
    """When the fix is safe, unsafe or manual, and why."""
    sources: tuple[str, ...]
    """Issues, threads and engine files the rule rests on."""


class Rule(NamedTuple):
    """One rule. `check` yields findings made with `finding`, so that code and name are written once."""

    code: str
    name: str
    severity: Severity
    """The worst severity the rule gives; each finding's own follows from the engine views."""
    needs_base: bool
    doc: RuleDoc
    check: Callable[[Context, "Rule"], Iterable[Finding]]

    def finding(
        self,
        file: str,
        message: Message,
        *,
        severity: Severity | None = None,
        witness: Witness,
        pointer: str | None = None,
        current: JsonValue | Missing = Missing.MISSING,
        expected: JsonValue | Missing = Missing.MISSING,
        evidence: Iterable[Message] = (),
        engines: Iterable[str] = (),
        fix: Fix | None = None,
    ) -> Finding:
        """A finding of this rule."""
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity or self.severity,
            file=file,
            message=message,
            witness=witness,
            pointer=pointer,
            current=current,
            expected=expected,
            evidence=tuple(evidence),
            engines=tuple(engines),
            fix=fix,
        )
