"""The rules, and what they find."""

from genfix.rules.context import Context
from genfix.rules.finding import (
    Applicability,
    CopyField,
    Finding,
    Fix,
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
from genfix.rules.registry import RULES, judge
from genfix.rules.rule import Rule, RuleDoc

__all__ = [
    "RULES",
    "Applicability",
    "Context",
    "CopyField",
    "Finding",
    "Fix",
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
