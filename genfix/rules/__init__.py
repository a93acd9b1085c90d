"""The rules, and what they find."""

from genfix.rules.core.context import Context
from genfix.rules.core.documentation import RuleDoc
from genfix.rules.core.finding import (
    Applicability,
    CopyField,
    Finding,
    Fix,
    Harm,
    Mend,
    Operation,
    Quarantine,
    RemoveField,
    RestoreFile,
    SetField,
    Severity,
    StripBom,
    Witness,
    WriteFile,
    sort_findings,
)
from genfix.rules.core.registry import RULES, judge
from genfix.rules.core.rule import Rule

__all__ = [
    "RULES",
    "Applicability",
    "Context",
    "CopyField",
    "Finding",
    "Fix",
    "Harm",
    "Mend",
    "Operation",
    "Quarantine",
    "RemoveField",
    "RestoreFile",
    "Rule",
    "RuleDoc",
    "SetField",
    "Severity",
    "StripBom",
    "Witness",
    "WriteFile",
    "judge",
    "sort_findings",
]
