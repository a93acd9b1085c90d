"""All rules, and the judgement: every rule run on one context."""

from collections.abc import Mapping
from typing import Final

from genfix.rules import (
    architecture,
    config,
    config_values,
    files,
    generation,
    leftovers,
    quantization,
    shapes,
    shards,
    side_files,
    spellings,
    stop_tokens,
    template_faults,
    templates,
    token_settings,
    token_tables,
    tokenizer,
    turn_ends,
    unreadable,
)
from genfix.rules.context import Context
from genfix.rules.finding import Finding, sort_findings
from genfix.rules.rule import Rule

__all__ = ["RULES", "judge"]

RULES: Final[Mapping[str, Rule]] = {
    rule.code: rule
    for rule in sorted(
        (
            *stop_tokens.RULES,
            *turn_ends.RULES,
            *templates.RULES,
            *template_faults.RULES,
            *tokenizer.RULES,
            *token_tables.RULES,
            *token_settings.RULES,
            *config.RULES,
            *config_values.RULES,
            *shapes.RULES,
            *quantization.RULES,
            *architecture.RULES,
            *files.RULES,
            *shards.RULES,
            *side_files.RULES,
            *generation.RULES,
            *spellings.RULES,
            *leftovers.RULES,
            *unreadable.RULES,
        ),
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code, in the order of codes."""


def judge(context: Context) -> tuple[Finding, ...]:
    """All findings on a folder, worst first."""
    return sort_findings([finding for rule in RULES.values() for finding in rule.check(context, rule)])
