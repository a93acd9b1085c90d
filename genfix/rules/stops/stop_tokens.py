"""GF1xx: the token ids that end generation.

Who is right about the stop set: the base's set as long as merged speaks the base's chat template; merged's
own template where it is another one. Ids are added, never taken away.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from genfix.engines import read_eos
from genfix.folder.kinds import CONFIG, GENERATION_CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.class_defaults import absent_values
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Harm, SetField, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.reasons import OTHER_TEMPLATE
from genfix.rules.core.rule import Rule, rule
from genfix.rules.stops.stop_set import (
    base_stops,
    named,
    named_ids,
    set_stop_ids,
    stop_evidence,
    stops_narrowed,
    union,
)

_KEY: Final = "eos_token_id"
_POINTER: Final = "/eos_token_id"


@rule(
    "GF101",
    "stop-tokens-narrowed",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    needs_base=True,
    shows="answers run past their end, often into the user's next turn, up to max_tokens",
)
def _narrowed(context: Context, rule: Rule) -> Iterator[Finding]:
    """`generation_config.json` lists fewer stop token ids in `eos_token_id` than the base's, or none at all.

    Why: transformers' `generate()` stops only at the ids of `generation_config.json`; vLLM adds the
    tokenizer's EOS to them. A file that is present but narrow (or has no `eos_token_id`) even hides the right
    list in `config.json`. The model then writes its turn end as text and goes on, often with the user's next
    turn, until `max_tokens` (`finish_reason: length`). Training frameworks add their template's stop words
    themselves, so the same folder stops there and not in vLLM.

    Fix: The union of the base's ids and the folder's own, base first; where the file has none, with those of
    `config.json`, which it hid. An id is added only where it means the same token in both folders.

    Safety: Safe while the chat template is the base's (or both have none): its turn ends are the base's. So
    where the folder has lost its template and nothing shows that it was another. Where the folder has another
    template, or the base is a sibling of the model it was made from, the base's ids may never have been
    trained here: silent where the folder stops at all ends of its own template, else unsafe. Ids are never
    removed. Severity: error where an engine that stops with the base no longer does, else warning;
    information against a sibling.

    Sources:
    - zai-org/GLM-4#297
    - ms-swift a91ed10: swift/llm/sft.py, swift/trainers/mixin.py
    - transformers 5.23.0: generation/utils.py
    - vLLM 0.32.0: sampling_params.py `update_from_generation_config`
    - verl-project/verl#1277
    """
    file = context.merged.generation_config
    if context.base is None or file.value is None:
        return
    own = read_eos(file.value)
    base_ids = context.base_views["transformers5"].stop_token_ids
    lost = _lost(context, base_ids, own.ids)
    if not lost or (own.invalid and context.template_objection is None):
        return
    engines = context.engines_that_lost_their_stop()
    # What the file hid comes back with it: a file without ids hides those of config.json.
    kept = own.ids or read_eos({_KEY: context.merged.config_value(_KEY)}).ids
    wanted = union((i for i in base_ids if i in lost or i in kept), kept)
    operation = set_stop_ids(context, GENERATION_CONFIG, wanted)
    if context.template_objection is None:
        severity = Severity.ERROR if engines else Severity.WARNING
        fix = Fix.safe(base_stops(context), operation)
    else:
        kin = context.chat_objection is not None
        severity = Severity.INFO if context.end_ids or kin else Severity.WARNING
        fix = Fix.unsafe(
            message(
                "why-stop-other-template",
                "the chat template is not the base's: its stop tokens may not be trained here",
            )
            if context.template_objection == OTHER_TEMPLATE
            else context.template_objection,
            operation,
        )
    names, has = named_ids(context, lost), named_ids(context, own.ids)
    yield rule.finding(
        GENERATION_CONFIG,
        stops_narrowed(names, has)
        if own.ids
        else message(
            "stop-tokens-absent",
            "has no stop token, which hides the list of config.json; the base stops at {lost}",
            lost=names,
            has=has,
        ),
        severity=severity,
        witness=Witness.BASE,
        pointer=_POINTER,
        current=file.value.get(_KEY, Missing.MISSING),
        expected=wanted,
        evidence=stop_evidence(context, engines),
        engines=engines,
        fix=fix,
    )


@rule(
    "GF103",
    "config-stop-tokens-narrowed",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="answers run past their end, up to max_tokens",
)
def _config_narrowed(context: Context, rule: Rule) -> Iterator[Finding]:
    """`config.json` lists fewer ids in `eos_token_id` than the base's `config.json`; without a base whose
    template is the folder's, another token than both the tokenizer's EOS and the turn end of the template.

    Why: SGLang joins this list with that of `generation_config.json`; transformers and vLLM fall back to it
    where `generation_config.json` cannot be read. HF Trainer and some merge tools narrow it to one id.

    Fix: The union of the base's ids and the folder's own, in the base's spelling where they are the same.
    Without such a base the tokenizer's EOS.

    Safety: Safe while the chat template is the base's, or lost here and nothing shows that it was another;
    else unsafe and information, as against a sibling of the base. Error where vLLM loses its stop, warning
    where it has the tokenizer's EOS, and transformers has not. Only what the base's own `config.json` has
    is restored: equal lists in both files are not a goal (Qwen2.5 ships one id here and two there). By the
    tokenizer and the template alone it is information, and unsafe: `generation_config.json` is what counts.

    Sources:
    - SGLang 0.5.23: srt/configs/model_config.py `_get_hf_eos_token_id`
    - transformers 4.57.6: trainer.py `_align_special_tokens`
    """
    if not context.merged.config:
        return
    if context.base is None or not (context.template_equal or context.template_lost):
        yield from _another_in_config(context, rule)  # the folder's own template says where it stops
        return
    base = read_eos({_KEY: context.base.config_value(_KEY)})
    current = context.merged.config_value(_KEY)
    own = read_eos({_KEY: current})
    lost = _lost(context, base.ids, own.ids)
    if not lost or own.invalid:
        return
    pointer = context.merged.config_pointer(_KEY) or _POINTER
    # Engines ask config.json where generation_config.json cannot be read; transformers 5 no default then.
    asked = context.merged.generation_config.value is None
    if not asked and _is_given_by_class(context.merged, pointer, lost):
        return
    engines = context.engines_that_lost_their_stop() if asked else ()
    wanted = union((i for i in base.ids if i in lost or i in own.ids), own.ids)
    objection = context.template_objection
    severity = Severity.ERROR if "vllm" in engines else Severity.WARNING
    yield rule.finding(
        CONFIG,
        message(
            "config-stop-tokens-narrowed",
            "eos_token_id is {has}; the base's config.json also lists {lost}",
            lost=named_ids(context, lost),
            has=named_ids(context, own.ids),
        ),
        severity=severity if objection is None else Severity.INFO,
        witness=Witness.BASE,
        pointer=pointer,
        current=Missing.MISSING if current is None else current,
        expected=wanted,
        engines=engines,
        fix=Fix.safe_unless(
            objection, base_stops(context), (set_stop_ids(context, CONFIG, wanted, pointer),)
        ),
    )


def _another_in_config(context: Context, rule: Rule) -> Iterator[Finding]:
    """What config.json says, against the tokenizer and the template, which agree."""
    merged, eos = context.merged, context.eos_id
    pointer, current = merged.config_pointer(_KEY), merged.config_value(_KEY)
    own = read_eos({_KEY: current})
    ends = {*merged.end_ids.values()}
    agreed = eos in ends or (context.writes_eos and not ends)
    if (
        eos is None
        or pointer is None
        or not agreed
        or not own.ids
        or not ends.union([eos]).isdisjoint(own.ids)
    ):
        return
    wanted: JsonValue = union([eos], own.ids) if isinstance(current, list) else eos
    yield rule.finding(
        CONFIG,
        message(
            "config-stop-token-of-nobody",
            "eos_token_id is {has}; the tokenizer's EOS, which ends a turn of the chat template, is {eos}",
            has=named_ids(context, own.ids),
            eos=named_ids(context, [eos]),
        ),
        severity=Severity.INFO,
        witness=Witness.TOKENIZER,
        pointer=pointer,
        current=current,
        expected=wanted,
        fix=Fix.unsafe(
            message("why-config-stop-token", "engines ask generation_config.json before this file"),
            SetField(CONFIG, pointer, wanted),
        ),
    )


def _is_given_by_class(merged: Model, pointer: str, lost: Sequence[int]) -> bool:
    """Whether the class of the model's type has these ids where config.json has no ``eos_token_id``."""
    if _KEY in merged.config or _KEY in merged.text_config:
        return False
    taken = absent_values(merged, pointer)
    return bool(taken) and all({*lost} <= {*read_eos({_KEY: value}).ids} for value in taken)


@rule(
    "GF105",
    "stop-token-not-here",
    Severity.WARNING,
    question=STOPS,
    harm=Harm.ENDLESS,
    needs_base=True,
    shows="answers may run on, or be cut at the wrong token",
)
def _not_here(context: Context, rule: Rule) -> Iterator[Finding]:
    """A stop token id of the base is another token in this folder, or lies beyond the embedding.

    Why: The id would never be produced, or would cut answers at the wrong token. The turn end may have no
    token here at all.

    Fix: None: the tokenizer or the embedding was changed, so the base's id says nothing about this model.

    Safety: Manual. Look up the id of the turn end in this folder's tokenizer and add that one.

    Sources:
    - SGLang, LMDeploy, vLLM: ids beyond the vocabulary raise nowhere
    """
    if context.base is None or context.template_objection is not None:
        return
    rows, base_rows = context.merged.vocab_rows, context.base.vocab_rows
    other = [
        token_id
        for token_id in context.base_views["transformers5"].stop_token_ids
        if not context.same_token(token_id) and (base_rows is None or token_id < base_rows)
    ]
    if not other or _stops_anyway(context):
        return
    yield rule.finding(
        GENERATION_CONFIG,
        message(
            "stop-token-not-here",
            "stop tokens of the base are not the same tokens here: {ids}",
            ids=[named(token_id, context.base) for token_id in other],
        ),
        witness=Witness.TOKENIZER,
        pointer=_POINTER,
        evidence=[
            message(
                "evidence-beyond-rows",
                "{id} lies beyond the {rows} rows of the embedding",
                id=token_id,
                rows=rows,
            )
            if rows is not None and token_id >= rows
            else message(
                "evidence-other-token",
                "{id} is {text} here",
                id=token_id,
                text=context.merged.tokenizer.text(token_id),
            )
            for token_id in other
        ],
        fix=Fix.manual(
            message(
                "why-stop-not-here",
                "the tokenizer or the embedding was changed: look up the turn end in this folder's tokenizer",
            )
        ),
    )


def _stops_anyway(context: Context) -> bool:
    """Whether every engine stops at a turn end of merged's own: a renumbered tokenizer that is in order."""
    ends = set(context.merged.end_ids.values())
    return bool(ends) and not any(ends.isdisjoint(view.stop_token_ids) for view in context.views.values())


def _lost(context: Context, base_ids: Sequence[int], own_ids: Sequence[int]) -> list[int]:
    """The base's ids that merged lacks and could take; none where the base's set is right for the base only.

    That is so where it never knew merged's turn end, as in a chat fine-tune of a pretrained model whose repo
    ships a chat template (Qwen2.5), and where merged has its own template and stops at all ends of that.
    """
    ends = set(context.end_ids)
    if ends and ends.isdisjoint(base_ids) and not ends.isdisjoint(own_ids):
        return []
    if ends and ends.issubset(own_ids) and not context.template_equal:
        return []
    return [token_id for token_id in base_ids if token_id not in own_ids and context.same_token(token_id)]


RULES: Final = (_narrowed, _config_narrowed, _not_here)
