"""A reader: answers questions about folders, one JSON line in, one JSON line out.

Requests are ``about``, ``types``, ``build``, ``spell``, ``resave``, ``shrink`` and ``load``, each with the
arguments below. Nothing else goes to standard output, whatever the libraries print.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import transformers

from dev.loading_law.child import classes
from dev.loading_law.child.loads import load
from dev.loading_law.child.tensors import keep_headers, loading_info
from dev.loading_law.child.tiny import Built, build_type, resave, shrink_published, spell

Request = Mapping[str, object]
ANSWERS: Mapping[str, Callable[[Request], object]] = {
    "about": lambda _: {"transformers": transformers.__version__, "torch": torch.__version__},
    "types": lambda _: classes.types(),
    "build": lambda asked: build_type(str(asked["kind"]), Path(str(asked["raw"])))._asdict(),
    "spell": lambda asked: spell(
        Built(**asked["built"]), Path(str(asked["raw"])), Path(str(asked["folder"]))
    ),
    "resave": lambda asked: resave(Path(str(asked["folder"])), Path(str(asked["again"]))),
    "shrink": lambda asked: shrink_published(Path(str(asked["folder"]))),
    "headers": lambda asked: keep_headers(Path(str(asked["folder"]))),
    "tensors": lambda asked: loading_info(Path(str(asked["folder"]))),
    "load": lambda asked: load(Path(str(asked["folder"])), asked["parts"], code=bool(asked["code"])),
}


def main() -> None:
    """Answer until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity(50)
    torch.set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"answer": ANSWERS[asked["do"]](asked)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]}
        print(json.dumps(answer, default=str), file=out, flush=True)


if __name__ == "__main__":
    main()
