"""Writes how tokenizer classes of transformers 5 cut text, whatever ``tokenizer.json`` says.

    python -m dev.tools.tokenizer_parts READER genfix/engines/data/tokenizer_parts.json

READER is a Python that has transformers 5 (no torch is needed). Asked are the class names that transformers
4 knows. A class with a constructor of its own takes the vocabulary of the file and builds the normalizer and
the pre-tokenizer itself: these are written. The others read the file as it is, and stand under ``as_it_is``.
"""

import json
import subprocess
import sys
from pathlib import Path

from genfix.engines.shared.loaders import loaders

__all__ = ["main"]

_ASK = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import transformers
from transformers.models.auto.tokenization_auto import tokenizer_class_from_name
from transformers.tokenization_utils_tokenizers import TokenizersBackend

as_it_is, built = [], {}
for name in sys.stdin.read().split():
    found = tokenizer_class_from_name(name)
    if not isinstance(found, type) or not issubclass(found, TokenizersBackend):
        continue
    if found is TokenizersBackend or "__init__" not in found.__dict__:
        as_it_is.append(name)
        continue
    try:
        parts = json.loads(found().backend_tokenizer.to_str())
    except Exception:
        continue
    text = json.dumps({key: parts[key] for key in ("normalizer", "pre_tokenizer")}, sort_keys=True)
    built.setdefault(text, []).append(name)
print(json.dumps({
    "transformers": transformers.__version__,
    "as_it_is": as_it_is,
    "built": [[names, json.loads(text)] for text, names in built.items()],
}))
"""


def main(reader: str, out: Path) -> int:
    """Ask the reader, and write what it says; the exit code."""
    names = " ".join(sorted(loaders(4).tokenizer_classes))
    done = subprocess.run([reader, "-c", _ASK], input=names, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout.splitlines()[-1])
    out.write_text(json.dumps(answer, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")
    print(f"{len(answer['built'])} ways to cut text, of transformers {answer['transformers']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
