"""All rules, and the judgement: every rule run on one context."""

from collections.abc import Mapping
from typing import Final

from genfix.rules.config import config_values, lost_config, rope_settings
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, sort_findings
from genfix.rules.core.rule import Rule
from genfix.rules.files import leftovers, lost_files, shards, side_files
from genfix.rules.generation import generation_settings
from genfix.rules.readers import newer_layouts, patched_classes, spellings
from genfix.rules.stops import stop_tokens, turn_end_tokens
from genfix.rules.template import lost_templates, template_faults
from genfix.rules.tokens import (
    added_tokens,
    bos_and_pad,
    named_tokens,
    pad_rows,
    pre_tokenizer,
    slow_vocabulary,
    special_token_list,
    token_flags,
    tokenizer_files,
    trained_tokenizer,
    truncation,
)
from genfix.rules.unreadable import unreadable_files
from genfix.rules.weights import architecture, layer_counts, quantization, shapes

RULES: Final[Mapping[str, Rule]] = {
    rule.code: rule
    for rule in sorted(
        (
            *stop_tokens.RULES,
            *turn_end_tokens.RULES,
            *lost_templates.RULES,
            *template_faults.RULES,
            *tokenizer_files.RULES,
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
            *lost_config.RULES,
            *config_values.RULES,
            *rope_settings.RULES,
            *shapes.RULES,
            *layer_counts.RULES,
            *quantization.RULES,
            *architecture.RULES,
            *lost_files.RULES,
            *shards.RULES,
            *side_files.RULES,
            *generation_settings.RULES,
            *spellings.RULES,
            *patched_classes.RULES,
            *leftovers.RULES,
            *newer_layouts.RULES,
            *unreadable_files.RULES,
        ),
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code, in the order of codes."""


def judge(context: Context) -> tuple[Finding, ...]:
    """All findings on a folder, worst first."""
    return sort_findings([finding for rule in RULES.values() for finding in rule.check(context, rule)])
