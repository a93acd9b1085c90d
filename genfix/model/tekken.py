"""The special tokens of Mistral's own vocabulary, ``tekken.json``.

Read in mistral_common 1.13.1 (tokens/tokenizers/tekken.py, ``from_file``) and transformers 5.24.0
(integrations/mistral/tokenizer.py, ``_derive_tekken_specials``): they come first, a rank is an id, and an
older file that lists none means the twenty that are known.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import TEKKEN
from genfix.json_types import JsonValue

__all__ = ["Tekken", "read_tekken", "tekken_of"]

_KNOWN: Final = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]"),
    *("[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
)


class Tekken(NamedTuple):
    """What such a file says."""

    tokens: Mapping[str, int]
    """Special tokens, and their ids."""
    lists: bool = True
    """Whether it lists them itself; transformers 4 does without no list."""
    has_gap: bool = False
    """Whether a rank is missing; transformers 5 and Mistral's own library do with no gap."""


def read_tekken(folder: Folder) -> Tekken | None:
    """Of a folder; `None` where the file is not there, or cannot be read."""
    try:
        return tekken_of(folder.read(TEKKEN)) if TEKKEN in folder.names() else None
    except FolderFileError:
        return None


def tekken_of(content: bytes) -> Tekken | None:
    """What ``content`` says; `None` where it is no such vocabulary."""
    try:
        document: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        return None
    if not isinstance(document.get("vocab"), list):
        return None
    entries = document.get("special_tokens")
    if entries is None:
        return Tekken({text: rank for rank, text in enumerate(_KNOWN)}, lists=False)
    pairs = [*map(_entry, entries)] if isinstance(entries, list) else [None]
    found = dict(pair for pair in pairs if pair is not None)
    if len(found) < len(pairs):
        return None
    return Tekken(found, has_gap=sorted(found.values()) != [*range(len(found))])


def _entry(entry: JsonValue) -> tuple[str, int] | None:
    text, rank = (entry.get("token_str"), entry.get("rank")) if isinstance(entry, dict) else (None, None)
    return (text, rank) if isinstance(text, str) and type(rank) is int else None
