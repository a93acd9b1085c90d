"""The one JSON form of findings and engine views, for plan files and reports.

A plan file keeps the ids of sentences, a report has them in English: ``say`` makes the difference.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from genfix.engines import EngineView
from genfix.json_types import JsonValue, Missing
from genfix.message import Message
from genfix.rules import Finding

Say: TypeAlias = Callable[[Message], JsonValue]


def finding_json(finding: Finding, say: Say = str) -> dict[str, JsonValue]:
    """One finding; a value that is not there has no key."""
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "file": finding.file,
        "pointer": finding.pointer,
        "message": say(finding.message),
        **present({"current": finding.current, "expected": finding.expected}),
        "witness": str(finding.witness),
        "evidence": [*map(say, finding.evidence)],
        "engines": [*finding.engines],
        "fix": {"applicability": str(fix.applicability), "why": say(fix.why)} if fix is not None else None,
    }


def view_json(view: EngineView, say: Say = str) -> dict[str, JsonValue]:
    """What one engine does with a folder."""
    template = view.chat_template
    return {
        "version": view.version,
        "stop_token_ids": [*view.stop_token_ids],
        "stop_strings": [*view.stop_strings],
        "sampling": present(view.sampling),
        "chat_template": {"source": template.source, "sha256": template.sha256} if template else None,
        "context_length": view.context_length,
        "problems": [say(problem.message) for problem in view.problems],
        "trace": [*map(say, view.trace)],
    }


def action_of(before: str | bytes | None, after: str | bytes | None) -> str:
    """What becomes of a file, from its content or digest before and after."""
    if after is None:
        return "quarantine"
    return "create" if before is None else "rewrite"


def present(values: Mapping[str, JsonValue | Missing]) -> dict[str, JsonValue]:
    """The values that are there."""
    return {key: finite(value) for key, value in values.items() if not isinstance(value, Missing)}


def finite(value: JsonValue) -> JsonValue:
    """``value`` with NaN and the infinities, which are no JSON, as the words they are written with."""
    match value:
        case float() if not math.isfinite(value):
            return json.dumps(value)
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value
