"""GF7xx: values that only newer readers know, where the base has the spelling that all of them know.

transformers 5 reads what transformers 4 wrote, but not the other way round, and converters and older engines
still load tokenizers with transformers 4. A spelling is changed only to one that transformers 5 reads exactly
as the one that is there.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import (
    CopyField,
    Finding,
    Fix,
    Operation,
    RemoveField,
    SetField,
    Severity,
    Witness,
)
from genfix.rules.core.questions import READERS
from genfix.rules.core.rule import Rule, rule

_FAST: Final = "tokenizer.json"
_SLOW: Final = "tokenizer.model"
_ADDED: Final = "added_tokens.json"
_DECODER: Final = "added_tokens_decoder"
_SHOWN: Final = 5

# -- the class -----------------------------------------------------------------------------------

_CLASS: Final = "tokenizer_class"
_STEMS: Final = (
    "Albert Bart Barthez Bartpho Bert BertGeneration BertJapanese Bertweet BigBird BioGpt Blenderbot "
    "BlenderbotSmall Bloom ByT5 CLIP CTRL Camembert Canine Clvp CodeGen CodeLlama Cohere ConvBert "
    "Cpm CpmAnt DPRContextEncoder DPRQuestionEncoder DPRReader Deberta DebertaV2 Dia DistilBert "
    "Electra ErnieM Esm FNet FSMT FastSpeech2Conformer Flaubert Funnel GPT2 GPTNeoX GPTNeoXJapanese "
    "GPTSanJapanese GPTSw3 Gemma Herbert Jukebox LED LayoutLM LayoutLMv2 LayoutLMv3 LayoutXLM Llama "
    "Longformer Luke Lxmert M2M100 MBart MBart50 MLuke MPNet MT5 Marian MarkupLM Mgpstr "
    "MistralCommon MobileBert Mvp MyT5 Nllb Nougat OpenAIGPT PLBart Parakeet ParakeetCTC Pegasus "
    "Perceiver Phobert Pop2Piano PreTrained ProphetNet Qwen2 Rag Realm Reformer RemBert RetriBert "
    "RoCBert RoFormer Roberta SeamlessM4T Siglip Speech2Text Speech2Text2 SpeechT5 Splinter "
    "SqueezeBert T5 Tapas Tapex TransfoXL Udop Vits Wav2Vec2 Wav2Vec2CTC Wav2Vec2PhonemeCTC Whisper "
    "XGLM XLM XLMProphetNet XLMRoberta XLNet"
)
"""What stands before ``Tokenizer`` and ``TokenizerFast`` in the names transformers 4.57.6, the last 4, can
load."""
_KIND: Final = "Tokenizer"
_BACKENDS: Final = ("TokenizersBackend", "PythonBackend")
"""Names for which AutoTokenizer of transformers 5 reads ``tokenizer.json`` as it is."""
_OLDER_NAME: Final = "PreTrainedTokenizerFast"
"""The older name of the same class: in transformers 5 it is an alias."""
_INPUTS: Final = "model_input_names"
_DEFAULT_INPUTS: Final[list[JsonValue]] = ["input_ids", "attention_mask"]
"""What the class returns in transformers 5; in 4 it adds ``token_type_ids``, which ``generate()`` refuses."""


@rule(
    "GF701",
    "tokenizer-class-unknown-to-older-readers",
    Severity.WARNING,
    question=READERS,
    shows="`Tokenizer class ... does not exist`, also when a GGUF is made",
)
def _class_unknown(context: Context, rule: Rule) -> Iterator[Finding]:
    """`tokenizer_class` in `tokenizer_config.json` is a name that transformers 4 has no class for, such as
    `TokenizersBackend`, which transformers 5 writes; the base has one that it loads.

    Why: Readers with transformers 4 stop with `Tokenizer class TokenizersBackend does not exist or is not
    currently imported`. llama.cpp's converter pins transformers 4.57.6, so no GGUF can be made, and so do
    servers of that age. Readers with transformers 5 are not hurt.

    Fix: `PreTrainedTokenizerFast`, the older name of the same class, where `tokenizer.json` is there; and
    `model_input_names`, where it is absent, with the value that transformers 5 uses then: with its own
    default, transformers 4 returns `token_type_ids` too, which `generate()` refuses. A class name with other
    capitals, or with `Fast` twice, gets the name that was meant; any other the base's.

    Safety: Safe for the older name: transformers 5 reads the folder exactly as before. The base's own class
    is not taken, because transformers 5 would build another pre-tokenizer for some (`LlamaTokenizer`). Unsafe
    for all other names, where transformers 4 would overwrite the prefix space of `tokenizer.json`, and
    without a base, where the finding is information only.

    Sources:
    - transformers 4.57.6 and 5.23.0: models/auto/tokenization_auto.py `tokenizer_class_from_name`
    - llama_cpp_python 0.3.36: vendor/llama.cpp/requirements/requirements-convert_legacy_llama.txt
    - unslothai/unsloth#8444
    - hiyouga/LlamaFactory#10310
    - ml-explore/mlx-lm#682
    """
    merged, base = context.merged, context.base
    config = merged.tokenizer_config
    name = config.get(_CLASS)
    if not isinstance(name, str) or _loads_in_4(config):
        return
    if base is None and not _reads_file(merged, name) and _meant(name) is None:
        return  # a class of its own that only newer versions have, as far as anybody can tell
    if base is not None and not _loads_in_4(base.tokenizer_config):
        return
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "tokenizer-class-unknown",
            "tokenizer_class {name!r} is unknown to transformers 4, with which llama.cpp converts models",
            name=name,
        ),
        severity=Severity.INFO if base is None else Severity.WARNING,
        witness=Witness.ENGINE if base is None else Witness.BASE,
        evidence=_base_class(base),
        pointer=f"/{_CLASS}",
        current=name,
        fix=_known_class(merged, base, name),
    )


def _loads_in_4(config: JsonObject) -> bool:
    """Whether transformers 4 finds the class: by its name, in code of its own, or from the model's type."""
    name, code = config.get(_CLASS), config.get("auto_map")
    if isinstance(code, list) or (isinstance(code, dict) and "AutoTokenizer" in code):
        return True
    if not isinstance(name, str):
        return True
    stem = name.removesuffix("Fast")
    return stem.endswith(_KIND) and stem.removesuffix(_KIND) in _STEMS.split()


def _base_class(base: Model | None) -> list[Message]:
    name = base.tokenizer_config.get(_CLASS) if base is not None else None
    return (
        [message("evidence-base-value", "the base has {value!r}", value=name)]
        if isinstance(name, str)
        else []
    )


def _reads_file(merged: Model, name: str) -> bool:
    """Whether transformers 5 takes ``tokenizer.json`` as it is under that name."""
    return merged.has(_FAST) and name.removesuffix("Fast") in _BACKENDS


def _meant(name: str) -> str | None:
    """The class whose name differs in capitals or in a doubled ``Fast`` only."""
    stem = name
    while stem.endswith("Fast"):
        stem = stem.removesuffix("Fast")
    if not stem.endswith(_KIND):
        return None
    for known in _STEMS.split():
        if known.casefold() == stem.removesuffix(_KIND).casefold():
            return known + _KIND + ("Fast" if name.endswith("Fast") else "")
    return None


def _known_class(merged: Model, base: Model | None, name: str) -> Fix:
    theirs = base.tokenizer_config.get(_CLASS) if base is not None else None
    if _reads_file(merged, name):
        operations: tuple[Operation, ...] = (SetField(TOKENIZER_CONFIG, f"/{_CLASS}", _OLDER_NAME),)
        if _INPUTS not in merged.tokenizer_config:
            order = tuple(sorted([*merged.keys(TOKENIZER_CONFIG), _INPUTS]))  # transformers 5 sorts the file
            operations += (SetField(TOKENIZER_CONFIG, f"/{_INPUTS}", _DEFAULT_INPUTS, order),)
        if _adds_space_otherwise(merged):
            return Fix.unsafe(
                message(
                    "why-prefix-space",
                    "transformers 4 would put another add_prefix_space in the place of tokenizer.json's",
                ),
                *operations,
            )
        if base is None:
            return Fix.unsafe(
                message(
                    "why-older-alone", "no base says that readers with transformers 4 should load the folder"
                ),
                *operations,
            )
        return Fix.safe(
            message(
                "why-older-class",
                "{name} is the older name of the same class: transformers 5 reads the folder as before",
                name=_OLDER_NAME,
            ),
            *operations,
        )
    known = _meant(name)
    if known is not None:
        field = SetField(TOKENIZER_CONFIG, f"/{_CLASS}", known)
        return Fix.unsafe(
            message("why-other-class", "transformers 5 may cut text in another way with {name}", name=known),
            field,
        )
    if isinstance(theirs, str) and base is not None and "auto_map" not in base.tokenizer_config:
        copy = CopyField(TOKENIZER_CONFIG, f"/{_CLASS}")
        return Fix.unsafe(
            message("why-other-class", "transformers 5 may cut text in another way with {name}", name=theirs),
            copy,
        )
    return Fix.manual(
        message("why-no-older-class", "no class of transformers 4 is known to read these files")
    )


def _adds_space_otherwise(merged: Model) -> bool:
    """Whether transformers 4 would overwrite ``add_prefix_space`` of tokenizer.json by that of the config."""
    pre_tokenizer = merged.tokenizer_head.get("pre_tokenizer")
    if not isinstance(pre_tokenizer, dict) or "add_prefix_space" not in pre_tokenizer:
        return False
    return pre_tokenizer["add_prefix_space"] is not merged.tokenizer_config.get("add_prefix_space", False)


# -- the list of special tokens ------------------------------------------------------------------

_EXTRA: Final = "extra_special_tokens"
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
    list is taken out.

    Safety: Safe: transformers 5 takes `additional_special_tokens` for `extra_special_tokens`, so both
    versions read the same list. Without a base it is information, and the fix unsafe: newer models ship it
    this way.

    Sources:
    - transformers 4.57.6: tokenization_utils_base.py `_set_model_specific_special_tokens`
    - transformers 5.23.0: tokenization_utils_base.py `_from_pretrained`
    - ml-explore/mlx-lm#661
    """
    merged, base = context.merged, context.base
    value = merged.tokenizer_config.get(_EXTRA)
    if not isinstance(value, list):
        return
    if base is not None and isinstance(base.tokenizer_config.get(_EXTRA), list):
        return
    operations: tuple[Operation, ...] = (RemoveField(TOKENIZER_CONFIG, f"/{_EXTRA}"),)
    if value:  # an empty one says nothing: transformers 5 then reads the older key
        order = tuple(_ADDITIONAL if key == _EXTRA else key for key in merged.keys(TOKENIZER_CONFIG))
        operations += (SetField(TOKENIZER_CONFIG, f"/{_ADDITIONAL}", value, order),)
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "extra-tokens-list",
            "extra_special_tokens is a list, which transformers 4 and so llama.cpp's converter cannot load",
        ),
        severity=Severity.INFO if base is None else Severity.WARNING,
        witness=Witness.ENGINE if base is None else Witness.BASE,
        pointer=f"/{_EXTRA}",
        current=value,
        fix=Fix.unsafe(
            message(
                "why-older-alone", "no base says that readers with transformers 4 should load the folder"
            ),
            *operations,
        )
        if base is None
        else Fix.safe(
            message(
                "why-older-key",
                "{name} is the older name of the same list: transformers 5 reads the folder as before",
                name=_ADDITIONAL,
            ),
            *operations,
        ),
    )


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
    if base is None or not _is_listed(base) or not all(merged.has(name) for name in (_FAST, _SLOW)):
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
            tokens=[*lost[:_SHOWN]],
            count=len(lost),
        ),
        witness=Witness.BASE,
        pointer=f"/{_DECODER}",
        fix=Fix.safe(
            message("why-added-tokens-listed", "the list says what tokenizer.json says"),
            SetField(TOKENIZER_CONFIG, f"/{_DECODER}", table, base.keys(TOKENIZER_CONFIG)),
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
    return model.has(_SLOW) and (model.has(_ADDED) or _DECODER in model.tokenizer_config)


RULES: Final = (_class_unknown, _extra_list, _unlisted)
