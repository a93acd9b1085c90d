"""GF41x: numbers in config.json that the weights contradict.

Who is right: the weights, whatever the base says. Rows beyond the last token are padding and no contradiction.
"""

from collections.abc import Iterator
from typing import Final

from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model, TurnEnds
from genfix.rules.context import Context
from genfix.rules.finding import Applicability, Finding, Fix, SetField, Severity, Witness
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_CONFIG: Final = "config.json"
_LAYERS: Final = ("num_hidden_layers", "num_layers", "n_layer", "n_layers")
_EXPERTS: Final = ("num_experts", "n_routed_experts", "num_local_experts")
_PREDICTION: Final = ("num_nextn_predict_layers", "mtp_num_hidden_layers")
_TIED: Final = "tie_word_embeddings"
_SHOWN: Final = 5


def _vocab_size(context: Context, rule: Rule) -> Iterator[Finding]:
    merged = context.merged
    rows, facts = merged.weights.embedding_rows, merged.weights.facts
    if rows is None or facts.stacks > 1 or merged.config_pointer("decoder_vocab_size"):
        return
    # ChatGLM's embedding has `padded_vocab_size` rows; its `vocab_size` may be the tokenizer's.
    key = "padded_vocab_size" if merged.config_pointer("padded_vocab_size") else "vocab_size"
    # Mllama's embedding has a few rows more than its vocabulary, and its head has not.
    known = {rows, facts.head_rows} - {None}
    places = [
        (pointer, value)
        for pointer, value in _places(merged, key)
        if type(value) is int and value not in known
    ]
    own = [(pointer, value) for pointer, value in places if pointer.count("/") == 2] or places
    if merged.text_config.get(key) in known:
        return  # the composite config's own copy is read by nobody
    for pointer, value in own:
        yield from _contradiction(
            context, rule, pointer, value, rows, message("vocab-size-not-rows", rows=rows, value=value)
        )


def _places(merged: Model, key: str) -> Iterator[tuple[str, JsonValue]]:
    if merged.config.get(key) is not None:
        yield f"/{key}", merged.config[key]
    if merged.text_key is not None and merged.text_config.get(key) is not None:
        yield f"/{merged.text_key}/{key}", merged.text_config[key]


def _contradiction(
    context: Context, rule: Rule, pointer: str, current: JsonValue, expected: JsonValue, found: Message
) -> Iterator[Finding]:
    """The weights' value in place of config.json's; custom code may mean another thing by the key."""
    has_code = "auto_map" in context.merged.config
    yield rule.finding(
        _CONFIG,
        found,
        severity=Severity.INFO if has_code and _said_by_base(context, pointer, current) else rule.severity,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=current,
        expected=expected,
        engines=tuple(context.views),
        fix=Fix(
            Applicability.UNSAFE if has_code else Applicability.SAFE,
            message("why-code-decides") if has_code else message("why-weights-say"),
            (SetField(_CONFIG, pointer, expected),),
        ),
    )


def _said_by_base(context: Context, pointer: str, value: JsonValue) -> bool:
    return context.base is None or context.base.config_value(pointer.rpartition("/")[2]) == value


def _tokens_beyond(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    rows = merged.weights.embedding_rows
    if rows is None or merged.weights.facts.stacks > 1:
        return
    beyond = [text for text, token_id in merged.tokenizer.ids.items() if token_id >= rows]
    if not beyond:
        return
    ends = merged.turn_ends
    written = {*ends.literals, *ends.tokens} if isinstance(ends, TurnEnds) else set()
    used = [text for text in beyond if text in written or text == merged.tokenizer.eos_token]
    in_base = base is not None and all(text in base.tokenizer.ids for text in beyond)
    unused = Severity.INFO if base is None or in_base else Severity.WARNING
    tokens: list[JsonValue] = [*(used or beyond)[:_SHOWN]]
    yield rule.finding(
        "tokenizer.json" if merged.has("tokenizer.json") else "tokenizer_config.json",
        message("tokens-beyond-embedding", tokens=tokens, rows=rows),
        severity=Severity.ERROR if used else unused,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views) if used else (),
        fix=Fix(Applicability.MANUAL, message("why-tokens-beyond", rows=rows)),
    )


def _tied_head(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    facts, pointer = merged.weights.facts, merged.config_pointer(_TIED)
    if facts.embedding is None or facts.stacks > 1 or not merged.weights.is_whole:
        return
    if merged.config_value("is_encoder_decoder") is True or merged.config_pointer("decoder_layers"):
        return  # what is tied there, each class says by itself
    tied = merged.config_value(_TIED)
    if tied is True and pointer is not None and facts.head is not None:
        if facts.quantization is None and merged.weights.same_values(facts.embedding, facts.head) is False:
            yield from _contradiction(
                context, rule, pointer, True, False, message("head-is-trained", head=facts.head)
            )
        return
    if tied is not False or pointer is None or facts.head is not None or facts.layers is None:
        return
    if facts.has_other_head or not _needs_head(merged):
        return
    base_tied = base.config_value(_TIED) if base is not None else None
    if base_tied is False and base is not None and base.weights.outline.head is None and base.weights.index:
        return  # the base, too, has no head under a name that is known
    if base_tied is False:
        why, applicability = message("why-head-lost"), Applicability.MANUAL
    elif base_tied is True:
        why, applicability = message("why-head-tied-in-base"), Applicability.SAFE
    else:
        why, applicability = message("why-head-unknown"), Applicability.UNSAFE
    yield rule.finding(
        _CONFIG,
        message("head-is-missing"),
        severity=Severity.INFO if base is None else rule.severity,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=False,
        expected=True,
        engines=tuple(context.views),
        fix=Fix(
            applicability,
            why,
            () if applicability is Applicability.MANUAL else (SetField(_CONFIG, pointer, True),),
        ),
    )


def _needs_head(merged: Model) -> bool:
    names = merged.config.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return isinstance(first, str) and first.endswith("ForCausalLM") and "auto_map" not in merged.config


def _layer_count(context: Context, rule: Rule) -> Iterator[Finding]:
    merged = context.merged
    facts = merged.weights.facts
    if facts.stacks != 1 or not merged.weights.is_whole:
        return
    key, value = _number(merged, _LAYERS)
    if key is None or value is None:
        return
    if facts.gaps:
        gaps: list[JsonValue] = [*facts.gaps[:_SHOWN]]
        yield rule.finding(
            _CONFIG,
            message("layers-missing", layers=gaps),
            witness=Witness.WEIGHTS,
            pointer=key,
            engines=tuple(context.views),
            fix=Fix(Applicability.MANUAL, message("why-weights-lost")),
        )
        return
    extra = _number(merged, _PREDICTION)[1] or 0
    if facts.layers is None or value in (facts.layers, facts.layers - extra):
        return
    if merged.config_value("num_blocks") == facts.layers:  # xLSTM counts them there
        return
    told = message("layer-count-wrong", layers=facts.layers, value=value)
    for finding in _contradiction(context, rule, key, value, facts.layers, told):
        lists = _lists_of(merged, value)
        yield finding._replace(
            fix=Fix(Applicability.MANUAL, message("why-lists-per-layer", keys=lists))
            if lists
            else finding.fix
        )


def _lists_of(merged: Model, length: int) -> list[JsonValue]:
    """Keys of lists with an entry per layer: which entries belong to the layers that are there, nobody knows."""
    found: list[JsonValue] = []
    for part in (merged.config, merged.text_config):
        found += [key for key, value in part.items() if isinstance(value, list) and len(value) == length > 3]
    return found


def _number(merged: Model, keys: tuple[str, ...]) -> tuple[str | None, int | None]:
    """The pointer and value of the first of ``keys`` that is a number."""
    for key in keys:
        value = merged.config_value(key)
        if type(value) is int:
            return merged.config_pointer(key), value
    return None, None


def _expert_count(context: Context, rule: Rule) -> Iterator[Finding]:
    merged = context.merged
    facts = merged.weights.facts
    pointer, value = _number(merged, _EXPERTS)
    if facts.experts is None or facts.stacks != 1 or pointer is None or not merged.weights.is_whole:
        return
    if value != facts.experts and not _explains(merged, facts.experts - (value or 0)):
        told = message("expert-count-wrong", experts=facts.experts, value=value)
        yield from _contradiction(context, rule, pointer, value, facts.experts, told)


def _explains(merged: Model, difference: int) -> bool:
    """Whether the config itself tells of so many further experts: some compute nothing (LongCat)."""
    numbers = {**merged.config, **merged.text_config}
    return any(
        "expert" in key and type(number) is int and number == difference for key, number in numbers.items()
    )


def _prediction_layers(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    facts = merged.weights.facts
    pointer, value = _number(merged, _PREDICTION)
    layers = _number(merged, _LAYERS)[1]
    if pointer is None or not value or facts.prediction_layers or facts.layers != layers or layers is None:
        return
    if not merged.weights.is_whole:
        return
    lost = base is not None and base.weights.outline.prediction_layers > 0
    yield rule.finding(
        _CONFIG,
        message("prediction-layers-missing", value=value),
        severity=rule.severity if lost else Severity.INFO,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=value,
        expected=0,
        fix=Fix(Applicability.UNSAFE, message("why-prediction-layers"), (SetField(_CONFIG, pointer, 0),)),
    )


RULES: Final = (
    Rule(
        code="GF411",
        name="vocab-size-not-rows",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="`vocab_size` in `config.json` is not the number of rows of the embedding in the weights.",
            why=(
                "Nothing loads: transformers says `size mismatch for ...embed_tokens.weight`, vLLM fails at "
                "`loaded_weight.shape[output_dim] == self.org_vocab_size`. Adding tokens, or copying the base's "
                "`config.json` over a resized model, does it."
            ),
            fix="The number of rows, in the place where the language model's part of the config has it.",
            safety=(
                "Safe: the rows are there. Unsafe for a model with code of its own, which may pad the number. More "
                "rows than tokens is normal and never said."
            ),
            sources=("ggml-org/llama.cpp#6111", "vllm-project/vllm#15124", "hiyouga/LLaMA-Factory#3125"),
        ),
        check=_vocab_size,
    ),
    Rule(
        code="GF412",
        name="tokens-beyond-embedding",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="The tokenizer has added tokens whose ids are not below the number of rows of the embedding.",
            why=(
                "A prompt with such a token stops the engine: an index error on the CPU, a device-side assertion on "
                "the GPU. It happens where tokens were added and the merge took an embedding that was never resized."
            ),
            fix="None.",
            safety=(
                "Manual: either the embedding has to be resized and trained, or the tokenizer that belongs to these "
                "weights put back. Error where the chat template writes such a token, information where nothing uses it."
            ),
            sources=("ggml-org/llama.cpp#3442", "OpenNMT/CTranslate2#1415"),
        ),
        check=_tokens_beyond,
    ),
    Rule(
        code="GF413",
        name="tied-head-wrong",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what=(
                "`tie_word_embeddings` contradicts the weights: it is true although the head is a tensor of its own with "
                "other values, or false although there is no head."
            ),
            why=(
                "Where it is true, engines throw the trained head away and use the embedding: the model repeats one "
                "token. Where it is false and there is no head, transformers makes one up at random."
            ),
            fix="The value that the weights have.",
            safety=(
                "Safe where both tensors are there and samples of their values differ, and where the base is tied. "
                "Manual where the base has a head: then the merge lost it. Unsafe without a base."
            ),
            sources=(
                "huggingface/transformers#45127",
                "hiyouga/LLaMA-Factory#10832",
                "vllm-project/vllm#21755",
            ),
        ),
        check=_tied_head,
    ),
    Rule(
        code="GF414",
        name="layer-count-wrong",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="The number of layers in `config.json` is not that of the weights, or a layer is missing between others.",
            why=(
                "Too small: transformers drops the layers beyond it without an error. Too large: it fills the missing "
                "ones with random numbers; vLLM does not load."
            ),
            fix="The number of layers in the weights.",
            safety=(
                "Safe: the weights are whole and each layer is there. Manual where a list in the config has one entry per "
                "layer, or a layer is missing. Layers of multi-token prediction are counted apart. Unsafe with custom code."
            ),
            sources=("transformers 5.23.0: modeling_utils.py",),
        ),
        check=_layer_count,
    ),
    Rule(
        code="GF415",
        name="expert-count-wrong",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="The number of routed experts in `config.json` is not that of the weights.",
            why="The router and the experts do not fit together: the model does not load, or routes to random weights.",
            fix="The number of experts in the weights.",
            safety="Safe: each expert is there. Unsafe for a model with code of its own.",
            sources=("transformers 5.23.0: models/qwen3_moe/modeling_qwen3_moe.py",),
        ),
        check=_expert_count,
    ),
    Rule(
        code="GF416",
        name="prediction-layers-missing",
        severity=Severity.WARNING,
        needs_base=False,
        doc=RuleDoc(
            what="`config.json` declares layers of multi-token prediction, and the weights have none.",
            why="Speculative decoding with them fails, and MLX does not load the folder. `save_pretrained` drops these tensors.",
            fix="Zero such layers.",
            safety="Unsafe: copying the tensors from the base would be the better repair. Information where the base has none either.",
            sources=("2U1/Qwen-VL-Series-Finetune#259", "ml-explore/mlx-lm#1485"),
        ),
        check=_prediction_layers,
    ),
)
