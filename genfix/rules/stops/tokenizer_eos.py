"""GF106 and GF111: the tokenizer's EOS.

Who is right: the base, as long as both speak one template; about an EOS that is no token the set of stop
tokens, and of several the one that ends a turn.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.eos import read_eos
from genfix.folder.kinds import FAST_TOKENIZER, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import Missing
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.purpose import generates
from genfix.model.tokenizer import token_text
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Harm, Operation, SetField, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.stops.stop_set import stop_evidence


@rule(
    "GF106",
    "tokenizer-eos-changed",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    needs_base=True,
    shows="answers run past their end, up to max_tokens",
)
def _tokenizer_eos(context: Context, rule: Rule) -> Iterator[Finding]:
    """`eos_token` of `tokenizer_config.json` is not the base's, or gone, and no chat template of the folder's
    own tells why.

    Why: vLLM, SGLang and MLX stop at the tokenizer's EOS; llama.cpp's converter and Ollama know no other.
    unsloth and merges that load another tokenizer write `<eos>` or `<|endoftext|>` where the model ends its
    turns with `<turn|>` or `<|im_end|>`. A template that writes `eos_token` then also writes the wrong one.

    Fix: The base's `eos_token`, in `tokenizer_config.json` and, where it is there, in
    `special_tokens_map.json`.

    Safety: Safe while the template is the base's, or lost here, and this folder's EOS does not end its turns.
    An EOS that ends a turn of the template, or that the adapter's tokenizer names, is meant and no finding.
    Unsafe, and information, where the token was added here, neither folder has a template to tell, or the
    base is a sibling of the model that the folder was made from.

    Sources:
    - unslothai/unsloth#5386
    - unslothai/unsloth#188
    - axolotl-ai-cloud/axolotl#801
    - llama.cpp: gguf-py/gguf/vocab.py `SpecialVocab`
    """
    base, merged = context.base, context.merged
    if base is None or merged.json(TOKENIZER_CONFIG).value is None:
        return
    if not context.template_equal and not context.template_lost:
        return  # another template: its own EOS is a training choice
    ours, theirs = merged.tokenizer.eos_token, base.tokenizer.eos_token
    if theirs is None or ours == theirs or merged.tokenizer.ids.get(theirs) != base.tokenizer.ids.get(theirs):
        return
    if ours is not None and (_is_trained(context, ours) or ours in merged.end_ids):
        return  # a pretrained model tuned to chat ends its turns with it
    objection = eos_objection(context, ours)
    engines = context.engines_that_lost_their_stop()
    severity = Severity.ERROR if engines else Severity.WARNING
    yield rule.finding(
        TOKENIZER_CONFIG,
        eos_changed(context, ours, theirs),
        severity=Severity.INFO if objection else severity,
        witness=Witness.BASE,
        pointer="/eos_token",
        current=merged.tokenizer_config.get("eos_token", Missing.MISSING),
        expected=base.tokenizer_config.get("eos_token", theirs),
        evidence=stop_evidence(context, engines),
        engines=engines,
        fix=Fix.safe_unless(objection, why_eos_of_base(context), tuple(_put_back(merged, base, theirs))),
    )


def eos_changed(context: Context, ours: str | None, theirs: str) -> Message:
    """What is said of another EOS than the base's."""
    if context.merged.chat_template is not None:
        return message(
            "tokenizer-eos-changed",
            "eos_token is {ours!r}; the base, with the same chat template, has {theirs!r}",
            ours=ours,
            theirs=theirs,
        )
    return message(
        "tokenizer-eos-not-of-base",
        "eos_token is {ours!r}; the base has {theirs!r}, and there is no chat template here",
        ours=ours,
        theirs=theirs,
    )


def why_eos_of_base(context: Context) -> Message:
    """Why the base's EOS is the right one."""
    if context.template_lost:
        return message(
            "why-eos-lost-template",
            "the base's chat template is lost here, and no turn of it ends with the token that is here",
        )
    return message(
        "why-eos-same-template",
        "the chat template is the base's, and no turn of it ends with the token that is here",
    )


def _is_trained(context: Context, token: str) -> bool:
    """Whether the adapter's tokenizer names that EOS: then it was there during training."""
    return context.adapter is not None and context.adapter.tokenizer.eos_token == token


def eos_objection(context: Context, ours: str | None) -> Message | None:
    """What says that another EOS may have been chosen; `None` where nothing does."""
    base = context.base
    if ours is None or base is None:
        return context.template_objection
    if base.tokenizer.is_known and ours not in base.tokenizer.ids and not _is_missing(context, ours):
        return message("why-eos-added", "{token} was added here, so it may have been trained", token=ours)
    if context.merged.chat_template is None and base.chat_template is None:
        return message("why-eos-no-template", "no chat template tells what ends a turn")
    return context.template_objection


def _put_back(merged: Model, base: Model, eos: str) -> Iterator[Operation]:
    maps = (SPECIAL_TOKENS_MAP,) if "eos_token" in merged.object(SPECIAL_TOKENS_MAP) else ()
    for file in (TOKENIZER_CONFIG, *maps):
        if base.object(file).get("eos_token") is not None:
            yield CopyField(file, "/eos_token")
        else:
            yield SetField(file, "/eos_token", eos, base.keys(file))


@rule(
    "GF111",
    "tokenizer-eos-no-token",
    Severity.WARNING,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="converters and servers that ask the tokenizer alone have no stop token",
)
def _no_token(context: Context, rule: Rule) -> Iterator[Finding]:
    """`eos_token` of `tokenizer_config.json` is an empty text, or one that `tokenizer.json` does not have.

    Why: With an empty one the tokenizer has no EOS; another text gets a new id, which the model never writes.
    vLLM, SGLang and MLX lose the stop token that they take from it, llama.cpp's converter and Ollama their
    only one, and a chat template that writes `eos_token` writes nothing, or the wrong thing. Old conversions
    of Llama were published so.

    Fix: The token that the folder's stop set names: where it names several, the one of `config.json`, or the
    one that ends a turn.

    Safety: Safe where one of the files names that token alone: the text is none, and the file says which is
    meant. Unsafe where only the end of a turn tells it from others (Gemma's EOS is none), manual otherwise.
    Information where the base has the same; silent where the base's EOS is put back.

    Sources:
    - transformers 5.24.0 and 4.57.6, run with such files: `eos_token_id` is None, or a new id
    - tloen/alpaca-lora#279
    """
    merged, base = context.merged, context.base
    named = token_text(merged.tokenizer_config.get("eos_token"))
    if not generates(merged) or named is None or (named and not _is_missing(context, named)):
        return
    if not named and merged.tokenizer.eos_token:
        return  # the special tokens map names it, and is read
    if base is not None and base.tokenizer.eos_token and (context.template_equal or context.template_lost):
        return  # the other rule's finding
    shared = base is not None and base.tokenizer_config.get("eos_token") == named
    meant = _meant(context)
    eos = merged.tokenizer.text(meant[0]) if len(meant) == 1 else None
    several = message("why-eos-of-several", "the stop set names several, and the EOS may be another of them")
    objection = None if meant == _single(context) else several
    why = message("why-eos-of-set", "that text is no token, and the stop set names this one")
    unknown = Fix.manual(message("why-eos-unknown", "no file tells which token ends a text"))
    yield rule.finding(
        TOKENIZER_CONFIG,
        message("tokenizer-eos-missing", "eos_token is {eos!r}, which the tokenizer does not have", eos=named)
        if named
        else message("tokenizer-eos-empty", "eos_token is an empty text: the tokenizer has no EOS"),
        severity=Severity.INFO if shared else None,
        witness=Witness.FOLDER,
        pointer="/eos_token",
        current=merged.tokenizer_config["eos_token"],
        expected=Missing.MISSING if eos is None else eos,
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO
        if shared
        else unknown
        if eos is None
        else Fix.safe_unless(objection, why, (SetField(TOKENIZER_CONFIG, "/eos_token", eos),)),
    )


def _single(context: Context) -> list[int]:
    """The one id of the stop set, or of `config.json` within it: releases write the tokenizer's EOS there."""
    stops = context.views["transformers5"].stop_token_ids
    own = read_eos(context.merged.config).ids
    return next(([*ids] for ids in (stops, own) if len(ids) == 1 and ids[0] in stops), [])


def _meant(context: Context) -> list[int]:
    """Which ids may be the EOS: of several those that end a turn."""
    ends = context.merged.end_ids.values()
    stops = context.views["transformers5"].stop_token_ids
    return _single(context) or [stop for stop in stops if stop in ends]


def _is_missing(context: Context, eos: str) -> bool:
    """Whether ``tokenizer.json`` is here whole, and has no such entry."""
    merged = context.merged
    if (
        not merged.has(FAST_TOKENIZER)
        or merged.tokenizer_problem is not None
        or "auto_map" in merged.tokenizer_config
    ):
        return False
    return eos not in merged.tokenizer.ids and context.eos_id is None and not merged.in_vocabulary(eos)


RULES: Final = (_tokenizer_eos, _no_token)
