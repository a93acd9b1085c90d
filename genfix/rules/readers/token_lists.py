"""GF702, GF704, GF706 and GF707: lists and names of tokens that only newer readers find, the base having the
older spelling, and names that are gone.

What llama.cpp's converter and readers with transformers 4 need is added or renamed; transformers 5 goes on
reading the same.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.processor_tokens import EXTRA, NEWER, named_tokens, unnamed_tokens
from genfix.engines.shared.templates import makes_processor
from genfix.folder.kinds import ADDED_TOKENS, FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Operation, RemoveField, SetField, Severity, Witness, shown
from genfix.rules.core.questions import READERS
from genfix.rules.core.reasons import NOBODY_OLDER
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import DECODER

_SENTENCEPIECE: Final = "tokenizer.model"
_TOKENS_LACKING: Final = Fix.manual(
    message("why-named-tokens-lacking", "the folder's vocabulary does not have these tokens")
)

# -- the list of special tokens ------------------------------------------------------------------

_ADDITIONAL: Final = "additional_special_tokens"


@rule(
    "GF702",
    "extra-special-tokens-list",
    Severity.WARNING,
    question=READERS,
    shows="`'list' object has no attribute 'keys'`, also when a GGUF is made",
)
def _extra_list(context: Context, rule: Rule) -> Iterator[Finding]:
    """`extra_special_tokens` in `tokenizer_config.json` is a list, as transformers 5 writes it; the base's is
    none.

    Why: transformers 4 wants an object under that key and stops with `'list' object has no attribute 'keys'`,
    even where the list is empty. llama.cpp's converter and servers with transformers 4 cannot load the
    tokenizer.

    Fix: The same list as `additional_special_tokens`, its name in transformers 4, in the same place. An empty
    list is taken out. Where the named tokens of GF706 belong under the key, they take its place.

    Safety: Safe: transformers 5 takes `additional_special_tokens` for `extra_special_tokens`, so both
    versions read the same list. Without a base it is information, and the fix unsafe: newer models ship it
    this way.

    Sources:
    - transformers 4.57.6: tokenization_utils_base.py `_set_model_specific_special_tokens`
    - transformers 5.23.0: tokenization_utils_base.py `_from_pretrained`
    - ml-explore/mlx-lm#661
    """
    merged, base = context.merged, context.base
    value = merged.tokenizer_config.get(EXTRA)
    if not isinstance(value, list):
        return
    if base is not None and isinstance(base.tokenizer_config.get(EXTRA), list):
        return
    named = _named_tokens(merged, base)
    operations: tuple[Operation, ...] = (
        RemoveField(TOKENIZER_CONFIG, f"/{EXTRA}")
        if named is None
        else SetField(TOKENIZER_CONFIG, f"/{EXTRA}", dict(named)),
    )
    if value:  # an empty one says nothing: transformers 5 then reads the older key
        order = tuple(_ADDITIONAL if key == EXTRA else key for key in merged.keys(TOKENIZER_CONFIG))
        operations += (SetField(TOKENIZER_CONFIG, f"/{_ADDITIONAL}", value, order),)
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "extra-tokens-list",
            "extra_special_tokens is a list, which transformers 4 and so llama.cpp's converter cannot load",
        ),
        severity=Severity.INFO if base is None else Severity.WARNING,
        witness=Witness.ENGINE if base is None else Witness.BASE,
        pointer=f"/{EXTRA}",
        current=value,
        fix=Fix.safe_unless(
            NOBODY_OLDER if base is None else None,
            message(
                "why-older-key",
                "{name} is the older name of the same list: transformers 5 reads the folder as before",
                name=_ADDITIONAL,
            ),
            operations,
        ),
    )


# -- the tokens that a processor asks for by name ------------------------------------------------


@rule(
    "GF706",
    "named-tokens-for-new-readers-only",
    Severity.WARNING,
    question=READERS,
    shows="the processor fails: `... has no attribute image_token_id`",
)
def _named_for_new_readers(context: Context, rule: Rule) -> Iterator[Finding]:
    """The tokens that a processor asks its tokenizer for by name (`image_token`) stand in
    `model_specific_special_tokens` of `tokenizer_config.json`, as transformers 5 writes them; the base has
    them in `extra_special_tokens`.

    Why: transformers 4 does not read the newer key. The tokenizer loads without these names, and the
    processor of a model that sees or hears stops with `has no attribute image_token_id`.

    Fix: The same object as `extra_special_tokens`, beside the newer key.

    Safety: Safe: transformers 5 takes such an object for the same names. Without a base it is information,
    and the fix unsafe: newer models ship it this way.

    Sources:
    - transformers 4.57.6: tokenization_utils_base.py `_set_model_specific_special_tokens`
    - transformers 5.24.0: tokenization_utils_base.py `_from_pretrained`
    """
    merged, base = context.merged, context.base
    named = _named_tokens(merged, base)
    if named is None or merged.tokenizer_config.get(EXTRA):
        return  # a list under that key is GF702's, and an object says what older readers get
    pointer = f"/{EXTRA}"
    order = tuple(sorted([*merged.keys(TOKENIZER_CONFIG), EXTRA]))  # transformers 5 sorts the file
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "named-tokens-for-new-readers-only",
            "transformers 4 does not read {key}: there the processor misses {names}",
            key=NEWER,
            names=shown(list(named)),
        ),
        severity=Severity.INFO if base is None else Severity.WARNING,
        witness=Witness.ENGINE if base is None else Witness.BASE,
        pointer=pointer,
        expected=dict(named),
        fix=Fix.safe_unless(
            NOBODY_OLDER if base is None else None,
            message(
                "why-named-tokens-in-both",
                "{name} is the older place of the same names: transformers 5 reads the folder as before",
                name=EXTRA,
            ),
            (SetField(TOKENIZER_CONFIG, pointer, dict(named), order),),
        ),
    )


@rule(
    "GF707",
    "named-tokens-lost",
    Severity.ERROR,
    question=READERS,
    needs_base=True,
    shows="the processor fails: `... has no attribute image_token`",
)
def _named_nowhere(context: Context, rule: Rule) -> Iterator[Finding]:
    """`tokenizer_config.json` no longer gives the tokens a name that the model's processor asks its tokenizer
    for (`image_token`, `boi_token`); the base's does.

    Why: The constructor of the processor ends with `has no attribute image_token`: `AutoProcessor`, vLLM and
    SGLang do not start. Tools that save a tokenizer of their own, or one of another class, drop the names;
    the tokens are still in the vocabulary.

    Fix: The base's names for these tokens, as `extra_special_tokens`, which all readers know; where that key
    is a list, as `model_specific_special_tokens`.

    Safety: Safe: names alone come back, for tokens that the folder's vocabulary has. Manual where it has not.

    Sources:
    - transformers 5.24.0: models/gemma3/processing_gemma3.py, tokenization_utils_base.py `__getattr__`
    """
    merged, base = context.merged, context.base
    lost = unnamed_tokens(merged) if makes_processor(merged) else ()
    theirs = named_tokens(base.tokenizer_config) if base is not None else {}
    named: JsonObject = {name: theirs[name] for name in lost if name in theirs}
    if not named:
        return
    stated = merged.tokenizer_config.get(EXTRA)
    key = NEWER if isinstance(stated, list) else EXTRA
    before = merged.tokenizer_config.get(key)
    value = {**before, **named} if isinstance(before, dict) else dict(named)
    order = tuple(sorted([*merged.keys(TOKENIZER_CONFIG), key]))
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "named-tokens-lost",
            "the processor asks its tokenizer for {names}, which nothing names here; the base does",
            names=shown(list(named)),
        ),
        witness=Witness.BASE,
        pointer=f"/{key}",
        expected=value,
        fix=Fix.safe(
            message(
                "why-names-alone", "the folder's vocabulary has these tokens: their names alone come back"
            ),
            SetField(TOKENIZER_CONFIG, f"/{key}", value, order),
        )
        if merged.tokenizer.ids.keys() >= {*named.values()}
        else _TOKENS_LACKING,
    )


def _named_tokens(merged: Model, base: Model | None) -> JsonObject | None:
    """The named tokens that older readers miss; `None` where the base is written so too."""
    named = merged.tokenizer_config.get(NEWER)
    if not isinstance(named, dict) or not named:
        return None
    is_older = base is None or isinstance(base.tokenizer_config.get(EXTRA), dict)
    return named if is_older else None


# -- the list of added tokens --------------------------------------------------------------------

_FLAGS: Final = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
_IN_VOCABULARY: Final = ("bos_token", "eos_token", "unk_token")
"""SentencePiece vocabularies have these as control symbols of their own."""


@rule(
    "GF704",
    "added-tokens-only-in-tokenizer-json",
    Severity.WARNING,
    question=READERS,
    needs_base=True,
    shows="chat markers of the GGUF are split into pieces",
)
def _unlisted(context: Context, rule: Rule) -> Iterator[Finding]:
    """Beside `tokenizer.model`, added tokens are listed in `tokenizer.json` only; the base lists them in
    `tokenizer_config.json` or `added_tokens.json` too.

    Why: Where `tokenizer.model` is there, llama.cpp's converter reads the vocabulary from it and added tokens
    from the two small files. Without them `<start_of_turn>` becomes ordinary text and a token beyond the
    vocabulary becomes `[PAD32000]`: the chat markers of the GGUF are split into pieces. transformers 5 writes
    no such list, and tools put `tokenizer.model` back beside what it wrote.

    Fix: `added_tokens_decoder` in `tokenizer_config.json`, from the folder's own `tokenizer.json`.

    Safety: Safe: it says what `tokenizer.json` says, and transformers 4 and 5 read the same tokens as before.

    Sources:
    - llama_cpp_python 0.3.36: vendor/llama.cpp/conversion/base.py `_create_vocab_sentencepiece`
    - transformers 5.23.0: tokenization_utils_base.py `save_pretrained`
    - apple/coreai-models#264
    """
    merged, base = context.merged, context.base
    if (
        base is None
        or not _is_listed(base)
        or not all(merged.has(name) for name in (FAST_TOKENIZER, _SENTENCEPIECE))
    ):
        return
    if _is_listed(merged) or "auto_map" in merged.tokenizer_config:
        return
    if merged.json(TOKENIZER_CONFIG).value is None:
        return
    table = _flags_by_id(merged)
    own = {merged.tokenizer.named.get(key) for key in _IN_VOCABULARY}
    lost = [text for text in merged.tokenizer.tokens if text not in own]
    if not lost or len(table) != len(merged.tokenizer.tokens):
        return
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "added-tokens-unlisted",
            "{count} added token stands in tokenizer.json only, so llama.cpp's converter loses it: {tokens}",
            "{count} added tokens stand in tokenizer.json only, so llama.cpp's converter loses them: "
            "{tokens}",
            tokens=shown(lost),
            count=len(lost),
        ),
        witness=Witness.BASE,
        pointer=f"/{DECODER}",
        fix=Fix.safe(
            message("why-added-tokens-listed", "the list says what tokenizer.json says"),
            SetField(TOKENIZER_CONFIG, f"/{DECODER}", table, base.keys(TOKENIZER_CONFIG)),
        ),
    )


def _flags_by_id(model: Model) -> dict[str, JsonValue]:
    """The added tokens of ``tokenizer.json`` as ``added_tokens_decoder`` has them."""
    entries = model.tokenizer_head.get("added_tokens")
    return {
        str(entry["id"]): {key: entry[key] for key in _FLAGS}
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and all(key in entry for key in ("id", *_FLAGS))
    }


def _is_listed(model: Model) -> bool:
    """Whether a reader of tokenizer.model finds the tokens that were added to it."""
    return model.has(_SENTENCEPIECE) and (model.has(ADDED_TOKENS) or DECODER in model.tokenizer_config)


RULES: Final = (_extra_list, _unlisted, _named_for_new_readers, _named_nowhere)
