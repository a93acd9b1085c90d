"""llama.cpp's runtime: what it does with a GGUF as it is. Ollama, LM Studio and others run the same code.

Read in llama.cpp b11312: src/llama-vocab.cpp (``llama_vocab::impl::load``), src/llama-model-loader.cpp
(``get_key``), src/llama-model.cpp (``load_hparams``), common/common.cpp (sampling from ``general.sampling``).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.engines.gguf_ends import USUAL_EOS, ends_by_text
from genfix.engines.shared.common import joined
from genfix.engines.shared.view import Effect, EngineView, Problem, TemplateSource
from genfix.engines.shared.wording import stop_by_text, stop_from, stop_of_tokenizer
from genfix.gguf import GgufType
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model.gguf_model import ADD_BOS, TOKENS_KEY, TYPES_KEY, GgufModel, id_key

ID: Final = "llama.cpp"
VERSION: Final = "b11312"
_EOS_OF: Final[Mapping[str, int]] = {"llama": 2, "gpt2": USUAL_EOS, "t5": 1}
"""By ``tokenizer.ggml.model``, the EOS where the file names none that is a token."""
_FILL: Final = ("fim_pad", "fim_rep", "fim_sep")
_KINDS: Final = ("eot", "eom", *_FILL)
"""Tokens that end generation beside the EOS, where the file names them."""
_SAMPLING: Final = ("temp", "penalty_repeat", "top_k", "top_p", "min_p", "penalty_last_n", "mirostat")
_RENAMED: Final[Mapping[str, str]] = {"temp": "temperature", "penalty_repeat": "repetition_penalty"}
"""What generation_config.json calls two of them."""
_SIZES: Final = ("context_length", "embedding_length", "block_count")
"""Without them no model is loaded."""
_SCORES: Final = "tokenizer.ggml.scores"


def runtime_view(model: GgufModel) -> EngineView:
    """One EOS, the tokens that the file names beside it, and tokens that end by their text."""
    trace: list[Message] = []
    eos = model.special_id("eos")
    if eos is not None:
        trace.append(stop_of_tokenizer(model.token_texts[eos], eos))
    named = [found for kind in _KINDS if (found := model.special_id(kind)) is not None]
    if named:
        trace.append(stop_from(model.name, named))
    by_text = ends_by_text(model.all_ids)
    if by_text:
        trace.append(stop_by_text(by_text))
    usual = _usual_eos(model)
    first = [found for found in (eos if eos is not None else usual,) if found is not None]
    template = model.chat_template
    return EngineView(
        ID,
        VERSION,
        stop_token_ids=tuple(i for i in joined(first, named, by_text) if i < len(model.token_texts)),
        sampling=_sampling(model),
        chat_template=TemplateSource.of(model.name, template.text) if template is not None else None,
        context_length=model.size("context_length"),
        problems=tuple(_problems(model)),
        trace=tuple(trace),
    )


def _usual_eos(model: GgufModel) -> int | None:
    return _EOS_OF.get(str(model.header.value("tokenizer.ggml.model")))


def _sampling(model: GgufModel) -> Mapping[str, JsonValue]:
    found = {_RENAMED.get(key, key): model.header.value(f"general.sampling.{key}") for key in _SAMPLING}
    return {key: value for key, value in found.items() if value is not None}


def _problems(model: GgufModel) -> Iterator[Problem]:
    if model.architecture == "clip" or model.header.value("general.type") in ("adapter", "mmproj"):
        return  # no language model
    tokens = len(model.token_texts)
    if not tokens and model.header.value("tokenizer.ggml.model") not in ("no_vocab", "none"):
        yield _missing(TOKENS_KEY)
    for key in (TYPES_KEY, _SCORES):
        entry = model.header.entries.get(key)
        if entry is not None and entry.items < tokens:
            yield Problem(
                message(
                    "engine-cannot-use-list",
                    "{key} has {count} entries for {tokens} tokens",
                    key=key,
                    count=entry.items,
                    tokens=tokens,
                )
            )
    for key in _SIZES:
        if model.size(key) is None:
            yield _missing(f"{model.architecture}.{key}")
    yield from _other_types(model)
    rows = model.weights.embedding_rows
    if rows is not None and tokens and rows != tokens:
        yield Problem(
            message(
                "engine-cannot-use-rows",
                "the embedding has {rows} rows for {tokens} tokens",
                rows=rows,
                tokens=tokens,
            )
        )
    if model.special_id("eos") is None and tokens and _usual_eos(model) is not None:
        yield Problem(
            message("engine-has-no-eos", "no EOS is found, so the runtime takes a fixed id of its own"),
            Effect.UNCERTAIN,
        )


def _missing(key: str) -> Problem:
    return Problem(message("engine-cannot-find-key", "{key} is missing", key=key))


def _other_types(model: GgufModel) -> Iterator[Problem]:
    """Values of another type than the one that is asked for: the model is not loaded."""
    wanted = {
        **{id_key(kind): GgufType.UINT32 for kind in ("bos", "eos", *_KINDS)},
        ADD_BOS: GgufType.BOOL,
        **{f"{model.architecture}.{key}": GgufType.UINT32 for key in _SIZES},
    }
    for key, kind in wanted.items():
        entry = model.header.entries.get(key)
        if entry is not None and entry.type is not kind:
            yield Problem(
                message(
                    "engine-cannot-use-value",
                    "{key} is of type {type}, and has to be {wanted}",
                    key=key,
                    type=entry.type.name.lower(),
                    wanted=kind.name.lower(),
                )
            )
