"""What a rule is: a function from a context to findings, what is known of it, and its page, the function's
docstring.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from genfix.json_types import JsonValue, Missing
from genfix.message import Message
from genfix.rules.core.context import Context
from genfix.rules.core.documentation import RuleDoc, documentation
from genfix.rules.core.finding import Finding, Fix, Harm, Severity, Witness
from genfix.rules.core.questions import Question

Check: TypeAlias = "Callable[[Context, Rule], Iterable[Finding]]"


class Rule(NamedTuple):
    """One rule. `check` yields findings made with `finding`, so that code and name are written once."""

    code: str
    name: str
    severity: Severity
    """The worst severity the rule gives; each finding's own follows from the engine views."""
    check: Check
    question: Question
    harm: Harm
    """What an error of this rule does to the model."""
    needs_base: bool
    shows: str
    """How the worst case shows to somebody who serves the model, in a few words; empty for what only informs.
    """
    milder: str = ""
    """How a warning of a rule of errors shows, where that is not "in some cases" the same."""

    @property
    def doc(self) -> RuleDoc:
        """The rule's page."""
        return documentation(self.check.__doc__ or "")

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


def rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    question: Question,
    harm: Harm = Harm.BROKEN,
    needs_base: bool = False,
    shows: str = "",
    milder: str = "",
) -> Callable[[Check], Rule]:
    """Make a rule of the function below; its docstring has the parts of `RuleDoc`."""
    return lambda check: Rule(code, name, severity, check, question, harm, needs_base, shows, milder)
