"""Writes what config classes of the real transformers take where config.json lacks a key.

    python -m dev.tools.config_defaults READER genfix/engines/data/transformers4.json

READER is a Python that has transformers (no torch is needed). Each config class is made without arguments,
and the values that engines pick up from the object are noted under its ``model_type``. Engines that read
config.json through such an object (transformers 4, vLLM, SGLang, LMDeploy) stop, and scale, by these values.
"""

import json
import subprocess
import sys
from pathlib import Path

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


_KEYS = ("eos_token_id", "bos_token_id", "pad_token_id", "max_position_embeddings", "tie_word_embeddings")


def main(reader: str, out: Path) -> int:
    """Ask the reader, and write what it says; the exit code."""
    done = subprocess.run([reader, "-c", _ASK, ",".join(_KEYS)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout.splitlines()[-1])
    out.write_text(json.dumps(answer, indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    print(
        f"{len(answer['defaults'])} model types of transformers {answer['transformers']}; "
        f"not made: {answer['failed']}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
