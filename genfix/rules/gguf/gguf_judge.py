"""The judgement of a GGUF: by itself, by the folder it was converted from, and by its base."""

from collections.abc import Sequence

from genfix.rules.core.finding import Finding, sort_findings
from genfix.rules.core.registry import RULES
from genfix.rules.gguf.gguf_context import GgufContext
from genfix.rules.gguf.gguf_sizes import size_findings
from genfix.rules.gguf.gguf_stops import stop_findings
from genfix.rules.gguf.gguf_texts import text_findings


def judge_gguf(contexts: Sequence[GgufContext]) -> tuple[Finding, ...]:
    """All findings, worst first. What one witness has said of a place, the next one does not say again."""
    found: dict[tuple[str, str, str], Finding] = {}
    for context in contexts:
        modelfile = RULES["GF112"]
        for finding in (
            *stop_findings(context),
            *text_findings(context),
            *size_findings(context),
            *modelfile.check(context, modelfile),
        ):
            found.setdefault(finding.key, finding)
    return sort_findings([*found.values()])
