"""All rules, and the judgement: every rule run on one context."""

from collections.abc import Mapping
from typing import Final

from genfix.model.purpose import generates
from genfix.rules.config import (
    class_names,
    config_values,
    constants,
    lost_config,
    machine_paths,
    model_type,
    rope_settings,
    rope_types,
)
from genfix.rules.core.by_engines import for_named_engines
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Harm, sort_findings
from genfix.rules.core.rule import Rule
from genfix.rules.files import leftovers, local_code, lost_files, processors, shards, side_files, weight_index
from genfix.rules.generation import (
    generation_settings,
    length_limits,
    lost_settings,
    needed_settings,
    published_settings,
    sampling_at_zero,
)
from genfix.rules.loading import engine_problems
from genfix.rules.loading.carried import with_engines
from genfix.rules.readers import newer_layouts, patched_classes, token_lists, tokenizer_class
from genfix.rules.stops import (
    modelfile_stops,
    stop_tokens,
    stop_values,
    stops_alone,
    tokenizer_eos,
    turn_end_tokens,
)
from genfix.rules.template import (
    base_changes,
    broken_templates,
    double_bos,
    lost_templates,
    template_faults,
    template_trained,
    weaker_template,
)
from genfix.rules.tokens import (
    absolute_positions,
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
from genfix.rules.unreadable import not_json, unreadable_files
from genfix.rules.weights import (
    adapter_merge,
    architecture,
    base_tensors,
    class_shapes,
    class_tensors,
    empty_tensors,
    layer_counts,
    layer_lists,
    quantization,
    shapes,
    unnamed_class,
)

_STOPS: Final = (stop_tokens, stop_values, stops_alone, turn_end_tokens, tokenizer_eos, modelfile_stops)
_TEMPLATE: Final = (
    *(lost_templates, broken_templates, template_faults, template_trained, double_bos, weaker_template),
    base_changes,
)
_TOKENS: Final = (
    *(tokenizer_files, trained_tokenizer, added_tokens, token_flags, special_token_list, bos_and_pad),
    *(pad_rows, truncation, slow_vocabulary, pre_tokenizer, named_tokens, absolute_positions),
)
_CONFIG: Final = (
    *(
        lost_config,
        config_values,
        model_type,
        rope_settings,
        rope_types,
        constants,
        class_names,
        machine_paths,
    ),
)
_WEIGHTS: Final = (
    *(shapes, layer_counts, layer_lists, quantization, architecture),
    *(class_tensors, class_shapes, empty_tensors, base_tensors, unnamed_class, adapter_merge),
)
_FILES: Final = (lost_files, shards, weight_index, side_files, leftovers, processors, local_code)
_GENERATION: Final = (
    *(generation_settings, length_limits, lost_settings, needed_settings, published_settings),
    sampling_at_zero,
)
_READERS: Final = (tokenizer_class, token_lists, patched_classes, newer_layouts)
_UNREADABLE: Final = (unreadable_files, not_json)
_LOADING: Final = (engine_problems,)
_FAMILIES: Final = (
    *(_STOPS, _TEMPLATE, _TOKENS, _CONFIG, _WEIGHTS),
    *(_FILES, _GENERATION, _READERS, _UNREADABLE, _LOADING),
)

RULES: Final[Mapping[str, Rule]] = {
    rule.code: rule
    for rule in sorted(
        (rule for family in _FAMILIES for module in family for rule in module.RULES),
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code, in the order of codes."""


def judge(context: Context) -> tuple[Finding, ...]:
    """All findings on a folder, worst first."""
    asked = [*RULES.values()]
    if generates(context.merged) is False:
        asked = [rule for rule in asked if not rule.question.of_generating]
    last = [rule for rule in asked if rule in engine_problems.RULES]
    found = [finding for rule in asked if rule not in last for finding in rule.check(context, rule)]
    context.said = tuple(found)
    found += [finding for rule in last for finding in rule.check(context, rule)]
    found = with_engines(found, context.problems, context.engine_views)
    return sort_findings(for_named_engines(found, context, _never_stops))


def _never_stops(finding: Finding) -> bool:
    return RULES[finding.code].harm is Harm.ENDLESS
