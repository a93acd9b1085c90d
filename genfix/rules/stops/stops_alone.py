"""GF109 and GF110: a stop set that the folder's own files contradict.

Who is right: config.json's list where generation_config.json has a part of it; the tokenizer's EOS where
neither has a token that ends anything. Ids are added, never taken away.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines import read_eos
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import Missing
from genfix.message import Message, message
from genfix.model.purpose import generates
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Harm, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.reasons import BASE_HAS_THE_GAP
from genfix.rules.core.rule import Rule, rule
from genfix.rules.stops.own_stops import OwnStops, own_stops, settles_ends, wanted_ids
from genfix.rules.stops.stop_set import named_ids, never_stops, own_stop_evidence, write_stop_ids

_POINTER: Final = "/eos_token_id"
_MEANT: Final = message(
    "why-stops-by-itself", "the model may stop by code of its own, or was published without a stop token"
)
_INNER_MODEL: Final = message(
    "why-inner-model-generates",
    "the folder's own class may have its language model generate, which stops by its part of config.json",
)


@rule(
    "GF109",
    "stop-tokens-hidden",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="answers run past their end, often into the user's next turn, up to max_tokens",
)
def _hidden(context: Context, rule: Rule) -> Iterator[Finding]:
    """`generation_config.json` lists only a part of the stop token ids in the folder's own `config.json`, or
    ordinary words of the vocabulary, while `config.json` has the tokenizer's EOS.

    Why: transformers and vLLM do not ask `config.json` while `generation_config.json` is there: its list is
    right, and hidden. Trainers write the second file anew with the tokenizer's one EOS, and the merge copies
    it; the list in `config.json` is the one the model came with.

    Fix: The ids of `config.json` and the file's own. What the chat template ends a turn with joins them where
    it would be added anyway.

    Safety: Safe: ids are only added, and the folder itself lists them as the model's. An id beyond the
    embedding is left out. Error where vLLM then stops at no end of a turn (where no template tells the ends:
    at none of the ids that are hidden), else warning: vLLM has the tokenizer's EOS, and transformers has not.
    Information, and unsafe, where the base has the same gap; else, beside a base, its own list is asked, not
    `config.json`. The same where the file lists nothing, the model's class is the folder's own, and a part of
    `config.json` has these ids too: the model of that part may be what generates.

    Sources:
    - zai-org/GLM-4#297
    - transformers 5.23.0: generation/configuration_utils.py `from_pretrained`
    - vLLM 0.32.0: transformers_utils/config.py `try_get_generation_config`
    """
    own = own_stops(context)
    if own is None or not own.hidden:
        return
    engines = _lost(context, own)
    lost, has = named_ids(context, own.hidden), named_ids(context, own.now)
    found = (
        message("stop-tokens-hidden", "lists {has} only, and hides {lost} of config.json", lost=lost, has=has)
        if own.now
        else message("stop-list-hidden", "lists no stop token, and hides {lost} of config.json", lost=lost)
    )
    may_be_meant = _inner_model_may_generate(context, own)
    severity = Severity.ERROR if "vllm" in engines else Severity.WARNING
    yield _finding(
        context,
        rule,
        own,
        never_stops(engines, found) if engines else found,
        severity=Severity.INFO if may_be_meant else severity,
        objection=_INNER_MODEL if may_be_meant else None,
        witness=Witness.FOLDER,
        engines=engines,
        why=message("why-stop-hidden", "config.json of this folder lists them; ids are only added"),
    )


@rule(
    "GF110",
    "no-stop-token",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="`generate()` writes on up to max_new_tokens; engines that ask the tokenizer stop",
)
def _no_stop(context: Context, rule: Rule) -> Iterator[Finding]:
    """Neither `generation_config.json` nor `config.json` names a token that ends anything, and the tokenizer
    has an EOS, or the chat template ends its turns with a token: there are no ids, or only those of the
    unknown, BOS and padding tokens.

    Why: transformers' `generate()` never stops, or stops at what the config's class takes by itself: `2` for
    a Llama, whose vocabulary may have a word there. vLLM, SGLang and MLX stop at the tokenizer's EOS all the
    same, so where that ends the turns the fault shows only to those who run the model in transformers.

    Fix: The tokenizer's EOS, and what the chat template ends a turn with, are added to `eos_token_id` of
    `generation_config.json`. Where no such file is there, one is made with them and with what engines took
    from `config.json` (BOS, padding, sampling).

    Safety: Safe: ids are only added, most engines stop at the EOS already, and no set is there that the
    template's ends could contradict. Error where the ids are those of tokens that end nothing, or the
    template ends its turns with another token than EOS; else warning. Information, and unsafe, where the base
    is the same, and where there are no ids: for a model with code of its own, which may stop by itself, and
    for one without a chat template that has `null` written out, as some pretrained ones are published.
    Nothing where nothing says that the model generates; beside a base that has a stop set, that set is the
    answer.

    Sources:
    - transformers 5.23.0: generation/utils.py `_prepare_special_tokens`
    - vLLM 0.32.0: sampling_params.py `update_from_generation_config`
    """
    own = own_stops(context)
    if own is None or not own.has_nothing or not (own.is_stated or generates(context.merged)):
        return  # an encoder without `architectures` stops nowhere, and needs no stop
    meant, has_eos = _may_be_meant(context, own), context.eos_id in own.missing
    wanted = {*(own.ends or own.missing)}
    engines = tuple(name for name, view in context.views.items() if wanted.isdisjoint(view.stop_token_ids))
    severity = Severity.ERROR if own.is_stated or "vllm" in engines else Severity.WARNING
    found = _useless(context, own) if own.is_stated else never_stops(engines, _not_stated(context, own))
    yield _finding(
        context,
        rule,
        own,
        found,
        severity=Severity.INFO if meant else severity,
        witness=Witness.TOKENIZER if has_eos else Witness.CHAT_TEMPLATE,
        engines=engines,
        why=message("why-stop-eos", "the tokenizer names this token as EOS; ids are only added")
        if has_eos
        else message(
            "why-stop-only-template",
            "the chat template writes these tokens at a turn's end, and no file says otherwise; "
            "ids are only added",
        ),
        objection=_MEANT if meant else None,
    )


def _useless(context: Context, own: OwnStops) -> Message:
    has = named_ids(context, own.now)
    if context.eos_id not in own.missing:
        return message(
            "stop-tokens-end-no-turn",
            "lists {has} only, an unknown, BOS or padding token that ends nothing; the chat template ends a "
            "turn with {ends}",
            has=has,
            ends=named_ids(context, own.missing),
        )
    return message(
        "stop-tokens-end-nothing",
        "lists {has} only, an unknown, BOS or padding token that ends nothing; the EOS is {eos}",
        has=has,
        eos=named_ids(context, [context.eos_id]),
    )


def _not_stated(context: Context, own: OwnStops) -> Message:
    if context.eos_id not in own.missing:
        return message(
            "no-turn-end-listed",
            "no file lists a stop token; the chat template ends a turn with {ends}",
            ends=named_ids(context, own.missing),
        )
    eos = named_ids(context, [context.eos_id])
    return message("no-stop-token", "no file lists a stop token; the tokenizer's EOS is {eos}", eos=eos)


def _inner_model_may_generate(context: Context, own: OwnStops) -> bool:
    """Whether a class of the folder's own may leave generating to the model of a part of config.json, which
    stops by that part: Florence-2 does so, and is published with a file that lists nothing.
    """
    config, ids = context.merged.config, {*own.listed}
    if own.now or "auto_map" not in config:
        return False
    return any(ids.issubset(read_eos(part).ids) for part in config.values() if isinstance(part, dict))


def _may_be_meant(context: Context, own: OwnStops) -> bool:
    """Whether the model may stop in another way, or was published without a stop token."""
    merged = context.merged
    if own.is_stated or settles_ends(context, own):
        return False
    if "auto_map" in merged.config:
        return True
    files = (merged.config, merged.generation_config.value or {})
    return not merged.template_copies and any("eos_token_id" in file for file in files)


def _lost(context: Context, own: OwnStops) -> tuple[str, ...]:
    """Engines that stop at no end of a turn; where nothing tells the ends, at not all that is hidden."""
    ends = {*own.ends} & {*own.now, *own.hidden}
    stops = {name: {*view.stop_token_ids} for name, view in context.views.items()}
    if ends:
        return tuple(name for name, ids in stops.items() if ends.isdisjoint(ids))
    return tuple(name for name, ids in stops.items() if not ids.issuperset(own.hidden))


def _finding(
    context: Context,
    rule: Rule,
    own: OwnStops,
    found: Message,
    *,
    severity: Severity,
    witness: Witness,
    engines: tuple[str, ...],
    why: Message,
    objection: Message | None = None,
) -> Finding:
    settings, wanted = context.merged.generation_config.value or {}, wanted_ids(context, own)
    return rule.finding(
        GENERATION_CONFIG,
        found,
        severity=Severity.INFO if own.is_of_base else severity,
        witness=witness,
        pointer=_POINTER,
        current=settings.get("eos_token_id", Missing.MISSING),
        expected=wanted,
        evidence=own_stop_evidence(context, engines),
        engines=engines,
        fix=Fix.safe_unless(
            BASE_HAS_THE_GAP if own.is_of_base else objection, why, (write_stop_ids(context, wanted),)
        ),
    )


RULES: Final = (_hidden, _no_stop)
