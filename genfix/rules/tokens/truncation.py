"""GF308 and GF309: truncation, padding and the padding side, as a trainer's last call left them.

Who is right: the base about what stands in ``tokenizer.json``, which is nobody's setting; merged about the
side it pads on. Embedding models, rerankers and classifiers are padded and cut on purpose.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, Missing
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.purpose import generates
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.rule import Rule, rule

_OWN_SIDE: Final = frozenset(
    [
        *("LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer", "XLNetTokenizer"),
        *("CpmAntTokenizer", "Siglip2Tokenizer", "ChatGLM4Tokenizer", "ChatGLMTokenizer"),
    ]
)
"""Classes that pad on the left by themselves, some only in one of their versions: without a value nobody is
sure."""


@rule(
    "GF308",
    "tokenizer-cuts-or-pads",
    Severity.WARNING,
    question=TOKENS,
    shows="long prompts are cut, or short ones padded, without a word",
)
def _cuts_or_pads(context: Context, rule: Rule) -> Iterator[Finding]:
    """`truncation` or `padding` of `tokenizer.json` is set: what the last call of a trainer left, saved with
    it.

    Why: Programs that load the file with the tokenizers library itself cut every prompt at training's length,
    or fill it up with padding: so do Rust servers. In transformers a plain call resets both, but multimodal
    processors in vLLM failed on it: `Mismatch in image token count between text and input_ids`.

    Fix: The base's values, which are null.

    Safety: Safe where the base's `tokenizer.json` has null. Unsafe without a base, or where the base sets
    others; information where nothing shows that chats were trained. Of embedding models, rerankers and
    classifiers, whose authors set lengths here, it is information, and unsafe, where the base has null, and
    else left alone. So is what the base has too.

    Sources:
    - vllm-project/llm-compressor#1418
    - vllm-project/llm-compressor#2917
    - vllm-project/vllm#20058
    - transformers 5.23.0: tokenization_utils_tokenizers.py `set_truncation_and_padding`
    """
    merged, base = context.merged, context.base
    ours = merged.tokenizer_head
    theirs = base.tokenizer_head if base is not None else {}
    parts = [part for part in ("truncation", "padding") if ours.get(part) not in (None, theirs.get(part))]
    restores = bool(theirs) and all(theirs.get(part) is None for part in parts)
    is_cut = not generates(merged)
    if not parts or (is_cut and not restores):
        return
    if is_cut:
        objection = message("why-cut-of-encoder", "authors of encoders set lengths there")
    else:
        objection = message("why-cut-meant", "no base with null there tells that it is not meant")
    why = message(
        "why-cut-of-base",
        "the base's tokenizer neither cuts nor pads, and a model that generates needs neither",
    )
    operations = tuple(SetField(FAST_TOKENIZER, f"/{part}", theirs.get(part)) for part in parts)
    yield rule.finding(
        FAST_TOKENIZER,
        message("tokenizer-cuts-or-pads", "holds what a trainer's last call left: {parts}", parts=[*parts]),
        severity=Severity.WARNING if (theirs or context.chat_training) and not is_cut else Severity.INFO,
        witness=Witness.BASE if theirs else Witness.FOLDER,
        pointer=f"/{parts[0]}",
        current=ours[parts[0]],
        expected=theirs.get(parts[0]),
        evidence=_lengths({part: ours[part] for part in parts}),
        fix=Fix.safe_unless(None if restores and not is_cut else objection, why, operations),
    )


def _lengths(parts: JsonObject) -> Iterator[Message]:
    truncation, padding = parts.get("truncation"), parts.get("padding")
    if isinstance(truncation, dict) and type(truncation.get("max_length")) is int:
        yield message(
            "evidence-cut",
            "programs that read the file itself cut every text after {length} tokens",
            length=truncation["max_length"],
        )
    strategy = padding.get("strategy") if isinstance(padding, dict) else None
    if isinstance(strategy, dict) and type(strategy.get("Fixed")) is int:
        yield message(
            "evidence-padded",
            "programs that read the file itself pad every text to {length} tokens",
            length=strategy["Fixed"],
        )


@rule("GF309", "padding-side-changed", Severity.INFO, question=TOKENS, needs_base=True)
def _padding_side(context: Context, rule: Rule) -> Iterator[Finding]:
    """The tokenizer pads on the right; the base pads on the left (`padding_side` of `tokenizer_config.json`).

    Why: Batches that transformers pads on the right continue after the padding: `right-padding was detected`.
    Servers do not pad, and single prompts do not either.

    Fix: None: pass `padding_side='left'` where you generate in batches.

    Safety: Manual: trainers set the side they need. The left in place of the right harms nothing. Silent
    where a tokenizer class may have a side of its own (Llama, Gemma, Cohere, custom code) and no file tells.

    Sources:
    - zai-org/GLM-4#633
    - unslothai/unsloth#2217
    - huggingface/transformers#34658
    """
    base, merged = context.base, context.merged
    if base is None or not merged.tokenizer_config or not base.tokenizer_config or not generates(merged):
        return
    ours, theirs = _side(merged), _side(base)
    if (ours, theirs) != ("right", "left"):
        return  # the other way round nothing gets worse
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "padding-side-changed",
            "padding_side is {ours!r}; the base has {theirs!r}",
            ours=ours,
            theirs=theirs,
        ),
        witness=Witness.BASE,
        pointer="/padding_side",
        current=merged.tokenizer_config.get("padding_side", Missing.MISSING),
        expected=base.tokenizer_config.get("padding_side", Missing.MISSING),
        fix=Fix.manual(
            message(
                "why-padding-side",
                "it matters to padded batches only: to generate in batches, pad on the left",
            )
        ),
    )


def _side(model: Model) -> str | None:
    """The side that the tokenizer pads on; `None` where only its class knows."""
    config = model.tokenizer_config
    side = config.get("padding_side")
    if side is None:
        padding = model.tokenizer_head.get("padding")  # its direction takes the place of an absent value
        side = str(padding.get("direction")).lower() if isinstance(padding, dict) else None
    if isinstance(side, str):
        return side if side in {"left", "right"} else None
    name = config.get("tokenizer_class")
    if not isinstance(name, str) or "auto_map" in config or name.removesuffix("Fast") in _OWN_SIDE:
        return None
    return "right"


RULES: Final = (_cuts_or_pads, _padding_side)
