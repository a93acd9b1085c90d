"""Folders that differ in one sampling setting: its value below, at and above each border that some engine
has, and of types that nobody means.

Each stands in generation_config.json, once with ``do_sample`` and once without, and in config.json where
there is no such file.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dev.conformance.variants_more import Files
from genfix.json_types import JsonObject, JsonValue

__all__ = ["samplings"]

_SHARE: Final = (-0.1, 0.0, 0.5, 1.0, 1.5)
_FACTOR: Final = (-0.5, 0.0, 0.7, 1.0, 2.0, 2.5)
_PENALTY: Final = (-2.5, -2.0, 0.0, 2.0, 2.5)
_COUNT: Final = (-2, -1, 0, 1, 2, 20)
_BORDERS: Final[Mapping[str, Sequence[float]]] = {
    **dict.fromkeys(("top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"), _SHARE),
    **dict.fromkeys(("temperature", "repetition_penalty", "length_penalty", "penalty_alpha"), _FACTOR),
    **dict.fromkeys(("encoder_repetition_penalty", "guidance_scale"), _FACTOR),
    **dict.fromkeys(("presence_penalty", "frequency_penalty", "diversity_penalty"), _PENALTY),
    **dict.fromkeys(("top_k", "num_beams", "num_beam_groups", "num_return_sequences"), _COUNT),
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size"), _COUNT),
    **dict.fromkeys(("max_length", "min_length", "max_new_tokens", "min_new_tokens"), _COUNT),
    **dict.fromkeys(("do_sample", "early_stopping", "skip_special_tokens", "max_time"), (0, 1)),
}
_ODD: Final[Sequence[JsonValue]] = (None, True, False, "0.5", "never", [1], {"a": 1})
_NO_NUMBERS: Final = (float("nan"), float("inf"))
"""Only Python writes and reads these."""
_TOGETHER: Final[Mapping[str, JsonObject]] = {
    "issue": {"do_sample": True, "temperature": 0.0, "top_k": 0, "top_p": 1.5},
    "greedy-by-temperature": {"do_sample": True, "temperature": 0.0, "top_k": 0},
    "greedy-by-temperature-negative": {"do_sample": False, "temperature": 0, "top_k": -5, "min_p": 2.0},
    "off-by-null": {"do_sample": True, "temperature": None, "top_k": None, "top_p": None},
    "contrastive": {"penalty_alpha": 0.6, "top_k": 4},
    "contrastive-sampled": {"penalty_alpha": 0.6, "top_k": 4, "do_sample": True},
    "contrastive-of-one": {"penalty_alpha": 0.6, "top_k": 1},
    "contrastive-beams": {"penalty_alpha": 0.6, "top_k": 4, "num_beams": 2},
    "group-beams": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "uneven-group-beams": {"num_beams": 3, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "beams": {"num_beams": 2, "repetition_penalty": 1.1},
    "beams-sampled": {"num_beams": 2, "do_sample": True, "top_k": -1},
    "beams-sampled-of-one": {"num_beams": 2, "do_sample": True, "top_k": 1},
    "beams-length": {"num_beams": 2, "length_penalty": "0.5"},
    "beams-early": {"num_beams": 2, "early_stopping": "never"},
    "beams-ngrams": {"num_beams": 2, "no_repeat_ngram_size": 0},
    "answers-sampled": {"num_return_sequences": 2, "do_sample": True},
    "layers": {"dola_layers": "low"},
    "words": {"force_words_ids": [[3]], "num_beams": 2},
    "least-over-most": {"min_new_tokens": 9, "max_new_tokens": 5},
    "of-config": {"_from_model_config": True, "do_sample": True, "temperature": -1.0, "min_p": 2.0},
}


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()


def _values() -> Iterator[tuple[str, JsonObject]]:
    for key, numbers in _BORDERS.items():
        twins = (number if number < 0 else twin(number) for number in numbers for twin in (int, float))
        odd = (*_ODD, *_NO_NUMBERS) if key in {"temperature", "repetition_penalty"} else _ODD
        texts = dict.fromkeys(json.dumps(value) for value in (*twins, *odd))
        for text in texts:
            yield f"{key}:{text}", {key: json.loads(text)}


def samplings(config: JsonObject, tokenizer: Mapping[str, bytes]) -> Iterator[tuple[str, Files]]:
    """Names and files of all such folders, for a config.json and the files of a tokenizer."""
    plain: Files = {"config.json": _dump(config), **tokenizer}
    end: JsonObject = {"eos_token_id": [257, 258]}
    for name, values in _values():
        for how, sampled in (("greedy", False), ("sampled", True)):
            settings: JsonObject = {**end, "do_sample": sampled, **values}
            yield f"samples={name},{how}", {**plain, "generation_config.json": _dump(settings)}
        yield (
            f"samples={name},config",
            {**plain, "config.json": _dump({**config, "do_sample": True, **values})},
        )
    for name, together in _TOGETHER.items():
        yield f"samples={name}", {**plain, "generation_config.json": _dump({**end, **together})}
        yield f"samples={name},config", {**plain, "config.json": _dump({**config, **together})}
