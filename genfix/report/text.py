"""Findings and rules for people at a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Final

from genfix.json_types import JsonValue
from genfix.report.fields import field_lines
from genfix.report.language import Language
from genfix.report.layout import columns, pad, wrap
from genfix.report.show import show
from genfix.report.style import Style
from genfix.rules import RULES, Applicability, Finding, Fix, Rule, Severity

__all__ = [
    "Harm",
    "count",
    "explanation",
    "finding_lines",
    "findings_text",
    "harm",
    "headlines",
    "rule_doc",
    "rules_text",
    "summary",
]

_INDENT: Final = "    "
_MOST_EVIDENCE: Final = 5
_STOP_FILE: Final = frozenset({"GF601", "GF602"})


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


def harm(finding: Finding) -> Harm:
    """The group that a finding belongs to."""
    if finding.severity is not Severity.ERROR:
        return Harm.WORSE if finding.severity is Severity.WARNING else Harm.KNOWN
    stops = finding.code.startswith("GF1") or finding.code in _STOP_FILE
    return Harm.ENDLESS if stops and finding.code != "GF104" else Harm.BROKEN


def findings_text(findings: Sequence[Finding], style: Style, *, verbose: bool, fields: bool = True) -> str:
    """All findings by harm, worst first; information only where ``verbose``.

    ``fields`` adds the values that the fixes would set: not where the changed lines follow anyway.
    """
    shown = [finding for finding in findings if verbose or finding.severity is not Severity.INFO]
    groups = []
    for kind in Harm:
        of_kind = [finding for finding in shown if harm(finding) is kind]
        if of_kind:
            title = style.mark(style.phrase(f"harm-{kind}"), "bold")
            groups.append("\n".join([title, *_group_lines(of_kind, style, fields=fields)]))
    return "\n\n".join(groups)


def _group_lines(findings: Sequence[Finding], style: Style, *, fields: bool) -> Iterator[str]:
    """Findings of one harm; what neighbours of one rule have in common is said once, after the last."""

    def told(finding: Finding) -> tuple[str, ...]:
        return (finding.code, *_labelled_lines(finding, style))

    for (_, *common), group in groupby(findings, told):
        same = list(group)
        for finding in same:
            yield from _head_lines(finding, style)
        yield from common
        if fields:
            for finding in same:
                yield from _field_lines(finding, style)


def finding_lines(finding: Finding, style: Style) -> Iterator[str]:
    """One finding: what and where, how it shows, who says so, and what becomes of it."""
    yield from _head_lines(finding, style)
    yield from _labelled_lines(finding, style)
    yield from _field_lines(finding, style)


def _head_lines(finding: Finding, style: Style) -> Iterator[str]:
    place = show(f"{finding.file} {finding.pointer}" if finding.pointer else finding.file)
    yield f"{_severity(finding.severity, style)} {style.mark(finding.code, 'bold')} {place}"
    yield from wrap(style.words(finding.message), style.room, _INDENT)


def _labelled_lines(finding: Finding, style: Style) -> Iterator[str]:
    """How the finding shows, the witness, and the fix, each after its label."""
    symptom = _symptom(finding, style)
    if symptom:
        yield from _labelled("label-shows", [symptom], style)
    evidence = [style.words(told) for told in finding.evidence[:_MOST_EVIDENCE]]
    if len(finding.evidence) > _MOST_EVIDENCE:
        evidence.append(style.phrase("and-more", count=len(finding.evidence) - _MOST_EVIDENCE))
    yield from _labelled("label-witness", [style.phrase(f"witness-{finding.witness}"), *evidence], style)
    if finding.fix is not None:
        yield from _labelled("label-fix", [_fix_text(finding.fix, style)], style)


def _symptom(finding: Finding, style: Style) -> str:
    """How the harm shows and in which engines; the words are those of the rule's worst case."""
    engines: list[JsonValue] = [*finding.engines]
    worst = finding.severity is RULES[finding.code].severity
    words = style.catalogue.get(f"shows-{finding.code}", "") if worst else ""
    if words and engines:
        return style.phrase("shows-in", words=words, engines=engines)
    return words or (style.phrase("in-engines", engines=engines) if engines else "")


def _fix_text(fix: Fix, style: Style) -> str:
    return style.phrase(f"fix-{fix.applicability}", why=style.words(fix.why))


def _labelled(label: str, texts: Sequence[str], style: Style) -> Iterator[str]:
    wide = max(columns(style.phrase(name)) for name in ("label-shows", "label-witness", "label-fix"))
    rest = " " * (len(_INDENT) + wide + 2)
    first = _INDENT + pad(style.phrase(label), wide + 2)
    for number, text in enumerate(texts):
        for line in wrap(text, style.room, rest if number else first, rest):
            yield style.mark(line, "dim")


def _field_lines(finding: Finding, style: Style) -> Iterator[str]:
    yield from field_lines(finding, style, _INDENT + _INDENT)


def headlines(findings: Sequence[Finding], style: Style) -> str:
    """How bad each finding is, which rule, where, and what, without the reasons."""
    lines: list[str] = []
    for finding in findings:
        text = f"{finding.code} {show(finding.file)}{style.phrase('colon')}{style.words(finding.message)}"
        severity = _severity(finding.severity, style)
        wide = columns(style.phrase(f"severity-{finding.severity}"))
        blank = " " * (max(wide, _severity_width(style)) + 1)
        first, *rest = wrap(text, style.room, blank)
        lines += [
            f"{severity} {first[len(blank) :].replace(finding.code, style.mark(finding.code, 'bold'), 1)}",
            *rest,
        ]
    return "\n".join(lines)


def _severity(severity: Severity, style: Style) -> str:
    return style.severity(severity, pad(style.phrase(f"severity-{severity}"), _severity_width(style)))


def _severity_width(style: Style) -> int:
    return max(columns(style.phrase(f"severity-{severity}")) for severity in Severity)


def count(findings: Iterable[Finding]) -> Mapping[Severity, int]:
    """How many findings of each severity, worst first."""
    counted = Counter(finding.severity for finding in findings)
    return {severity: counted[severity] for severity in Severity}


def summary(findings: Sequence[Finding], style: Style, *, verbose: bool = False) -> str:
    """One line that counts the findings and what can be fixed."""
    if not findings:
        return style.mark(style.phrase("nothing-to-report"), "green")
    separator = style.phrase("list-separator")
    counted = count(findings)
    text = separator.join(
        style.severity(severity, style.phrase(f"count-{severity}", count=number))
        for severity, number in counted.items()
        if number
    )
    fixable = Counter(finding.fix.applicability for finding in findings if finding.fix is not None)
    for kind in (Applicability.SAFE, Applicability.UNSAFE):
        if fixable[kind]:
            text += style.phrase(f"count-{kind}", count=fixable[kind])
    return text + (style.phrase("verbose-shows-info") if counted[Severity.INFO] and not verbose else "")


def explanation(rule: Rule, style: Style) -> str:
    """The documentation of one rule."""
    severity = style.phrase(f"severity-{rule.severity}")
    parts = [style.phrase("rule-title", code=rule.code, name=rule.name, severity=severity)]
    parts[0] = parts[0].replace(rule.code, style.mark(rule.code, "bold"), 1)
    for title, text in zip(("what", "why", "fix", "safety"), rule_doc(rule, style.language), strict=True):
        heading = style.mark(style.phrase(f"rule-{title}"), "bold")
        parts += ["", heading, *wrap(text, style.room)]
    heading = style.mark(style.phrase("rule-sources"), "bold")
    return "\n".join([*parts, "", heading, *(f"- {source}" for source in rule.doc.sources)])


def rule_doc(rule: Rule, language: Language) -> Sequence[str]:
    """What a rule says of itself: what it means, why it hurts, how it is fixed, and whether that is safe."""
    if language is Language.CHINESE:
        from genfix.report.rules_zh import CHINESE  # noqa: PLC0415 - only for readers of Chinese

        return CHINESE.get(rule.code, rule.doc[:4])
    return rule.doc[:4]


def rules_text(style: Style) -> str:
    """All rules, a line each."""
    width = max(len(rule.name) for rule in RULES.values())
    severities = _severity_width(style)
    lines = []
    for rule in RULES.values():
        severity = style.severity(rule.severity, pad(style.phrase(f"severity-{rule.severity}"), severities))
        alone = "" if rule.needs_base else style.phrase("also-without-base")
        lines.append(f"{style.mark(rule.code, 'bold')} {rule.name:<{width}} {severity}{alone}".rstrip())
    return "\n".join(lines)
