"""GF3xx: BOS, padding and truncation, and the slow vocabulary.

Who is right: merged about its BOS and padding, which training may have set, except where the embedding has no such
row. What a trainer's last call left in ``tokenizer.json`` is nobody's setting: there the base is right. A slow
vocabulary is the base's as far as nothing says that tokens or text cutting were changed.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.folder import FolderFileError
from genfix.folder.kinds import GENERATION_CONFIG, SLOW_VOCABULARIES, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, Missing
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.context import Context
from genfix.rules.finding import (
    Applicability,
    Finding,
    Fix,
    Operation,
    RemoveField,
    RestoreFile,
    SetField,
    Severity,
    Witness,
)
from genfix.rules.restoring import rows_differ
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_CONFIG: Final = "config.json"
_FAST: Final = "tokenizer.json"
_SPECIAL_MAP: Final = "special_tokens_map.json"
_ADDED: Final = "added_tokens.json"
_DECODER: Final = "added_tokens_decoder"
_TEXT_PARTS: Final = ("text_config", "llm_config", "language_config")
_BOS: Final = "bos_token"
_PAD: Final = "pad_token"
_SHOWN: Final = 5


def _is_id(value: JsonValue) -> bool:
    return type(value) is int


def _pointers(model: Model, key: str) -> tuple[str, ...]:
    """Where config.json may have ``key``: at the top, and in the language model's part of a composite one."""
    parts = [part for part in _TEXT_PARTS if isinstance(model.config.get(part), dict)]
    return (f"/{key}", *(f"/{part}/{key}" for part in parts[:1]))


def _is_generative(model: Model) -> bool:
    """Whether the folder generates text: embedding models, rerankers and classifiers are padded and cut on purpose."""
    if any(
        name.startswith(("1_Pooling", "config_sentence_transformers", "modules.json"))
        for name in model.folder.names()
    ):
        return False
    architectures = model.config.get("architectures")
    names = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if any(name.endswith(("ForCausalLM", "ForConditionalGeneration")) for name in names):
        return True
    if any("For" in name for name in names):
        return False  # a classifier, say
    return model.generation_config.present and bool(model.template_copies)


# -- BOS and padding -------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """One place whose BOS or padding is not the base's."""

    file: str
    pointer: str
    ours: JsonValue
    theirs: JsonValue
    operations: tuple[Operation, ...]


_NO_DEFAULTS: Final = frozenset(["PreTrainedTokenizer", "TokenizersBackend", "LlamaTokenizer"])
"""Tokenizer classes without a padding token of their own (transformers 4.57 and 5.23); of others genfix is not sure."""


def _settings_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    base = context.base
    if base is None:
        return
    for token in (_BOS, _PAD):
        if token == _PAD and (_is_turn_end(context) or any(_pads_beyond_rows(context.merged))):
            continue  # other rules say more
        named = _named_place(context, base, token)
        places = [*([named] if named else []), *_id_places(context, base, f"{token}_id")]
        if places:
            yield _setting_changed(rule, base, token, places)


def _setting_changed(rule: Rule, base: Model, token: str, places: list[_Place]) -> Finding:
    first = places[0]
    added = token == _PAD and base.tokenizer.named.get(token) is None and first.theirs is None
    return rule.finding(
        first.file,
        message("padding-added", token=first.ours)
        if added
        else message("bos-or-pad-changed", key=first.pointer[1:], ours=first.ours, theirs=first.theirs),
        witness=Witness.BASE,
        pointer=first.pointer,
        current=Missing.MISSING if first.ours is None else first.ours,
        expected=Missing.MISSING if first.theirs is None else first.theirs,
        evidence=[
            message(
                "evidence-setting",
                place=f"{place.file} {place.pointer}",
                ours=place.ours,
                theirs=place.theirs,
            )
            for place in places[1:]
        ],
        fix=Fix(Applicability.MANUAL, message("why-padding-added"))
        if added
        else Fix(
            Applicability.UNSAFE,
            message("why-bos-or-pad"),
            tuple(operation for place in places for operation in place.operations),
        ),
    )


def _is_turn_end(context: Context) -> bool:
    """Whether padding was changed to the only end of a turn, which has its own rule."""
    merged = context.merged
    ends = {*merged.end_ids} | ({merged.tokenizer.eos_token} if context.writes_eos else set[str | None]())
    return ends == {merged.tokenizer.named.get("pad_token")}


def _named_place(context: Context, base: Model, token: str) -> _Place | None:
    merged, adapter = context.merged, context.adapter
    if merged.json(TOKENIZER_CONFIG).value is None or base.json(TOKENIZER_CONFIG).value is None:
        return None
    ours, theirs = merged.tokenizer.named.get(token), base.tokenizer.named.get(token)
    if ours == theirs or (adapter is not None and adapter.tokenizer.named.get(token) == ours):
        return None
    if (ours is None and not _tells_none(merged, token)) or (theirs is None and not _tells_none(base, token)):
        return None
    if theirs is not None and merged.tokenizer.ids.get(theirs) != base.tokenizer.ids.get(theirs):
        return None  # the tokens themselves were changed
    operations = [
        SetField(
            TOKENIZER_CONFIG,
            f"/{token}",
            base.tokenizer_config.get(token, theirs),
            base.keys(TOKENIZER_CONFIG),
        )
    ]
    if merged.object(_SPECIAL_MAP).get(token) is not None:
        operations.append(SetField(_SPECIAL_MAP, f"/{token}", base.object(_SPECIAL_MAP).get(token, theirs)))
    return _Place(TOKENIZER_CONFIG, f"/{token}", ours, theirs, tuple(operations))


def _tells_none(model: Model, token: str) -> bool:
    """Whether a tokenizer that names no such token surely has none: many classes bring one of their own."""
    config = model.tokenizer_config
    if "auto_map" in config:
        return False
    told = token in config and config[token] is None
    name = config.get("tokenizer_class")
    return told or (token == _PAD and isinstance(name, str) and name.removesuffix("Fast") in _NO_DEFAULTS)


def _id_places(context: Context, base: Model, key: str) -> list[_Place]:
    """Places of the configs whose id is not one that any file of the base has for it."""
    merged, known = context.merged, _known_ids(base, key)
    if not known or base.json(_CONFIG).value is None:
        return []
    places: list[_Place] = []
    settings = merged.generation_config.value
    if settings is not None and settings.get("_from_model_config") is not True:
        ours, theirs = settings.get(key), base.object(GENERATION_CONFIG).get(key)
        if _differ(context, ours, theirs, known):
            places.append(_place(GENERATION_CONFIG, f"/{key}", ours, theirs, base))
    ours, theirs = merged.config_value(key), base.config_value(key)
    pointer = f"/{key}" if merged.config.get(key) is not None else _pointers(merged, key)[-1]
    # An absent key may mean the class's own default, which may be the base's; two absent ones were taken away.
    told = ours is not None or bool(places) or _told_null(merged, key)
    if merged.json(_CONFIG).value is not None and told and _differ(context, ours, theirs, known):
        places.insert(0, _place(_CONFIG, pointer, ours, theirs, base))
    return places


def _told_null(model: Model, key: str) -> bool:
    return any(key in part and part[key] is None for part in (model.config, model.text_config)) and (
        model.config_value(key) is None
    )


def _known_ids(model: Model, key: str) -> set[int]:
    values = [model.config_value(key), model.object(GENERATION_CONFIG).get(key)]
    token = model.tokenizer.named.get(key.removesuffix("_id"))
    values.append(model.tokenizer.ids.get(token) if token is not None else None)
    return {value for value in values if isinstance(value, int) and not isinstance(value, bool)}


def _differ(context: Context, ours: JsonValue, theirs: JsonValue, known: set[int]) -> bool:
    """Whether an id is another one than the base's, and surely means another token."""
    if ours == theirs or not (ours is None or _is_id(ours)) or not (theirs is None or _is_id(theirs)):
        return False
    if isinstance(theirs, int) and not context.same_token(theirs):
        return False
    if not isinstance(ours, int):
        return True
    text, base = context.merged.tokenizer.text(ours), context.base
    moved = base is not None and text is not None and base.tokenizer.ids.get(text) in known
    if ours in known or moved or not context.same_token(ours):
        return False
    adapter = context.adapter
    return adapter is None or ours not in {
        *_known_ids(adapter, "bos_token_id"),
        *_known_ids(adapter, "pad_token_id"),
    }


def _place(file: str, pointer: str, ours: JsonValue, theirs: JsonValue, base: Model) -> _Place:
    operation: Operation = (
        SetField(file, pointer, theirs, base.keys(file)) if theirs is not None else RemoveField(file, pointer)
    )
    return _Place(file, pointer, ours, theirs, (operation,))


# -- padding without a row -------------------------------------------------------------------------------------

_NO_PADDING_ROW: Final = frozenset(
    [
        *("bloom", "codegen", "ctrl", "falcon", "falcon_mamba", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox"),
        *(
            "gpt_neox_japanese",
            "gptj",
            "mamba",
            "mamba2",
            "mpt",
            "musicgen",
            "openai-gpt",
            "rwkv",
            "xlnet",
            "xlstm",
        ),
    ]
)
"""Generative models whose embedding is built without ``padding_idx`` in both transformers 4.57 and 5.23."""


def _pads_beyond_rows(model: Model) -> Iterator[tuple[str, str, JsonValue, int]]:
    """File, pointer and value of each padding token beyond the embedding's rows, and its id."""
    rows = model.weights.embedding_rows
    if rows is None:
        return
    further = model.config_value("additional_vocab_size")  # an embedding of its own
    rows += further if isinstance(further, int) else 0
    found: list[tuple[str, str, JsonValue, JsonValue]] = []
    for pointer, part in zip(
        _pointers(model, "pad_token_id"), (model.config, model.text_config), strict=False
    ):
        found.append((_CONFIG, pointer, part.get("pad_token_id"), part.get("pad_token_id")))
    value = model.object(GENERATION_CONFIG).get("pad_token_id")
    found.append((GENERATION_CONFIG, "/pad_token_id", value, value))
    token = model.tokenizer.named.get("pad_token")
    if token is not None and model.json(TOKENIZER_CONFIG).value is not None:
        found.append((TOKENIZER_CONFIG, "/pad_token", token, model.tokenizer.ids.get(token)))
    for file, pointer, shown, token_id in found:
        if isinstance(token_id, int) and not isinstance(token_id, bool) and token_id >= rows:
            yield file, pointer, shown, token_id


def _pad_out_of_range(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    for file, pointer, shown, token_id in _pads_beyond_rows(merged):
        shared = base is not None and _has_it_too(base, file, pointer, token_id)
        fatal = file == _CONFIG and _is_built_with(merged, pointer)
        severity = Severity.ERROR if fatal else Severity.WARNING
        rows = merged.weights.embedding_rows
        yield rule.finding(
            file,
            message("pad-out-of-range", key=pointer.rpartition("/")[2], pad=shown, id=token_id, rows=rows),
            severity=Severity.INFO if shared else severity,
            witness=Witness.WEIGHTS,
            pointer=pointer,
            current=shown,
            evidence=[message("evidence-pad-crash" if fatal else "evidence-pad-batch")],
            engines=("transformers5",) if fatal else (),
            fix=Fix(Applicability.MANUAL, message("why-base-has-it-too"))
            if shared
            else _pad_in_range(context, file, pointer),
        )


def _has_it_too(base: Model, file: str, pointer: str, token_id: int) -> bool:
    """Whether the base's padding is the same id, and lies beyond its own rows."""
    if file == TOKENIZER_CONFIG:
        theirs: JsonValue = base.tokenizer.ids.get(base.tokenizer.named.get("pad_token", ""))
    elif file == _CONFIG:
        theirs = (
            base.config.get("pad_token_id")
            if pointer == "/pad_token_id"
            else base.config_value("pad_token_id")
        )
    else:
        theirs = base.object(file).get("pad_token_id")
    return theirs == token_id and base.vocab_rows is not None and token_id >= base.vocab_rows


def _is_built_with(model: Model, pointer: str) -> bool:
    """Whether transformers builds the embedding with this id as ``padding_idx``, which torch refuses."""
    part = model.text_config or model.config
    of_part = pointer != "/pad_token_id" or not model.text_config
    return of_part and "auto_map" not in model.config and part.get("model_type") not in _NO_PADDING_ROW


def _pad_in_range(context: Context, file: str, pointer: str) -> Fix:
    base, rows = context.base, context.merged.weights.embedding_rows
    if file == TOKENIZER_CONFIG:
        token = base.tokenizer.named.get("pad_token") if base is not None else None
        token_id = context.merged.tokenizer.ids.get(token) if token is not None else None
        if base is None or token is None or token_id is None or rows is None or token_id >= rows:
            return Fix(Applicability.MANUAL, message("why-pad-needs-row"))
        files = [
            file,
            *([_SPECIAL_MAP] if context.merged.object(_SPECIAL_MAP).get("pad_token") is not None else []),
        ]
        named = tuple(
            SetField(name, pointer, base.object(name).get("pad_token", token), base.keys(name))
            for name in files
        )
        return Fix(Applicability.SAFE, message("why-pad-of-base"), named)
    theirs: JsonValue = None
    if base is not None:
        theirs = (
            base.config_value("pad_token_id") if file == _CONFIG else base.object(file).get("pad_token_id")
        )
    if isinstance(theirs, int) and rows is not None and 0 <= theirs < rows and context.same_token(theirs):
        return Fix(Applicability.SAFE, message("why-pad-of-base"), (SetField(file, pointer, theirs),))
    # Without the key a config class would take its own default, which may lie beyond the rows as well.
    none = SetField(file, pointer, None) if file == _CONFIG else RemoveField(file, pointer)
    return Fix(Applicability.SAFE, message("why-pad-none"), (none,))


# -- truncation and padding in tokenizer.json -------------------------------------------------------------------


def _cuts_or_pads(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    ours = merged.tokenizer_head
    if not any(ours.get(part) is not None for part in ("truncation", "padding")) or not _is_generative(
        merged
    ):
        return
    theirs = base.tokenizer_head if base is not None else {}
    parts = [part for part in ("truncation", "padding") if ours.get(part) not in (None, theirs.get(part))]
    if not parts:
        return
    restores = bool(theirs) and all(theirs.get(part) is None for part in parts)
    if restores:
        severity, why = Severity.WARNING, message("why-cut-of-base")
    else:
        trained = context.chat_training
        severity = Severity.WARNING if trained or theirs else Severity.INFO
        why = message("why-cut-meant")
    operations = tuple(SetField(_FAST, f"/{part}", theirs.get(part)) for part in parts)
    yield rule.finding(
        _FAST,
        message("tokenizer-cuts-or-pads", parts=[*parts]),
        severity=severity,
        witness=Witness.BASE if theirs else Witness.FOLDER,
        pointer=f"/{parts[0]}",
        current=ours[parts[0]],
        expected=theirs.get(parts[0]),
        evidence=[*_lengths({part: ours[part] for part in parts})],
        fix=Fix(Applicability.SAFE if restores else Applicability.UNSAFE, why, operations),
    )


def _lengths(parts: JsonObject) -> Iterator[Message]:
    truncation, padding = parts.get("truncation"), parts.get("padding")
    if isinstance(truncation, dict) and _is_id(truncation.get("max_length")):
        yield message("evidence-cut", length=truncation["max_length"])
    strategy = padding.get("strategy") if isinstance(padding, dict) else None
    if isinstance(strategy, dict) and _is_id(strategy.get("Fixed")):
        yield message("evidence-padded", length=strategy["Fixed"])


# -- padding side ----------------------------------------------------------------------------------------------

_OWN_SIDE: Final = frozenset(
    [
        *("LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer", "XLNetTokenizer"),
        *("CpmAntTokenizer", "Siglip2Tokenizer", "ChatGLM4Tokenizer", "ChatGLMTokenizer"),
    ]
)
"""Classes that pad on the left by themselves, some only in one of their versions: without a value nobody is sure."""


def _padding_side(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None or not merged.tokenizer_config or not base.tokenizer_config or not _is_generative(merged):
        return
    ours, theirs = _side(merged), _side(base)
    if (ours, theirs) != ("right", "left"):
        return  # the other way round nothing gets worse
    yield rule.finding(
        TOKENIZER_CONFIG,
        message("padding-side-changed", ours=ours, theirs=theirs),
        witness=Witness.BASE,
        pointer="/padding_side",
        current=merged.tokenizer_config.get("padding_side", Missing.MISSING),
        expected=base.tokenizer_config.get("padding_side", Missing.MISSING),
        fix=Fix(Applicability.MANUAL, message("why-padding-side")),
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


# -- the slow vocabulary ---------------------------------------------------------------------------------------

_SENTENCEPIECE: Final = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_OF_SLOW_CLASSES: Final = ("vocab.json", "merges.txt", "vocab.txt")


def _slow_vocabulary(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None or not merged.has(_FAST) or merged.tokenizer_problem is not None:
        return  # without tokenizer.json the loss is another rule's
    lost = [name for name in SLOW_VOCABULARIES if context.lost_from_base(name)]
    pieces = [name for name in lost if _is_sentencepiece(base, name)]
    own_code = _has_slow_code(merged)
    lost = [name for name in lost if own_code or name in pieces or name in _OF_SLOW_CLASSES]
    if not lost:
        return
    doubt = _vocabulary_doubt(context, base)
    operations: list[Operation] = [RestoreFile(name) for name in lost]
    if pieces:
        operations += _tokens_beside(merged, base, with_file=doubt is None)
    yield rule.finding(
        lost[0],
        message("sentencepiece-missing" if pieces else "slow-vocabulary-missing", files=[*lost]),
        severity=Severity.WARNING if pieces or own_code else Severity.INFO,
        witness=Witness.BASE,
        fix=Fix(
            Applicability.UNSAFE if doubt else Applicability.SAFE,
            doubt or message("why-vocabulary-same"),
            tuple(operations),
        ),
    )


def _is_sentencepiece(base: Model, name: str) -> bool:
    """Whether the file is a protobuf message that starts with a piece: others use the name for a list of text lines."""
    if name not in _SENTENCEPIECE:
        return False
    try:
        return base.folder.read_range(name, 0, 1) == b"\n"
    except FolderFileError:
        return False


def _has_slow_code(merged: Model) -> bool:
    """Whether the tokenizer is a slow class of the model's own, which reads these files and no tokenizer.json."""
    code = merged.tokenizer_config.get("auto_map")
    names = code.get("AutoTokenizer") if isinstance(code, dict) else None
    return isinstance(names, list) and len(names) == 2 and names[0] is not None and names[1] is None


def _vocabulary_doubt(context: Context, base: Model) -> Message | None:
    """What speaks against the base's vocabulary being this folder's; `None` where nothing does."""
    merged = context.merged
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    trained = context.adapter.tokenizer.ids if context.adapter is not None else {}
    added = [text for text, token_id in (*ours.items(), *trained.items()) if theirs.get(text) != token_id]
    if added and base.tokenizer.is_known:
        return message("why-vocabulary-tokens-added", tokens=[*added[:_SHOWN]])
    rows = rows_differ(merged.vocab_rows, base.vocab_rows)
    if rows is not None or context.same_as_base(_FAST):
        return rows
    heads = merged.tokenizer_head, base.tokenizer_head
    alike = all(heads[0].get(part) == heads[1].get(part) for part in ("normalizer", "pre_tokenizer"))
    if ours != theirs or not all(heads) or not alike:
        return message("why-vocabulary-unproven")
    return None


def _tokens_beside(merged: Model, base: Model, *, with_file: bool) -> Iterator[Operation]:
    """What makes converters that go by the SentencePiece file see the added tokens, which it does not have.

    llama.cpp's converter then takes them from these two places only, Ollama from the file, neither from
    tokenizer.json (conversion/base.py, convert/tokenizer_spm.go).
    """
    if with_file and base.has(_ADDED) and not merged.has(_ADDED):
        yield RestoreFile(_ADDED)
    entries = merged.tokenizer_head.get("added_tokens")
    if merged.json(TOKENIZER_CONFIG).value is None or _DECODER in merged.tokenizer_config:
        return
    decoder: dict[str, JsonValue] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and _is_id(entry.get("id")):
            decoder[str(entry["id"])] = {key: value for key, value in sorted(entry.items()) if key != "id"}
    if decoder:
        yield SetField(TOKENIZER_CONFIG, f"/{_DECODER}", decoder, base.keys(TOKENIZER_CONFIG))


RULES: Final = (
    Rule(
        code="GF306",
        name="bos-or-pad-changed",
        severity=Severity.INFO,
        needs_base=True,
        doc=RuleDoc(
            what="The BOS or the padding token of the tokenizer or the configs is not the base's.",
            why=(
                "Another BOS starts every prompt with another token, where the template or the tokenizer writes one. "
                "Another padding token matters to padded batches only. transformers 4.56 and later turn `bos_token_id` "
                "of the configs to null in training where the tokenizer has no BOS (Qwen): servers do not miss it."
            ),
            fix="The base's values, in all places that differ; a value the base has not is removed.",
            safety=(
                "Unsafe: training may have used it. Manual where padding was only added, which changes no answer. "
                "Silent where another file of the base, or the adapter, has the same token, where an absent key may "
                "mean the default of a class, and where padding is the turn end, which GF108 tells."
            ),
            sources=("huggingface/transformers#48592", "hiyouga/LLaMA-Factory#9189", "huggingface/trl#7097"),
        ),
        check=_settings_changed,
    ),
    Rule(
        code="GF307",
        name="pad-token-out-of-range",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="The padding token's id is not below the number of rows of the embedding.",
            why=(
                "transformers builds most embeddings with `padding_idx` from config.json: the model does not load, "
                "`Padding_idx must be within num_embeddings`. In `generation_config.json` or the tokenizer it breaks "
                "batches: generate() feeds the padding of finished answers back, an index out of range."
            ),
            fix=(
                "The base's padding token where it has a row and is the same token here. Else null in `config.json`, and "
                "no value in `generation_config.json`: engines then take the EOS."
            ),
            safety=(
                "Safe: no engine can use the value. Manual for the tokenizer without such a token of the base, and where "
                "the base has the same fault. Negative ids are left alone: torch counts them from the end. Only rows "
                "that the weights' headers tell count."
            ),
            sources=(
                "GaiZhenbiao/Phi3V-Finetuning#12",
                "transformers 5.23.0: models/llama/modeling_llama.py, generation/utils.py",
            ),
        ),
        check=_pad_out_of_range,
    ),
    Rule(
        code="GF308",
        name="tokenizer-cuts-or-pads",
        severity=Severity.WARNING,
        needs_base=False,
        doc=RuleDoc(
            what="`truncation` or `padding` of `tokenizer.json` is set: what the last call of a trainer left, saved with it.",
            why=(
                "Programs that load the file with the tokenizers library itself cut every prompt at training's length, or "
                "fill it up with padding: so do Rust servers. In transformers a plain call resets both, but multimodal "
                "processors in vLLM failed on it: `Mismatch in image token count between text and input_ids`."
            ),
            fix="The base's values, which are null.",
            safety=(
                "Safe where the base's `tokenizer.json` has null. Unsafe without a base, or where the base sets others; "
                "information where nothing shows that chats were trained. Embedding models, rerankers and classifiers, "
                "whose authors set lengths here, are left alone, and so is what the base has too."
            ),
            sources=(
                "vllm-project/llm-compressor#1418",
                "vllm-project/llm-compressor#2917",
                "vllm-project/vllm#20058",
                "transformers 5.23.0: tokenization_utils_tokenizers.py `set_truncation_and_padding`",
            ),
        ),
        check=_cuts_or_pads,
    ),
    Rule(
        code="GF309",
        name="padding-side-changed",
        severity=Severity.INFO,
        needs_base=True,
        doc=RuleDoc(
            what="The tokenizer pads on the right; the base pads on the left (`padding_side` of `tokenizer_config.json`).",
            why=(
                "Batches that transformers pads on the right continue after the padding: `right-padding was detected`. "
                "Servers do not pad, and single prompts do not either."
            ),
            fix="None: pass `padding_side='left'` where you generate in batches.",
            safety=(
                "Manual: trainers set the side they need. The left in place of the right harms nothing. Silent where a tokenizer class may have a side of its own "
                "(Llama, Gemma, Cohere, custom code) and no file tells."
            ),
            sources=("zai-org/GLM-4#633", "unslothai/unsloth#2217", "huggingface/transformers#34658"),
        ),
        check=_padding_side,
    ),
    Rule(
        code="GF310",
        name="slow-vocabulary-missing",
        severity=Severity.WARNING,
        needs_base=True,
        doc=RuleDoc(
            what="`tokenizer.json` is here, and the vocabulary that slow tokenizers and converters read is gone.",
            why=(
                "llama.cpp's converter needs `tokenizer.model` for Gemma, Phi-3, InternLM, Baichuan and MiniCPM, and "
                "stops without it; Llama and Mistral lose the scores by which text is cut. Ollama takes them for another "
                "kind of tokenizer. `vocab.json` and `merges.txt` are read by `use_fast=False` of transformers 4 alone."
            ),
            fix=(
                "The base's files, byte-identical. With a SentencePiece file also the added tokens, in "
                "`added_tokens_decoder` and `added_tokens.json`: those who read it do not look into `tokenizer.json`."
            ),
            safety=(
                "Safe where `tokenizer.json` is the base's, or its added tokens, normalizer, pre-tokenizer and the rows "
                "of the embedding are. Otherwise unsafe. Information where only slow classes of transformers 4 read it."
            ),
            sources=(
                "ggml-org/llama.cpp#19152",
                "llama.cpp: conversion/gemma.py, conversion/phi.py, gguf-py/gguf/vocab.py `LlamaHfVocab`",
                "Ollama: convert/tokenizer.go",
            ),
        ),
        check=_slow_vocabulary,
    ),
)
