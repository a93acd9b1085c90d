"""Folders with one more key in a config file: each that an engine's code names, whatever it is for.

A view that leaves a key alone says that it changes nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from dev.conformance.variants_more import Files
from genfix.json_types import JsonObject, JsonValue

__all__ = ["with_keys"]

_VALUES: Final[Mapping[str, JsonValue]] = {"number": 7, "true": True, "text": "<|im_end|>", "list": [258]}
_FILES: Final[Mapping[str, JsonObject]] = {
    "config.json": {},
    "generation_config.json": {"eos_token_id": [257, 258]},
    "tokenizer_config.json": {},
}


def with_keys(
    config: JsonObject, tokenizer: Mapping[str, bytes], keys: Sequence[str]
) -> Iterator[tuple[str, Files]]:
    """Names and files of all such folders; config.json is asked where no generation_config.json hides it."""
    plain: Files = {**tokenizer, "config.json": json.dumps(config).encode()}
    for (file, lacking), key, (name, value) in product(_FILES.items(), keys, _VALUES.items()):
        own: JsonObject = json.loads(plain[file]) if file in plain else lacking
        yield f"keys={file}.{key}-{name}", {**plain, file: json.dumps({**own, key: value}).encode()}
