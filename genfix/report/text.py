"""Findings and rules for people at a terminal."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from genfix.report.messages import words
from genfix.report.show import show
from genfix.report.style import Style
from genfix.rules import RULES, Applicability, Finding, Rule, Severity

__all__ = ["count", "explanation", "finding_lines", "findings_text", "headlines", "rules_text", "summary"]

_INDENT = "        "


def findings_text(findings: Sequence[Finding], style: Style, *, verbose: bool) -> str:
    """All findings, worst first; information only where ``verbose``."""
    shown = [finding for finding in findings if verbose or finding.severity is not Severity.INFO]
    return "\n".join(line for finding in shown for line in finding_lines(finding, style))


def finding_lines(finding: Finding, style: Style) -> Iterator[str]:
    """One finding: what and where on the first lines, then why one may believe it and what becomes of it."""
    place = show(f"{finding.file} {finding.pointer}" if finding.pointer else finding.file)
    severity = style.severity(finding.severity, f"{finding.severity:<7}")
    yield f"{severity} {style.mark(finding.code, 'bold')} {place}"
    yield from _wrapped(words(finding.message), style)
    for evidence in finding.evidence:
        yield from _wrapped(words(evidence), style, bullet="- ")
    if finding.fix is not None:
        label = {
            Applicability.SAFE: "safe fix",
            Applicability.UNSAFE: "unsafe fix",
            Applicability.MANUAL: "no automatic fix",
        }[finding.fix.applicability]
        yield from _wrapped(f"{label}: {words(finding.fix.why)}", style, bullet="> ")


def headlines(findings: Sequence[Finding], style: Style) -> str:
    """One line a finding: how bad, which rule, where, and what."""
    lines = []
    for finding in findings:
        severity = style.severity(finding.severity, f"{finding.severity:<7}")
        text = words(finding.message)
        lines.append(f"{severity} {style.mark(finding.code, 'bold')} {show(finding.file)}: {text}")
    return "\n".join(lines)


def _wrapped(text: str, style: Style, bullet: str = "") -> Iterator[str]:
    lines = textwrap.wrap(
        text,
        max(style.width, 40),
        initial_indent=_INDENT + bullet,
        subsequent_indent=_INDENT + " " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (style.mark(line, "dim") if bullet else line for line in lines)


def count(findings: Iterable[Finding]) -> Mapping[Severity, int]:
    """How many findings of each severity, worst first."""
    counted = Counter(finding.severity for finding in findings)
    return {severity: counted[severity] for severity in Severity}


def summary(findings: Sequence[Finding], style: Style, *, verbose: bool = False) -> str:
    """One line that counts the findings and what can be fixed."""
    if not findings:
        return style.mark("nothing to report", "green")
    parts = [
        style.severity(
            severity, f"{number} {severity}{'' if number == 1 or severity is Severity.INFO else 's'}"
        )
        for severity, number in count(findings).items()
        if number
    ]
    fixable = Counter(finding.fix.applicability for finding in findings if finding.fix is not None)
    text = ", ".join(parts)
    if fixable[Applicability.SAFE]:
        text += f"; {fixable[Applicability.SAFE]} with a safe fix"
    if fixable[Applicability.UNSAFE]:
        text += f"; {fixable[Applicability.UNSAFE]} with an unsafe one"
    hidden = count(findings)[Severity.INFO]
    return text + (" (--verbose shows info)" if hidden and not verbose else "")


def explanation(rule: Rule, style: Style) -> str:
    """The documentation of one rule."""
    parts = [f"{style.mark(rule.code, 'bold')} {rule.name} ({rule.severity})"]
    sections = (
        ("What", rule.doc.what),
        ("Why it hurts", rule.doc.why),
        ("Fix", rule.doc.fix),
        ("Safety", rule.doc.safety),
    )
    for title, text in sections:
        parts += [
            "",
            style.mark(title, "bold"),
            textwrap.fill(text, max(style.width, 40), break_on_hyphens=False),
        ]
    parts += ["", style.mark("Sources", "bold"), *(f"- {source}" for source in rule.doc.sources)]
    return "\n".join(parts)


def rules_text(style: Style) -> str:
    """All rules, a line each."""
    width = max(len(rule.name) for rule in RULES.values())
    return "\n".join(
        f"{style.mark(rule.code, 'bold')} {rule.name:<{width}} {style.severity(rule.severity, rule.severity)}"
        f"{'' if rule.needs_base else '  (also without a base)'}"
        for rule in RULES.values()
    )
