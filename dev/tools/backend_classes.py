"""Writes which classes of transformers vLLM builds through its backend, where it has none of its own.

    python -m dev.tools.backend_classes READER genfix/engines/data/engine_types.json

``READER`` is an interpreter that has vLLM's transformers. The backend asks a class itself
(``_try_resolve_transformers`` of vLLM's model_executor/models/registry.py): whether it says that attention
may be another's, or its module looks it up. Names that vLLM builds by itself are left out; the others are
kept by how they end, since a model's classes differ in nothing else.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

_ASK = """
import json, logging, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import transformers
found = []
for name in dir(transformers):
    try:
        kind = getattr(transformers, name)
    except Exception:
        continue  # of a library that is not here; no class of a model is
    if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
        for owner in kind.__mro__:  # what a class answered before is taken for the answer of all below it
            if "_can_set_attn_implementation_cached_value" in vars(owner):
                del owner._can_set_attn_implementation_cached_value
        if kind.is_backend_compatible() or kind._can_set_attn_implementation():
            found.append(name)
print(json.dumps({"transformers": transformers.__version__, "classes": found}))
"""

_END = re.compile(r"(?:For[A-Z]\w*|LMHeadModel|Model)$")


def _by_end(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        end = _END.search(name)
        start = end.start() if end else len(name)
        found.setdefault(name[start:], []).append(name[:start])
    return found


def main(reader: str, out: Path) -> int:
    """Ask the reader, and write what it says; the exit code."""
    done = subprocess.run([reader, "-c", _ASK], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout.splitlines()[-1])
    document = json.loads(out.read_text("utf-8"))
    own = {*document["vllm"]["architectures"]}
    names = [name for name in answer["classes"] if name not in own and not name.endswith("PreTrainedModel")]
    document["vllm"]["backend"] = {"transformers": answer["transformers"], "classes": _by_end(names)}
    out.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")
    print(f"{len(names)} classes of transformers {answer['transformers']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
