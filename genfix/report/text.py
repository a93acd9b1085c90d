"""Findings and rules for people at a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from genfix.language import Language, translated
from genfix.message import Message, text
from genfix.report.fields import field_lines
from genfix.report.layout import columns, pad, short_commits, wrap
from genfix.report.names import SEVERITIES, WITNESSES, counted
from genfix.report.style import Style
from genfix.rules import RULES, Applicability, Finding, Fix, Harm, Rule, Severity
from genfix.rules.core.harms import harm
from genfix.show import show

_INDENT: Final = "    "
_MOST_EVIDENCE: Final = 5
_SHOWS, _WITNESS, _FIX = text("shows"), text("witness"), text("fix")
RULE_PARTS: Final = (text("What"), text("Why it hurts"), text("Fix"), text("Safety"))
"""The titles of what a rule says of itself."""
_GROUPS: Final[Mapping[Harm, Message]] = {
    Harm.ENDLESS: text("An engine never stops:"),
    Harm.BROKEN: text("An engine does not load the model, fails, or answers with noise:"),
    Harm.WORSE: text("Works, but worse than the base, or not in every engine:"),
    Harm.KNOWN: text("Good to know:"),
}


def findings_text(findings: Sequence[Finding], style: Style, *, verbose: bool, fields: bool = True) -> str:
    """All findings by harm, worst first; information only where ``verbose``.

    ``fields`` adds the values that the fixes would set: not where the changed lines follow anyway.
    """
    shown = [finding for finding in findings if verbose or finding.severity is not Severity.INFO]
    groups = []
    for kind in Harm:
        if of_kind := [finding for finding in shown if harm(finding) is kind]:
            title = style.mark(style.words(_GROUPS[kind]), "bold")
            groups.append("\n".join([title, *_group_lines(of_kind, style, fields=fields)]))
    return "\n\n".join(groups)


def _group_lines(findings: Sequence[Finding], style: Style, *, fields: bool) -> Iterator[str]:
    """Findings of one harm; what neighbours of one rule have in common is said once, after the last."""

    def shared(finding: Finding) -> tuple[str, ...]:
        return (finding.code, *_labelled_lines(finding, style))

    for (_, *common), group in groupby(findings, shared):
        same = list(group)
        for finding in same:
            yield from _head_lines(finding, style)
        yield from common
        for finding in same if fields else ():
            yield from field_lines(finding, style, _INDENT + _INDENT)


def _head_lines(finding: Finding, style: Style) -> Iterator[str]:
    place = show(f"{finding.file} {finding.pointer}" if finding.pointer else finding.file)
    yield f"{_severity(finding.severity, style)} {style.mark(finding.code, 'bold')} {place}"
    yield from wrap(style.words(finding.message), style.room, _INDENT)


def _labelled_lines(finding: Finding, style: Style) -> Iterator[str]:
    """How the finding shows, the witness, and the fix, each after its label."""
    if symptom := _symptom(finding, style):
        yield from _labelled(_SHOWS, [symptom], style)
    evidence = [style.words(said) for said in finding.evidence[:_MOST_EVIDENCE]]
    if len(finding.evidence) > _MOST_EVIDENCE:
        evidence.append(style.text("and {count} more", count=len(finding.evidence) - _MOST_EVIDENCE))
    yield from _labelled(_WITNESS, [style.words(WITNESSES[finding.witness]), *evidence], style)
    if finding.fix is not None:
        yield from _labelled(_FIX, [_fix_text(finding.fix, style)], style)


def symptom(finding: Finding, style: Style) -> str:
    """How the harm shows; of a finding that is milder than its rule's worst case, how far it goes."""
    rule = RULES.get(finding.code)
    if rule is None:
        return ""
    worst = translated(rule.shows, style.language)
    if not worst:
        return style.text("nothing by itself")
    if finding.severity is rule.severity or finding.severity is Severity.ERROR:
        return worst
    if finding.severity is Severity.INFO:
        return style.text("at worst: {symptom}; a healthy folder may have it too", symptom=worst)
    return translated(rule.milder, style.language) or style.text("in some cases: {symptom}", symptom=worst)


def _symptom(finding: Finding, style: Style) -> str:
    """How the harm shows and in which engines."""
    words = symptom(finding, style)
    if words and finding.engines:
        return style.text("{words} ({engines})", words=words, engines=[*finding.engines])
    return words or (style.text("in {engines}", engines=[*finding.engines]) if finding.engines else "")


def _fix_text(fix: Fix, style: Style) -> str:
    match fix.applicability:
        case Applicability.SAFE:
            return style.text("safe: {why}", why=fix.why)
        case Applicability.UNSAFE:
            return style.text("unsafe: {why}", why=fix.why)
        case Applicability.MANUAL:
            return style.text("not automatic: {why}", why=fix.why)


def _labelled(label: Message, texts: Sequence[str], style: Style) -> Iterator[str]:
    wide = max(columns(style.words(name)) for name in (_SHOWS, _WITNESS, _FIX))
    rest = " " * (len(_INDENT) + wide + 2)
    first = _INDENT + pad(style.words(label), wide + 2)
    for number, paragraph in enumerate(texts):
        for line in wrap(paragraph, style.room, rest if number else first, rest):
            yield style.mark(line, "dim")


def headlines(findings: Sequence[Finding], style: Style) -> str:
    """How bad each finding is, which rule, where, and what, without the reasons."""
    lines: list[str] = []
    for finding in findings:
        line = f"{finding.code} {show(finding.file)}{style.text(': ')}{style.words(finding.message)}"
        blank = " " * (_severity_width(style) + 1)
        first, *rest = wrap(line, style.room, blank)
        first = first[len(blank) :].replace(finding.code, style.mark(finding.code, "bold"), 1)
        lines += [f"{_severity(finding.severity, style)} {first}", *rest]
    return "\n".join(lines)


def _severity(severity: Severity, style: Style) -> str:
    return style.severity(severity, pad(style.words(SEVERITIES[severity]), _severity_width(style)))


def _severity_width(style: Style) -> int:
    return max(columns(style.words(said)) for said in SEVERITIES.values())


def count(findings: Iterable[Finding]) -> Mapping[Severity, int]:
    """How many findings of each severity, worst first."""
    numbers = Counter(finding.severity for finding in findings)
    return {severity: numbers[severity] for severity in Severity}


def summary(findings: Sequence[Finding], style: Style, *, verbose: bool = False) -> str:
    """One line that counts the findings and what can be fixed."""
    if not findings:
        return style.mark(style.text("nothing to report"), "green")
    separator = style.text(", ")
    numbers = count(findings)
    line = separator.join(
        style.severity(severity, style.words(counted(severity, number)))
        for severity, number in numbers.items()
        if number
    )
    fixable = Counter(finding.fix.applicability for finding in findings if finding.fix is not None)
    safe, unsafe = fixable[Applicability.SAFE], fixable[Applicability.UNSAFE]
    if safe:
        line += style.text("; {count} can be fixed safely", count=safe)
    if safe and unsafe:
        line += style.text(", {count} only with --unsafe-fixes", count=unsafe)
    elif unsafe:
        line += style.text("; {count} can be fixed only with --unsafe-fixes", count=unsafe)
    return line + (style.text(" (--verbose shows info)") if numbers[Severity.INFO] and not verbose else "")


def judged_line(target: str, base: str | None, outcome: str, style: Style) -> str:
    """Which folder was judged against what, and the outcome, which is marked already."""
    what = (
        style.text("{target} against {base}", target=target, base=base)
        if base
        else style.text("{target} (no base)", target=target)
    )
    return "\n".join(wrap(f"{short_commits(what)}{style.text(': ')}{outcome}", style.room))


def explanation(rule: Rule, style: Style) -> str:
    """The documentation of one rule."""
    severity = SEVERITIES[rule.severity]
    parts = [style.text("{code} {name} ({severity})", code=rule.code, name=rule.name, severity=severity)]
    parts[0] = parts[0].replace(rule.code, style.mark(rule.code, "bold"), 1)
    for title, paragraph in zip(RULE_PARTS, rule_doc(rule, style.language), strict=True):
        parts += ["", style.mark(style.words(title), "bold"), *wrap(paragraph, style.room)]
    heading = style.mark(style.text("Sources"), "bold")
    return "\n".join([*parts, "", heading, *(f"- {source}" for source in rule.doc.sources)])


def rule_doc(rule: Rule, language: Language) -> Sequence[str]:
    """What a rule says of itself: what it means, why it hurts, how it is fixed, and whether that is safe."""
    return [translated(part, language) for part in rule.doc[:4]]


def rules_text(style: Style) -> str:
    """All rules, a line each."""
    width = max(len(rule.name) for rule in RULES.values())
    lines = []
    for rule in RULES.values():
        severity = _severity(rule.severity, style)
        alone = "" if rule.needs_base else style.text("  (also without a base)")
        lines.append(f"{style.mark(rule.code, 'bold')} {rule.name:<{width}} {severity}{alone}".rstrip())
    return "\n".join(lines)
