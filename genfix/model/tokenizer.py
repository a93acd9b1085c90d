"""The tokenizer's special and added tokens, from whichever files carry them, without loading a tokenizer.

Sources in the order in which a fast tokenizer's loader lets them win (transformers 5.23,
tokenization_utils_tokenizers.py): ``tokenizer.json`` ``added_tokens``, then ``added_tokens_decoder`` of
``tokenizer_config.json``, then ``added_tokens.json``. Ordinary vocabulary is not read: no end of turn is one.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError
from genfix.json_types import JsonObject, JsonValue

__all__ = ["TokenTable", "read_token_table", "read_tokenizer_head", "token_text"]

_HEAD_START: Final = 64 * 1024
_HEAD_LIMIT: Final = 8 * 1024 * 1024


class TokenTable(NamedTuple):
    """Added tokens by text and by id, and the special tokens the tokenizer's config names."""

    ids: Mapping[str, int]
    """Token text to id."""
    texts: Mapping[int, str]
    """Id to token text."""
    eos_token: str | None
    """Text of the tokenizer's EOS token, where a file names it."""

    @property
    def is_known(self) -> bool:
        """Whether any file told ids at all; without it genfix keeps silent about tokens."""
        return bool(self.ids)

    @property
    def eos_token_id(self) -> int | None:
        """Id of the tokenizer's EOS token, where both text and id are known."""
        return self.ids.get(self.eos_token) if self.eos_token is not None else None

    def text(self, token_id: int) -> str | None:
        """The token with that id, where it is an added one."""
        return self.texts.get(token_id)


def token_text(value: JsonValue) -> str | None:
    """The text of a special-token entry: a string, or an object with ``content``."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def read_token_table(
    folder: Folder, tokenizer_config: JsonObject, added: JsonObject, special_map: JsonObject
) -> TokenTable:
    """The table of a folder, from its ``tokenizer.json`` and the three small files already parsed."""
    ids: dict[str, int] = {}
    for text, token_id in _entries(folder, tokenizer_config, added):
        ids.setdefault(text, token_id)
    texts: dict[int, str] = {}
    for text, token_id in ids.items():
        texts.setdefault(token_id, text)
    eos = token_text(tokenizer_config.get("eos_token")) or token_text(special_map.get("eos_token"))
    return TokenTable(ids, texts, eos)


def _entries(folder: Folder, tokenizer_config: JsonObject, added: JsonObject) -> Iterator[tuple[str, int]]:
    head_tokens = read_tokenizer_head(folder).get("added_tokens")
    for entry in head_tokens if isinstance(head_tokens, list) else []:
        if isinstance(entry, dict):
            text, token_id = entry.get("content"), entry.get("id")
            if isinstance(text, str) and type(token_id) is int:
                yield text, token_id
    decoder = tokenizer_config.get("added_tokens_decoder")
    for key, value in decoder.items() if isinstance(decoder, dict) else ():
        content = token_text(value)
        if content is not None and key.isdecimal():
            yield content, int(key)
    for text, token_id in added.items():
        if type(token_id) is int:
            yield text, token_id


def read_tokenizer_head(folder: Folder) -> JsonObject:
    """``tokenizer.json`` without its ``model`` (the vocabulary), or an empty object where there is none.

    The file is written with ``model`` last, after everything genfix reads; so a few KiB answer for 10 MB.
    A file with another layout is parsed whole; one that does not parse tells nothing here (its own rule does).
    """
    if "tokenizer.json" not in folder.names():
        return {}
    try:
        length = _HEAD_START
        size = folder.stat("tokenizer.json").size
        while length < min(size, _HEAD_LIMIT):
            head = _parse_head(folder.read_range("tokenizer.json", 0, length))
            if head is not None:
                return head
            length *= 8
        content = folder.read("tokenizer.json")
        head = _parse_head(content)
        return head if head is not None else _as_object(json.loads(content))
    except (FolderFileError, ValueError, RecursionError):
        return {}


def _parse_head(data: bytes) -> JsonObject | None:
    for marker in (b'"model": {', b'"model":{'):
        end = data.find(marker)
        if end > 0:
            try:
                head = _as_object(json.loads(data[:end].rstrip().rstrip(b",") + b"}"))
            except (ValueError, RecursionError):
                continue
            if "added_tokens" in head:
                return head
    return None


def _as_object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
