"""Folders on which view and engine differ, and why that stays so."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dev.conformance.compare import Difference

__all__ = ["KNOWN", "NEW_TOKEN", "NO_VOCABULARY", "Known", "explanation"]

NEW_TOKEN: Final = ",new-token"
"""How the name of a variant ends of which the engine names an end that is beyond the model's vocabulary."""
NO_VOCABULARY: Final = ",no-vocabulary"
"""How the name of a variant ends whose tokenizer the view says to be empty."""


class Known(NamedTuple):
    """One known difference."""

    engines: frozenset[str]
    reason: str
    """A sentence for docs/engines.md."""
    covers: Callable[[str, Difference], bool]
    """Whether a difference on the variant of this name is this one."""


def _no_vocabulary(variant: str, difference: Difference) -> bool:
    return variant.endswith(NO_VOCABULARY) and difference.answer == "stops"


def _class_tokens(variant: str, difference: Difference) -> bool:
    if "class-with-scores" in variant:
        return difference.answer == "loads"
    classless = "tokenizer=no-config" in variant or "tokenizer=classless" in variant
    return variant.startswith("llama/") and classless and difference.engine == [257, 258, 263]


_UNNAMED: Final = ("-absent", "tokenizer=map-alone", "tokenizer=map-object", "tokenizer=no-config")


def _class_eos(variant: str, difference: Difference) -> bool:
    tokenizer = variant.partition("tokenizer=")[2].partition(",")[0]
    unnamed = any(f"tokenizer={tokenizer}".endswith(end) for end in _UNNAMED)
    changed = any(
        f"/{name}" in variant for name in ("tokenizer-class-", "tokenizer-eos-lost", "special-alone")
    )
    other = changed and difference.answer == "stops"
    return other or (bool(tokenizer) and unnamed and difference.answer in {"stops", "loads"})


def _by_text(variant: str, difference: Difference) -> bool:
    return "tokenizer=not-added" in variant and difference.answer == "stops"


def _new_token(variant: str, difference: Difference) -> bool:
    unknown = ("-unknown", "settings=unknown-end", "tekken=endless", NEW_TOKEN)
    return any(part in variant for part in unknown) and difference.answer == "stops"


def _no_library(variant: str, difference: Difference) -> bool:
    needed = "tekken=older" in variant or "settings=mistral-common" in variant
    if needed and difference[:2] == ("loads", True):  # some say another thing of it
        return True
    return "mistral-common" in str(difference.engine)


def _no_pad(variant: str, difference: Difference) -> bool:
    return "list-empty" in variant and difference.answer == "loads"


def _no_config(variant: str, difference: Difference) -> bool:
    return variant.startswith("gemma3/length=") and "rope" in variant and difference.answer == "loads"


def _passed_over_rope(variant: str, difference: Difference) -> bool:
    return variant.startswith("gemma3/") and "mrope-without" in variant and difference.answer == "loads"


def _first_on_disk(variant: str, difference: Difference) -> bool:
    return "places=" in variant and "tools+default" in variant and difference.answer == "template"


def _other_type(variant: str, difference: Difference) -> bool:
    """The view says that a folder with an odd value under some key works, and the engine refuses it."""
    if difference.answer == "loads" and "FieldValidationError" in str(difference.engine):
        return True
    return "/keys=" in variant and (
        difference[:2] in (("loads", True), ("fails", False)) or _no_texts(difference)
    )


def _no_type(variant: str, difference: Difference) -> bool:
    return "/keys=config.json.model_type-" in variant and difference.answer == "loads"


def _no_texts(difference: Difference) -> bool:
    return difference.answer == "stop_strings" and not difference.view


def _no_export(variant: str, difference: Difference) -> bool:
    return "tekken=" in variant and "tokenizer.json" not in variant and difference.answer == "loads"


def _as_it_stands(variant: str, difference: Difference) -> bool:
    return variant.startswith("gemma3/length=") and "'sliding_window'" in str(difference.engine)


def _no_logits(variant: str, difference: Difference) -> bool:
    return "sliding_window-zero" in variant and "logits" in str(difference.engine)


def _own_template(variant: str, difference: Difference) -> bool:
    made = variant.startswith("qwen2_audio/") and ",processor" in variant
    return (made or "/Qwen__Qwen2-Audio" in variant) and difference.answer == "template"


def _no_module(_: str, difference: Difference) -> bool:
    return "failed to be inspected" in str(difference.engine)


def _none_made(variant: str, difference: Difference) -> bool:
    unmade = "Couldn't instantiate the backend tokenizer" in str(difference.engine)
    return variant.endswith(NO_VOCABULARY) and unmade


def _unknown_part(_: str, difference: Difference) -> bool:
    return difference[:2] == ("loads", True) and str(difference.engine).startswith("KeyError: '")


def _broken_template(variant: str, difference: Difference) -> bool:
    return variant.endswith("/template-broken") and difference.answer == "fails"


def _needs_of_processor(_: str, difference: Difference) -> bool:
    told = str(difference.engine)
    return told.startswith("AttributeError") and ("Processor'" in told or "_token" in told)


def _no_card(_: str, difference: Difference) -> bool:
    return difference.answer == "loads" and "Unknown quantization method" in str(difference.engine)


def _no_torchvision(variant: str, difference: Difference) -> bool:
    return variant.startswith("qwen2_vl/") and "requires the Torchvision library" in str(difference.engine)


KNOWN: Final[Sequence[Known]] = (
    Known(
        frozenset({"transformers4", "transformers5"}),
        "Qwen2-VL's processor of videos needs torchvision, which this environment does not have",
        _no_torchvision,
    ),
    Known(
        frozenset({"lmdeploy", "mlx-lm", "sglang", "vllm"}),
        "a tokenizer for which no file names an EOS takes that of its class, "
        "and which class is made is transformers' choice",
        _class_eos,
    ),
    Known(
        frozenset({"lmdeploy", "mlx-lm", "sglang", "vllm"}),
        "an EOS token that no vocabulary has is given a free number; no weight was trained for it, "
        "so the view leaves it out",
        _new_token,
    ),
    Known(
        frozenset({"lmdeploy", "mlx-lm", "sglang", "vllm"}),
        "without a vocabulary some tokenizer classes make an empty one, and number their own tokens in it",
        _no_vocabulary,
    ),
    Known(
        frozenset({"lmdeploy", "mlx-vlm", "sglang", "transformers4", "transformers5", "vllm"}),
        "Qwen2-Audio's processor has a template of its own, in code, where no file has one for it",
        _own_template,
    ),
    Known(
        frozenset({"sglang"}),
        "which quantizations it takes depends on the machine: neither GPTQ nor MXFP4 on this one without "
        "a graphics card, and MLX's on Apple's alone; the view does not ask for the machine",
        _no_card,
    ),
    Known(
        frozenset({"llama.cpp", "lmdeploy", "mlx-lm", "sglang", "transformers4", "transformers5"}),
        "Mistral's own library, which this environment does not have, is needed for its tokenizer class "
        "and for a tekken.json that lists no special tokens",
        _no_library,
    ),
    Known(
        frozenset({"lmdeploy", "mlx-lm", "sglang", "transformers4", "transformers5", "vllm"}),
        "values of a type that the engine does not take, and settings that need more than files; the view "
        "checks ids, lengths and names, and not what else a key may have",
        _other_type,
    ),
    Known(
        frozenset({"mlx-lm"}),
        "where transformers refuses a value of config.json for its type, the tokenizer is made without that "
        "file, and is taken for the processor",
        _no_config,
    ),
    Known(
        frozenset({"vllm"}),
        "Gemma 3 gives each type of layer its own RoPE, and passes over an mrope that lacks its sections",
        _passed_over_rope,
    ),
    Known(
        frozenset({"sglang"}),
        "of several files of templates it takes the one that the disk lists first",
        _first_on_disk,
    ),
    Known(
        frozenset({"onnxruntime-genai"}),
        "an empty list of ends needs a pad token, which some tokenizer classes have by themselves",
        _no_pad,
    ),
    Known(frozenset({"lmdeploy"}), "a model_type that is no text is passed over", _no_type),
    Known(
        frozenset({"openvino-genai"}),
        "what its exporter makes of Mistral's own vocabulary is not asked",
        _no_export,
    ),
    Known(
        frozenset({"llama.cpp"}),
        "some tokenizer classes, Llama's for one that names none, add tokens of their own, "
        "which real vocabularies have and the toy's has not",
        _class_tokens,
    ),
    Known(
        frozenset({"llama.cpp"}),
        "where transformers refuses a config.json, the converter takes it as it stands, and the toy's lacks "
        "a key that real ones have",
        _as_it_stands,
    ),
    Known(
        frozenset({"llama.cpp"}),
        "a token that it knows by its text is found in the vocabulary, too; the view asks added tokens alone",
        _by_text,
    ),
    Known(
        frozenset({"mistral.rs"}),
        "with a sliding window of zero tokens the toy has no logits; no real model has one",
        _no_logits,
    ),
    Known(
        frozenset({"vllm"}),
        "some classes of vLLM need libraries that this environment does not have",
        _no_module,
    ),
    Known(
        frozenset({"vllm"}),
        "without a vocabulary transformers 5.19 makes no tokenizer for a few model types, "
        "and newer ones make an empty one",
        _none_made,
    ),
    Known(
        frozenset({"vllm"}),
        "some composite config classes look up a part by its own model_type, and fail where it is unknown",
        _unknown_part,
    ),
    Known(
        frozenset({"vllm"}),
        "a template that is no Jinja fails the requests; a rule says so, and not the view",
        _broken_template,
    ),
    Known(
        frozenset({"vllm"}),
        "processors ask their tokenizer, and vLLM a processor, for what no file tells of",
        _needs_of_processor,
    ),
)


_LOADS_AS: Final = {"mlx-vlm": "mlx-lm", "onnxruntime-genai": "mlx-lm"}
"""Engines that load config and tokenizer by the same library as another, and share what is known of that."""


def explanation(engine: str, variant: str, found: Sequence[Difference]) -> str | None:
    """The reasons that cover *every* difference of a folder; `None` where one is not covered."""
    reasons: list[str] = []
    names = {engine, _LOADS_AS.get(engine, engine)}
    for difference in found:
        known = next(
            (known for known in KNOWN if names & known.engines and known.covers(variant, difference)), None
        )
        if known is None:
            return None
        reasons.append(known.reason)
    return "; ".join(dict.fromkeys(reasons))
