"""Writes how config classes of the real transformers take RoPE settings.

    python -m dev.tools.rope_traits READER genfix/engines/data/ropes5.json

READER is a Python that has transformers (no torch is needed). Each class is made with settings that lack a
part, or are of an odd shape. It is noted with the traits of which `refused_rope` foretells the most of what
it refuses, and nothing that it takes; one for which there are no such traits, or that refuses much else, is
left out, and views say nothing of it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Final

from genfix.engines.shared.rope_loading import (
    OLD_WAYS,
    ORIGINAL,
    WAYS,
    RopeTraits,
    refused_old_rope,
    refused_rope,
)
from genfix.json_types import JsonObject, JsonValue

__all__ = ["main"]

_ASK = """
import copy, json, logging, sys, transformers, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
tried = json.load(sys.stdin)

def has(config, *keys):
    try:
        return all(getattr(config, key, None) is not None for key in keys)
    except Exception:
        return False

def refuses(kind, values):
    try:
        kind(**copy.deepcopy(values))
    except Exception:
        return True
    return False

found = {}
for name in sorted(CONFIG_MAPPING.keys()):
    kind = CONFIG_MAPPING[name]
    try:
        config = kind()
    except Exception:
        continue
    labels = getattr(config, "_rope_type_labels", None) or getattr(config, "layer_types", None) or ()
    found[name] = {
        "traits": [
            *(["field"] if has(config, "rope_parameters") else []),
            *(["length"] if has(config, "max_position_embeddings") else []),
            *(["original"] if has(config, "original_max_position_embeddings") else []),
            *("@" + label for label in sorted(set(map(str, labels)))),
        ],
        "refused": [refuses(kind, values) for values in tried],
    }
print(json.dumps({"transformers": transformers.__version__, "found": found}))
"""

_LISTS: Final[JsonObject] = {"short_factor": [1.0] * 48, "long_factor": [1.0] * 48}
_THREE: Final[JsonObject] = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
_ORIGINAL: Final[JsonObject] = {ORIGINAL: 1000}
_ROPES: Final[Sequence[JsonValue]] = (
    {"rope_type": "default"},
    {"rope_type": "linear", "factor": 4.0},
    {"type": "linear", "factor": 4.0},
    {"type": "linear"},
    {"rope_type": "dynamic"},
    {"rope_type": "yarn"},
    {"rope_type": "yarn", "factor": 4.0},
    {"rope_type": "yarn", "factor": 4.0, **_ORIGINAL},
    {"rope_type": "yarn", "factor": 4.0, ORIGINAL: 0},
    {"rope_type": "llama3", **_THREE},
    {"rope_type": "llama3", **_THREE, **_ORIGINAL},
    {"rope_type": "llama3", **_THREE, **_ORIGINAL, "rope_theta": 1e4},
    {"rope_type": "llama3", "factor": 8.0, **_ORIGINAL},
    {"rope_type": "longrope", **_LISTS},
    {"type": "longrope", **_LISTS},
    {"type": "longrope", **_LISTS, **_ORIGINAL},
    {"rope_type": "longrope", "short_factor": [1.0]},
    {"type": "su", **_LISTS},
    {"type": "su", **_LISTS, **_ORIGINAL},
    {"rope_type": "proportional"},
    {"type": "mrope", "mrope_section": [2, 3, 3]},
    {"type": "deepseek_yarn", "factor": 4.0},
    {"factor": 4.0},
    {"full_attention": {"rope_type": "linear"}, "sliding_attention": {"rope_type": "default"}},
    {"full_attention": {"rope_type": "yarn", "factor": 4.0}, "sliding_attention": None},
    {"full_attention": {"rope_type": "yarn", "factor": 4.0, **_ORIGINAL}},
    {"sliding_attention": {"rope_type": "linear"}},
    {},
    "linear",
    [4.0],
)


def _tried() -> Iterator[JsonObject]:
    for rope in _ROPES:
        yield {"rope_scaling": rope}
        yield {"rope_parameters": rope}
        yield {"rope_scaling": rope, "rope_theta": 1e6}
    yield {"rope_scaling": {"type": "linear"}, "rope_parameters": {"rope_type": "default"}}


def main(reader: str, out: Path) -> int:
    """Ask the reader, and write what fits; the exit code."""
    tried = [*_tried()]
    done = subprocess.run(
        [reader, "-c", _ASK], input=json.dumps(tried), capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout.splitlines()[-1])
    major = int(answer["transformers"].partition(".")[0])
    found: dict[str, list[str]] = {}
    for kind, told in answer["found"].items():
        own = told["traits"] if major > _OLD else ()
        spelled = _fitting(own, tried, [bool(each) for each in told["refused"]], major)
        if spelled is not None:
            found.setdefault(spelled, []).append(kind)
    document = {"transformers": answer["transformers"], "ropes": found}
    out.write_text(json.dumps(document, indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{sum(map(len, found.values()))} of {len(answer['found'])} model types, {len(found)} ways")
    return 0


_OLD: Final = 4
_MISSED: Final = 4
"""One in so many that are foretold may be missed: a class that refuses more is of another kind."""


def _fitting(
    own: Sequence[str], tried: Sequence[JsonObject], refused: Sequence[bool], major: int
) -> str | None:
    ways, refuses = (WAYS, refused_rope) if major > _OLD else (OLD_WAYS, refused_old_rope)
    best, most = None, -1
    for sizes, way in product(("sizes", ""), ("", *sorted(ways))):
        spelled = "|".join(filter(None, (*own, sizes if major > _OLD else "", way)))
        foretold = [refuses(values, RopeTraits.of(spelled)) is not None for values in tried]
        pairs = [*zip(foretold, refused, strict=True)]
        hits = sum(mine and real for mine, real in pairs)
        is_right = not any(mine and not real for mine, real in pairs)
        if is_right and hits > most and (sum(refused) - hits) * _MISSED <= hits:
            best, most = spelled, hits
    return best


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
