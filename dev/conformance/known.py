"""Folders on which view and engine differ, and why that stays so."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dev.conformance.compare import Difference

__all__ = ["KNOWN", "Known", "explanation"]


class Known(NamedTuple):
    """One known difference."""

    engines: frozenset[str]
    reason: str
    """A sentence for docs/engines.md."""
    covers: Callable[[str, Difference], bool]
    """Whether a difference on the variant of this name is this one."""


def _refused_rope(variant: str, difference: Difference) -> bool:
    """The view says that a folder with a strange ``rope_scaling`` loads, and the engine refuses it."""
    return "/length=" in variant and "rope" in variant and difference[:2] == ("loads", True)


def _no_vocabulary(variant: str, difference: Difference) -> bool:
    return "tokenizer=nothing" in variant and difference.answer == "stops"


def _class_tokens(variant: str, difference: Difference) -> bool:
    classless = "tokenizer=no-config" in variant or "tokenizer=classless" in variant
    return variant.startswith("llama/") and classless and difference.engine == [257, 258, 263]


def _own_rope(variant: str, difference: Difference) -> bool:
    lenient = variant.startswith("gemma3/length=") or "mrope-without-section" in variant
    return lenient and "rope" in variant and difference.answer == "loads"


_UNNAMED: Final = ("-absent", "tokenizer=map-alone", "tokenizer=map-object", "tokenizer=no-config")


def _class_eos(variant: str, difference: Difference) -> bool:
    tokenizer = variant.partition("tokenizer=")[2].partition(",")[0]
    unnamed = any(f"tokenizer={tokenizer}".endswith(end) for end in _UNNAMED)
    return bool(tokenizer) and unnamed and difference.answer in {"stops", "loads"}


def _new_token(variant: str, difference: Difference) -> bool:
    return "-unknown" in variant and difference.answer == "stops"


def _own_template(variant: str, difference: Difference) -> bool:
    return variant.startswith("qwen2_audio/") and ",processor" in variant and difference.answer == "template"


KNOWN: Final[Sequence[Known]] = (
    Known(
        frozenset({"lmdeploy", "sglang", "vllm"}),
        "Gemma 3 and Qwen2-VL have RoPE settings of their own shape, and put up with some that lack a part",
        _own_rope,
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
        frozenset({"transformers4", "transformers5", "mlx-lm", "llama.cpp", "vllm"}),
        "config classes refuse rope_scaling and rope_parameters that lack a part; which ones, "
        "each class says for itself",
        _refused_rope,
    ),
    Known(
        frozenset({"lmdeploy", "mlx-lm", "sglang", "vllm"}),
        "without a vocabulary some tokenizer classes make an empty one, and number their own tokens in it",
        _no_vocabulary,
    ),
    Known(
        frozenset({"lmdeploy", "sglang", "transformers4", "transformers5", "vllm"}),
        "Qwen2-Audio's processor has a template of its own, in code, where no file has one for it",
        _own_template,
    ),
    Known(
        frozenset({"llama.cpp"}),
        "without a tokenizer_class the toy gets Llama's own class, "
        "which adds a `</s>` that real vocabularies have",
        _class_tokens,
    ),
)


def explanation(engine: str, variant: str, found: Sequence[Difference]) -> str | None:
    """The reasons that cover *every* difference of a folder; `None` where one is not covered."""
    reasons: list[str] = []
    for difference in found:
        known = next(
            (known for known in KNOWN if engine in known.engines and known.covers(variant, difference)), None
        )
        if known is None:
            return None
        reasons.append(known.reason)
    return "; ".join(dict.fromkeys(reasons))
