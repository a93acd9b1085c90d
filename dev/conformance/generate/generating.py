"""What all ``generate_*`` scripts share; the standard library alone, since they run inside an engine's
interpreter.

A script reads checkpoints of `dev.conformance.tiny` from its input, one folder per line. It prints one JSON
line about the engine, then one per folder: ``verdict`` (``stop``, ``length`` or ``error``; ``-`` where the
engine cannot be given such a folder), ``tokens`` (how many were generated, the end itself included) and
``error``.
"""

import json
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

__all__ = ["LIMIT", "MESSAGES", "generate"]

MESSAGES = ({"role": "user", "content": "Hello there"},)
"""The conversation that the model is to continue."""
LIMIT = 40
"""How many tokens an engine may generate."""


def generate(about: Mapping[str, Any], answer: Callable[[Path], tuple[str, int]]) -> None:
    """Answer ``stop``, ``length`` or ``-`` and the number of tokens for each folder of the input."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    out = sys.stdout
    with redirect_stdout(sys.stderr):  # engines print whatever they like
        print(json.dumps(about), file=out, flush=True)
        for line in sys.stdin:
            try:
                verdict, tokens = answer(Path(line.rstrip("\n")))
                found = {"verdict": verdict, "tokens": tokens, "error": None}
            except Exception as error:
                text = f"{type(error).__name__}: {error}".splitlines()[0]
                found = {"verdict": "error", "tokens": 0, "error": text[:200]}
            print(json.dumps(found), file=out, flush=True)
