"""Stories of real merges, as a person reads them at a terminal of 80 columns."""

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.folders import (
    Files,
    chatml_files,
    glm_files,
    pretrained_files,
    with_json,
    without,
    write_folder,
)
from tests.support.places import ROOT
from tests.support.running import run_command
from tests.support.weight_files import SINGLE, causal, weight_file
from tests.support.weighted import ADAPTER, WEIGHTED

__all__ = ["FOLDER", "LANGUAGES", "STORIES", "Story", "told"]

FOLDER: Final = ROOT / "tests" / "report" / "snapshots"
LANGUAGES: Final = ("en", "zh")

_GEN, _TOK, _CONFIG = "generation_config.json", "tokenizer_config.json", "config.json"
_TRANSACTION: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


class Story(NamedTuple):
    """What a merge left, what it was made from, and the commands that somebody types."""

    merged: Files
    base: Files | None
    commands: tuple[str, ...]


_CHECK, _PLAN = "check merged --base base", "plan merged --base base"
_GLM, _QWEN = glm_files(), chatml_files()
_PRETRAINED: Final = pretrained_files()
_NARROW: Final = with_json(_GLM, _GEN, eos_token_id=151329)

STORIES: Final[Mapping[str, Story]] = {
    "glm-4-never-stops": Story(_NARROW, _GLM, (_CHECK, "repair merged --base base")),
    "generation-config-lost": Story(
        with_json(without(_GLM, _GEN), _CONFIG, eos_token_id=151329), _GLM, (_CHECK, _PLAN)
    ),
    "chatml-on-a-pretrained-base": Story(
        _PRETRAINED | {"training_args.bin": b"PK"}, _PRETRAINED, (_CHECK, _PLAN)
    ),
    "vocabulary-resized": Story(
        WEIGHTED | {SINGLE: weight_file(causal(2, rows=1032))}, WEIGHTED, (_CHECK, _PLAN)
    ),
    "chat-template-lost": Story(with_json(_QWEN, _TOK, chat_template=...), _QWEN, (_CHECK,)),
    "saved-by-transformers-5": Story(
        with_json(_QWEN, _TOK, tokenizer_class="TokenizersBackend", extra_special_tokens=["<|im_end|>"]),
        _QWEN,
        (_CHECK, _PLAN),
    ),
    "adapter-left-behind": Story(
        WEIGHTED | ADAPTER | {"optimizer.pt": b"x"}, WEIGHTED, (f"{_CHECK} -v", f"{_PLAN} --unsafe-fixes")
    ),
    "config-is-no-json": Story(
        _QWEN
        | {
            _CONFIG: _QWEN[_CONFIG].replace(b'"hidden_size"', b'// ours\n  "hidden_size"'),
            _TOK: _QWEN[_TOK][:50],
        },
        _QWEN,
        (_CHECK, _PLAN),
    ),
    "settings-of-a-run": Story(
        with_json(_QWEN, _GEN, max_new_tokens=512, temperature="0.6", top_k=50),
        _QWEN,
        (f"{_CHECK} -v", _PLAN),
    ),
    "healthy": Story(_QWEN, _QWEN, (_CHECK, _PLAN, "check merged")),
    "turn-end-is-no-token": Story(
        with_json(_QWEN, "tokenizer.json", added_tokens=[{"id": 1000, "content": "<|endoftext|>"}]),
        _QWEN,
        (_CHECK, _PLAN),
    ),
    "turn-end-was-padding": Story(
        with_json(_QWEN, _TOK, pad_token="<|im_end|>"),
        with_json(_QWEN, _TOK, pad_token="<|endoftext|>"),
        (f"{_CHECK} -v",),
    ),
}


def told(name: str, language: str) -> str:
    """What a person reads: the commands of a story, and what each prints."""
    story = STORIES[name]
    with tempfile.TemporaryDirectory() as home, _at(Path(home)):
        write_folder(Path("merged"), story.merged)
        if story.base is not None:
            write_folder(Path("base"), story.base)
        parts = [_console(command, language) for command in story.commands]
    return _TRANSACTION.sub("20260102T030405Z-a1b2c3", "\n".join(parts))


def _console(command: str, language: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = run_command([*command.split(), "--lang", language])
    return f"$ genfix {command}\n{output.getvalue()}# exit code {code}\n"


@contextlib.contextmanager
def _at(folder: Path) -> Iterator[None]:
    before, width = Path.cwd(), os.environ.get("COLUMNS")
    os.chdir(folder)
    os.environ["COLUMNS"] = "80"
    try:
        yield
    finally:
        os.chdir(before)
        if width is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = width
