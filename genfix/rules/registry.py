"""All rules, and the judgement: every rule run on one context."""

from collections.abc import Mapping
from typing import Final

from genfix.rules import (
    added_tokens,
    architecture,
    bos_and_pad,
    config,
    config_values,
    files,
    generation,
    layer_counts,
    leftovers,
    named_tokens,
    newer_layouts,
    pad_rows,
    patched_classes,
    pre_tokenizer,
    quantization,
    rope,
    shapes,
    shards,
    side_files,
    slow_vocabulary,
    special_token_list,
    spellings,
    stop_tokens,
    template_faults,
    templates,
    token_flags,
    tokenizer,
    trained_tokenizer,
    truncation,
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
            *trained_tokenizer.RULES,
            *added_tokens.RULES,
            *token_flags.RULES,
            *special_token_list.RULES,
            *bos_and_pad.RULES,
            *pad_rows.RULES,
            *truncation.RULES,
            *slow_vocabulary.RULES,
            *pre_tokenizer.RULES,
            *named_tokens.RULES,
            *config.RULES,
            *config_values.RULES,
            *rope.RULES,
            *shapes.RULES,
            *layer_counts.RULES,
            *quantization.RULES,
            *architecture.RULES,
            *files.RULES,
            *shards.RULES,
            *side_files.RULES,
            *generation.RULES,
            *spellings.RULES,
            *patched_classes.RULES,
            *leftovers.RULES,
            *newer_layouts.RULES,
            *unreadable.RULES,
        ),
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code, in the order of codes."""


def judge(context: Context) -> tuple[Finding, ...]:
    """All findings on a folder, worst first."""
    return sort_findings([finding for rule in RULES.values() for finding in rule.check(context, rule)])
