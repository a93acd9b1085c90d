"""GF41x: a vocabulary, and a tied head, in config.json that the weights contradict.

Who is right: the weights, whatever the base says. Rows beyond the last token are padding and no
contradiction.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import architecture
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import Message, message
from genfix.model import Model, TurnEnds
from genfix.model.purpose import generates, is_embedding_model
from genfix.rules.core.class_defaults import absent_values, is_read
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness, shown
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import table_file

_TIED: Final = "tie_word_embeddings"


@rule(
    "GF411",
    "vocab-size-not-rows",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: `size mismatch for embed_tokens.weight`",
)
def _vocab_size(context: Context, rule: Rule) -> Iterator[Finding]:
    """`vocab_size` in `config.json` is not the number of rows of the embedding in the weights.

    Why: Nothing loads: transformers says `size mismatch for ...embed_tokens.weight`, vLLM fails at
    `loaded_weight.shape[output_dim] == self.org_vocab_size`. Adding tokens, or copying the base's
    `config.json` over a resized model, does it.

    Fix: The number of rows, in the place where the language model's part of the config has it.

    Safety: Safe where the head has as many rows, where it is the embedding, and where the base's embedding
    has the rows that its own config says. Else unsafe, and information without a fix where the embedding has
    more rows and there is no head: some classes add rows to it. Unsafe for a model with code of its own,
    which may pad the number, unless the base has it too. More rows than tokens is normal and never said.

    Sources:
    - ggml-org/llama.cpp#6111
    - vllm-project/vllm#15124
    - hiyouga/LLaMA-Factory#3125
    """
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
        if type(value) is int and value not in known and not _is_repeated(merged, value, rows)
    ]
    own = [(pointer, value) for pointer, value in places if pointer.count("/") == 2] or places
    if not own or merged.text_config.get(key) in known:
        return  # the composite config's own copy is read by nobody
    base = context.base
    said, had = (
        (None, None) if base is None else (base.config_value(key), base.weights.outline.embedding_rows)
    )
    if said == merged.config_value(key) and had == rows:
        return  # the key means another number in this type of model
    is_counted = said is not None and said == had
    is_known = is_counted or rows == facts.head_rows or (facts.head is None and _has_tied_head(merged))
    for pointer, value in own:
        found = message(
            "vocab-size-not-rows",
            "says {value!r}; the embedding in the weights has {rows} rows",
            rows=rows,
            value=value,
        )
        finding = contradiction(context, rule, pointer, value, rows, found)
        yield finding if is_known else _said_by_the_embedding_alone(finding, value, rows, facts.head_rows)


def _said_by_the_embedding_alone(
    finding: Finding, value: JsonValue, rows: int, head_rows: int | None
) -> Finding:
    """Mllama and Moshi add rows to the embedding, no class has fewer than its vocabulary."""
    why = message(
        "why-rows-alone",
        "some classes add rows to the vocabulary, and only the embedding is there to tell how many",
    )
    if head_rows is None and isinstance(value, int) and value < rows:
        return finding._replace(severity=Severity.INFO, fix=Fix.manual(why))
    operations = finding.fix.operations if finding.fix else ()
    return finding._replace(fix=Fix.unsafe(why, *operations))


def _has_tied_head(merged: Model) -> bool:
    """Whether a head that is the embedding has its rows too: Mllama, which adds rows, cannot tie its own."""
    return _is_tied(merged) is True and generates(merged) is True


def _is_repeated(merged: Model, size: int, rows: int) -> bool:
    """Whether the embedding holds the vocabulary as often as the config has code books (CSM)."""
    times, rest = divmod(rows, size) if size > 0 else (0, 1)
    numbers = {**merged.config, **merged.text_config}
    return rest == 0 and any(
        "codebook" in key and type(number) is int and number == times for key, number in numbers.items()
    )


def _places(merged: Model, key: str) -> Iterator[tuple[str, JsonValue]]:
    if merged.config.get(key) is not None:
        yield f"/{key}", merged.config[key]
    if merged.text_key is not None and merged.text_config.get(key) is not None:
        yield f"/{merged.text_key}/{key}", merged.text_config[key]


def contradiction(
    context: Context,
    rule: Rule,
    pointer: str,
    current: JsonValue | Missing,
    expected: JsonValue,
    found: Message,
) -> Finding:
    """The weights' value in place of config.json's; custom code may mean another thing by the key, unless the
    base has the weights' value.
    """
    has_code = "auto_map" in context.merged.config and not _is_of_base(context, pointer, expected)
    objection = message("why-code-decides", "the model has code of its own, which may mean another number")
    return rule.finding(
        CONFIG,
        found,
        severity=Severity.INFO if has_code and _said_by_base(context, pointer, current) else rule.severity,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=current,
        expected=expected,
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            objection if has_code else None,
            message("why-weights-say", "the weights are what engines load"),
            (SetField(CONFIG, pointer, expected),),
        ),
    )


def _is_of_base(context: Context, pointer: str, value: JsonValue) -> bool:
    return context.base is not None and context.base.config_value(pointer.rpartition("/")[2]) == value


def _said_by_base(context: Context, pointer: str, value: JsonValue | Missing) -> bool:
    return context.base is None or context.base.config_value(pointer.rpartition("/")[2]) == value


@rule(
    "GF412",
    "tokens-beyond-embedding",
    Severity.ERROR,
    question=WEIGHTS,
    shows="a prompt with such a token crashes: an index error, or an assertion on the GPU",
)
def _tokens_beyond(context: Context, rule: Rule) -> Iterator[Finding]:
    """The tokenizer has added tokens whose ids are not below the number of rows of the embedding.

    Why: A prompt with such a token stops the engine: an index error on the CPU, a device-side assertion on
    the GPU. It happens where tokens were added and the merge took an embedding that was never resized.

    Fix: None.

    Safety: Manual: either the embedding has to be resized and trained, or the tokenizer that belongs to these
    weights put back. Error where the chat template writes such a token, information where nothing uses it.

    Sources:
    - ggml-org/llama.cpp#3442
    - OpenNMT/CTranslate2#1415
    """
    merged, base = context.merged, context.base
    rows = merged.weights.embedding_rows
    if rows is None or merged.weights.facts.stacks > 1:
        return
    beyond = [text for text, token_id in merged.tokenizer.ids.items() if token_id >= rows]
    if not beyond:
        return
    written = _written(merged)
    used = [text for text in beyond if text in written]
    shared = base is None or all(text in base.tokenizer.ids for text in beyond)
    unused = Severity.INFO if shared else Severity.WARNING
    yield rule.finding(
        table_file(merged),
        message(
            "tokens-beyond-embedding",
            "the embedding has {rows} rows, none for the tokens {tokens}",
            tokens=shown(used or beyond),
            rows=rows,
        ),
        severity=Severity.ERROR if used else unused,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views) if used else (),
        fix=Fix.manual(
            message(
                "why-tokens-beyond",
                "resize the embedding and train it, or put the tokenizer back that belongs to its {rows} "
                "rows",
                rows=rows,
            )
        ),
    )


def _written(merged: Model) -> set[str | None]:
    """The tokens that the chat template writes, and the EOS."""
    ends = merged.turn_ends
    tokens = (*ends.literals, *ends.tokens) if isinstance(ends, TurnEnds) else ()
    return {*tokens, merged.tokenizer.eos_token}


@rule(
    "GF413",
    "tied-head-wrong",
    Severity.ERROR,
    question=WEIGHTS,
    shows="the model repeats itself or writes noise, and nothing fails",
)
def _tied_head(context: Context, rule: Rule) -> Iterator[Finding]:
    """`tie_word_embeddings`, or the default of the model type's class where it is absent, contradicts the
    weights: it is true although the head is a tensor of its own with other values, or false although there is
    no head.

    Why: Where it is true, engines throw the trained head away and use the embedding: the model repeats one
    token. Where it is false and there is no head, transformers makes one up at random.

    Fix: The value that the weights have.

    Safety: Safe where both tensors are there and samples of their values differ, and where the base is tied.
    Manual where the base has a head: then the merge lost it. Unsafe without a base. Information beside the
    files of an embedding model (`modules.json`, `1_Pooling`), which uses no head.

    Sources:
    - huggingface/transformers#45127
    - hiyouga/LLaMA-Factory#10832
    - vllm-project/vllm#21755
    """
    merged, facts = context.merged, context.merged.weights.facts
    pointer, tied = merged.config_pointer(_TIED) or f"/{_TIED}", _is_tied(merged)
    if facts.embedding is None or facts.stacks > 1 or not merged.weights.is_whole:
        return
    if merged.config_value("is_encoder_decoder") is True or merged.config_pointer("decoder_layers"):
        return  # what is tied there, each class says by itself
    if facts.head is not None and tied is True and facts.quantization is None:
        found = _trained_head(context, rule, pointer, facts.head, facts.embedding)
    else:
        found = _missing_head(context, rule, pointer) if tied is False and facts.head is None else iter(())
    for finding in found:
        yield finding._replace(severity=Severity.INFO) if is_embedding_model(merged) else finding


def _trained_head(context: Context, rule: Rule, pointer: str, head: str, embedding: str) -> Iterator[Finding]:
    merged = context.merged
    if merged.weights.same_values(embedding, head) is not False:
        return
    if merged.config_pointer(_TIED) is not None:
        found = message(
            "head-is-trained",
            "says the head is the embedding; {head} is a tensor of its own with other values",
            head=head,
        )
        yield contradiction(context, rule, pointer, True, False, found)
        return
    found = message(
        "head-is-trained-unsaid",
        "is absent, which ties the head to the embedding; {head} is a tensor of its own with other values",
        head=head,
    )
    yield contradiction(context, rule, pointer, Missing.MISSING, False, found)


def _is_tied(model: Model) -> JsonValue:
    """What config.json says; where it says nothing, what all releases of the class of its type take."""
    said = model.config_value(_TIED)
    if said is not None or model.text_config or not is_read(model, f"/{_TIED}"):
        return said  # the two levels of a composite model have defaults of their own
    taken = {*map(bool, absent_values(model, f"/{_TIED}"))}
    return taken.pop() if len(taken) == 1 else None


def _missing_head(context: Context, rule: Rule, pointer: str) -> Iterator[Finding]:
    is_said = context.merged.config_pointer(_TIED) is not None
    base, facts = context.base, context.merged.weights.facts
    if facts.layers is None or facts.has_other_head or not _needs_head(context.merged):
        return
    tied = _is_tied(base) if base is not None else None
    if tied is False and base is not None and _has_no_head(base):
        return  # the base, too, has no head under a name that is known
    tie = (SetField(CONFIG, pointer, True),)
    if tied is False:
        fix = Fix.manual(
            message(
                "why-head-lost", "the base has a head of its own, so the merge lost this one: merge again"
            )
        )
    elif tied is True:
        fix = Fix.safe(message("why-head-tied-in-base", "the base's head is its embedding"), *tie)
    else:
        fix = Fix.unsafe(
            message(
                "why-head-unknown", "the head was lost, or it is the embedding: without a base nobody knows"
            ),
            *tie,
        )
    yield rule.finding(
        CONFIG,
        message("head-is-missing", "says the model has a head of its own; the weights have none")
        if is_said
        else message(
            "head-is-missing-unsaid", "is absent, which means a head of its own; the weights have none"
        ),
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=False if is_said else Missing.MISSING,
        expected=True,
        engines=tuple(context.views),
        fix=fix,
    )


def _has_no_head(base: Model) -> bool:
    outline = base.weights.outline
    return outline.head is None and outline.layers is not None


def _needs_head(merged: Model) -> bool:
    return (architecture(merged) or "").endswith("ForCausalLM") and "auto_map" not in merged.config


RULES: Final = (_vocab_size, _tokens_beyond, _tied_head)
