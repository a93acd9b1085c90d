"""Writes where config classes of the real transformers take something else than their code states.

    python -m dev.tools.config_defaults READER genfix/engines/data/transformers4.json

READER is a Python that has transformers (no torch is needed). Each config class is made without arguments,
and of the values that engines pick up from the object those are noted under its ``model_type`` that the table
of releases does not have, or has otherwise; the type of the language model's part, too. Engines that read
config.json through such an object (transformers 4, vLLM, SGLang, LMDeploy) stop, and scale, by these values.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from genfix.engines.shared.config_object import OF_OBJECT, stated_defaults
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import same_json

__all__ = ["main"]

_ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES
KEYS = sys.argv[1].split(",")
found, failed = {}, []
for name in sorted(CONFIG_MAPPING_NAMES):
    try:
        config = CONFIG_MAPPING[name]()
        text = config.get_text_config(decoder=True)
    except Exception as error:
        failed.append(name)
        continue
    entry = {}
    for key in KEYS:
        value = getattr(config, key, None)
        if isinstance(value, (int, float, str, list, dict)):
            try:
                json.dumps(value)
            except TypeError:
                continue
            entry[key] = value
    if text is not config:
        entry["text"] = text.model_type
    found[name] = entry
print(json.dumps({"transformers": transformers.__version__, "failed": failed, "defaults": found}))
"""


def main(reader: str, out: Path) -> int:
    """Ask the reader, and write what it says; the exit code."""
    done = subprocess.run(
        [reader, "-c", _ASK, ",".join(OF_OBJECT)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout.splitlines()[-1])
    major = int(answer["transformers"].partition(".")[0])
    other = {kind: dict(_otherwise(kind, values, major)) for kind, values in answer["defaults"].items()}
    document = {
        "transformers": answer["transformers"],
        "failed": answer["failed"],
        "text": {kind: values["text"] for kind, values in answer["defaults"].items() if "text" in values},
        "other": {kind: values for kind, values in other.items() if values},
    }
    out.write_text(json.dumps(document, indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    print(
        f"{len(answer['defaults'])} model types of transformers {answer['transformers']}, "
        f"{len(document['other'])} with values of their own; not made: {answer['failed']}"
    )
    return 0


def _otherwise(kind: str, values: JsonObject, major: int) -> Iterator[tuple[str, JsonValue]]:
    stated = stated_defaults(kind, major)
    for key in OF_OBJECT:
        if not same_json(values.get(key), stated.get(key)):
            yield key, values.get(key)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
