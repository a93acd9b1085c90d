"""What all ``ask_*`` scripts share; the standard library alone, since they run inside an engine's
interpreter.

A script reads folders from its input, one per line, and prints one JSON line about the engine, then one per
folder:

    loads, error    whether the files load, else the class of the error and the start of its text
    stops           the ids that end generation, as the engine holds them in the end
    fails           the error that the first request meets, where loading went well
    sampling        the values the engine takes from the folder, its own defaults included
    template        SHA-256 of the chat template; null where there is none
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

__all__ = ["ask", "brief", "digest"]


def brief(error: BaseException) -> str:
    """Class and first line of an error; pydantic's first line tells no more than how many there are."""
    told = getattr(error, "errors", None)
    text = str(told()[0]["msg"] if callable(told) else error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:160] if text else ''}"


def digest(template: object) -> str | None:
    """SHA-256 of a template, or of the default among named ones."""
    if isinstance(template, dict):
        template = template.get("default")
    return hashlib.sha256(template.encode()).hexdigest() if isinstance(template, str) else None


def ask(about: Mapping[str, Any], answer: Callable[[Path], dict[str, Any]]) -> None:
    """Answer for each folder of the input; an error that ``answer`` lets through means: does not load."""
    out = sys.stdout
    with redirect_stdout(sys.stderr):  # engines print whatever they like
        print(json.dumps(about), file=out, flush=True)
        folders = [*map(Path, sys.stdin.read().splitlines())]
        sys.stdin = StringIO()  # some ask a person whether they may run a folder's code
        for folder in folders:
            try:
                found = {"loads": True, "error": None} | answer(folder)
            except Exception as error:
                found = {"loads": False, "error": brief(error)}
            print(json.dumps(found, default=str), file=out, flush=True)
