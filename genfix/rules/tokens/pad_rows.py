"""GF307: padding tokens without a row in the embedding.

Who is right: the weights, since an id beyond their rows can mean nothing. The base then says which token it
was.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG, GENERATION_CONFIG, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, RemoveField, SetField, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import named_token

_ID: Final = "pad_token_id"
_OF_BASE: Final = message("why-pad-of-base", "the base's padding token has a row, and is the same token here")

_NO_PADDING_ROW: Final = frozenset(
    [
        *("bloom", "codegen", "ctrl", "falcon", "falcon_mamba", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox"),
        *("gpt_neox_japanese", "gptj", "mamba", "mamba2", "mpt", "musicgen", "openai-gpt", "rwkv", "xlnet"),
        "xlstm",
    ]
)
"""Generative models whose embedding is built without ``padding_idx`` in both transformers 4.57 and 5.23."""


def config_pointers(model: Model, key: str) -> tuple[str, ...]:
    """Where config.json may have ``key``: at the top, and in the language model's part of a composite one."""
    part = model.text_key
    return (f"/{key}",) if part is None else (f"/{key}", f"/{part}/{key}")


def pads_beyond_rows(model: Model) -> Iterator[tuple[str, str, JsonValue, int]]:
    """File, pointer and value of each padding token beyond the embedding's rows, and its id."""
    rows = model.weights.embedding_rows
    if rows is None:
        return
    further = model.config_value("additional_vocab_size")  # an embedding of its own
    rows += further if isinstance(further, int) else 0
    parts = zip(config_pointers(model, _ID), (model.config, model.text_config), strict=False)
    ids = [(CONFIG, pointer, part.get(_ID)) for pointer, part in parts]
    ids.append((GENERATION_CONFIG, f"/{_ID}", model.object(GENERATION_CONFIG).get(_ID)))
    found = [(file, pointer, value, value) for file, pointer, value in ids]
    token = model.tokenizer.named.get("pad_token")
    if token is not None and model.json(TOKENIZER_CONFIG).value is not None:
        found.append((TOKENIZER_CONFIG, "/pad_token", token, model.tokenizer.ids.get(token)))
    for file, pointer, shown, token_id in found:
        if isinstance(token_id, int) and not isinstance(token_id, bool) and token_id >= rows:
            yield file, pointer, shown, token_id


@rule(
    "GF307",
    "pad-token-out-of-range",
    Severity.ERROR,
    question=TOKENS,
    shows="loading fails, or batches with padding do",
)
def _pad_out_of_range(context: Context, rule: Rule) -> Iterator[Finding]:
    """The padding token's id is not below the number of rows of the embedding.

    Why: transformers builds most embeddings with `padding_idx` from config.json: the model does not load,
    `Padding_idx must be within num_embeddings`. In `generation_config.json` or the tokenizer it breaks
    batches: generate() feeds the padding of finished answers back, an index out of range.

    Fix: The base's padding token where it has a row and is the same token here. Else null in `config.json`,
    and no value in `generation_config.json`: engines then take the EOS.

    Safety: Safe: no engine can use the value. Manual for the tokenizer without such a token of the base, and
    where the base has the same fault. Negative ids are left alone: torch counts them from the end. Only rows
    that the weights' headers tell count.

    Sources:
    - GaiZhenbiao/Phi3V-Finetuning#12
    - transformers 5.23.0: models/llama/modeling_llama.py, generation/utils.py
    """
    merged, base = context.merged, context.base
    for file, pointer, shown, token_id in pads_beyond_rows(merged):
        shared = base is not None and _has_it_too(base, file, pointer, token_id)
        fatal = file == CONFIG and _is_built_with(merged, pointer)
        severity = Severity.ERROR if fatal else Severity.WARNING
        yield rule.finding(
            file,
            message(
                "pad-out-of-range",
                "{key} is {pad!r} (id {id}), and the embedding has {rows} rows",
                key=pointer.rpartition("/")[2],
                pad=shown,
                id=token_id,
                rows=merged.weights.embedding_rows,
            ),
            severity=Severity.INFO if shared else severity,
            witness=Witness.WEIGHTS,
            pointer=pointer,
            current=shown,
            evidence=[
                message(
                    "evidence-pad-crash",
                    "transformers does not load it: `Padding_idx must be within num_embeddings`",
                )
                if fatal
                else message("evidence-pad-batch", "batches with padding end in an index out of range")
            ],
            engines=("transformers5",) if fatal else (),
            fix=BASE_HAS_IT_TOO if shared else _pad_in_range(context, file, pointer),
        )


def _has_it_too(base: Model, file: str, pointer: str, token_id: int) -> bool:
    """Whether the base's padding is the same id, and lies beyond its own rows."""
    if file == TOKENIZER_CONFIG:
        theirs: JsonValue = base.tokenizer.ids.get(base.tokenizer.named.get("pad_token", ""))
    elif pointer == f"/{_ID}":
        theirs = base.object(file).get(_ID)
    else:
        theirs = base.config_value(_ID)
    return theirs == token_id and base.vocab_rows is not None and token_id >= base.vocab_rows


def _is_built_with(model: Model, pointer: str) -> bool:
    """Whether transformers builds the embedding with this id as ``padding_idx``, which torch refuses."""
    part = model.text_config or model.config
    of_part = pointer != f"/{_ID}" or not model.text_config
    return of_part and "auto_map" not in model.config and part.get("model_type") not in _NO_PADDING_ROW


def _pad_in_range(context: Context, file: str, pointer: str) -> Fix:
    base, rows = context.base, context.merged.weights.embedding_rows
    if file == TOKENIZER_CONFIG:
        return _pad_token_of_base(context)
    theirs: JsonValue = None
    if base is not None:
        theirs = base.config_value(_ID) if file == CONFIG else base.object(file).get(_ID)
    if isinstance(theirs, int) and rows is not None and 0 <= theirs < rows and context.same_token(theirs):
        return Fix.safe(_OF_BASE, SetField(file, pointer, theirs))
    # Without the key a config class would take its own default, which may lie beyond the rows as well.
    none = SetField(file, pointer, None) if file == CONFIG else RemoveField(file, pointer)
    return Fix.safe(
        message("why-pad-none", "no engine can use the value; without one engines take the EOS"), none
    )


def _pad_token_of_base(context: Context) -> Fix:
    merged, base, rows = context.merged, context.base, context.merged.weights.embedding_rows
    token = base.tokenizer.named.get("pad_token") if base is not None else None
    token_id = merged.tokenizer.ids.get(token) if token is not None else None
    if base is None or token_id is None or rows is None or token_id >= rows:
        return Fix.manual(
            message(
                "why-pad-needs-row",
                "name a token that has a row as padding, such as the EOS, or resize the embedding",
            )
        )
    return Fix.safe(_OF_BASE, *named_token(merged, base, "pad_token"))


RULES: Final = (_pad_out_of_range,)
