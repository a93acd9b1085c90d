"""Findings as a JUnit report, which Jenkins, GitLab and Azure Pipelines show as tests.

The elements are those that all of them read (https://github.com/testmoapp/junitxml): a suite for each folder,
and in it a case for each finding.
"""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from genfix.report.outcome import Failure, Outcome
from genfix.rules import Finding, Severity
from genfix.show import show


def junit_text(parts: Sequence[Outcome | Failure], *, verbose: bool) -> str:
    """An XML document with a suite for each of ``parts``.

    A finding is a test that fails, with its severity as the type of the failure; information is one that
    passes, shown only where ``verbose``. A folder without findings is one test that passes.
    """
    root = ET.Element("testsuites", name="genfix")
    for part in parts:
        if isinstance(part, Failure):
            root.append(_failed(part))
        else:
            root.append(_judged(part, verbose=verbose))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, "unicode")}'


def _judged(outcome: Outcome, *, verbose: bool) -> ET.Element:
    shown = [finding for finding in outcome.findings if verbose or finding.severity is not Severity.INFO]
    failing = sum(finding.severity is not Severity.INFO for finding in shown)
    suite = _suite(outcome.target, max(len(shown), 1), failures=failing)
    for finding in shown:
        suite.append(_case(outcome, finding))
    if not shown:
        ET.SubElement(suite, "testcase", classname=show(outcome.target), name="config files")
    return suite


def _case(outcome: Outcome, finding: Finding) -> ET.Element:
    path, line = show(outcome.path(finding.file)), str(outcome.line(finding))
    name = show(f"{finding.code} {finding.name} {finding.pointer or ''}".rstrip())
    case = ET.Element("testcase", classname=path, name=name, file=path, line=line)
    said = "\n".join([f"{path}:{line}: {finding.message}", *(f"- {each}" for each in finding.evidence)])
    if finding.severity is Severity.INFO:
        ET.SubElement(case, "system-out").text = said
    else:
        kind = str(finding.severity)
        ET.SubElement(case, "failure", message=str(finding.message), type=kind).text = said
    return case


def _failed(failure: Failure) -> ET.Element:
    suite = _suite(failure.target or "genfix", 1, errors=1)
    case = ET.SubElement(suite, "testcase", classname=show(failure.target or "genfix"), name="config files")
    ET.SubElement(case, "error", message=failure.error.message, type="error").text = failure.error.hint
    return suite


def _suite(name: str, tests: int, *, failures: int = 0, errors: int = 0) -> ET.Element:
    counts = {"tests": str(tests), "failures": str(failures), "errors": str(errors)}
    return ET.Element("testsuite", {"name": show(name), **counts})
