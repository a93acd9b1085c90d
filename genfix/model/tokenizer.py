"""The tokenizer's special and added tokens, from whichever files carry them, without loading a tokenizer.

Sources in the order in which a fast tokenizer's loader lets them win (transformers 5.23,
tokenization_utils_tokenizers.py): ``tokenizer.json`` ``added_tokens``, then ``added_tokens_decoder`` of
``tokenizer_config.json``, then ``added_tokens.json``; where there is no ``tokenizer.json``, the control
symbols of a SentencePiece ``tokenizer.model``. Ordinary vocabulary is not read: no end of turn is one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import FAST_TOKENIZER
from genfix.json_types import JsonObject, JsonValue, decimal

NAMED_TOKENS: Final = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)
"""Keys of tokenizer_config.json and special_tokens_map.json that name one token each."""

_HEAD_START: Final = 64 * 1024
_HEAD_LIMIT: Final = 8 * 1024 * 1024
_HEAD_KEYS: Final = (
    "version",
    "truncation",
    "padding",
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
)
"""What the tokenizers library always writes before the vocabulary, beside the added tokens."""
_TAIL: Final = 4096


class AddedToken(NamedTuple):
    """One added token; a flag is `None` where the file that tells the id does not tell it."""

    id: int
    special: bool | None = None
    """Whether decoding may skip it."""
    lstrip: bool | None = None
    rstrip: bool | None = None
    normalized: bool | None = None
    single_word: bool | None = None


class TokenTable(NamedTuple):
    """Added tokens by text and by id, and the special tokens the tokenizer's config names."""

    tokens: Mapping[str, AddedToken]
    """Every added token by its text."""
    ids: Mapping[str, int]
    """Token text to id."""
    texts: Mapping[int, str]
    """Id to token text."""
    named: Mapping[str, str]
    """``eos_token``, ``pad_token`` ... to token text, as far as files name them."""
    additional: tuple[str, ...] | None
    """Further special tokens that the config lists, in either of its spellings; `None` without a list."""

    @property
    def is_known(self) -> bool:
        """Whether any file names ids at all; without it genfix keeps silent about tokens."""
        return bool(self.ids)

    @property
    def eos_token(self) -> str | None:
        """Text of the tokenizer's EOS token, where a file names it."""
        return self.named.get("eos_token")

    @property
    def eos_token_id(self) -> int | None:
        """Id of the tokenizer's EOS token, where both text and id are known."""
        return self.ids.get(self.eos_token) if self.eos_token is not None else None

    def free_of_clash(self, text: str) -> int | None:
        """Id of a token, where the file that wins does not have another under it.

        A loader then gives the token a new id, whatever the other files say.
        """
        found = self.ids.get(text)
        return found if found is not None and self.texts[found] == text else None

    def text(self, token_id: int) -> str | None:
        """The token with that id, where it is an added one."""
        return self.texts.get(token_id)


def token_text(value: JsonValue) -> str | None:
    """The text of a special-token entry: a string, or an object with ``content``."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def first_special(step: JsonObject) -> str | None:
    """The special token a template of the tokenizers library starts a text with."""
    single = step.get("single")
    if step.get("type") != "TemplateProcessing" or not isinstance(single, list) or not single:
        return None
    token = single[0].get("SpecialToken") if isinstance(single[0], dict) else None
    name = token.get("id") if isinstance(token, dict) else None
    return name if isinstance(name, str) else None


def map_laid_over(tokenizer_config: JsonObject, special_map: JsonObject) -> JsonObject:
    """What of special_tokens_map.json transformers lays over tokenizer_config.json: beside a list of added
    tokens it does not read it (tokenization_utils_base.py, ``_from_pretrained``).
    """
    return {} if "added_tokens_decoder" in tokenizer_config else special_map


def read_token_table(
    head: JsonObject,
    tokenizer_config: JsonObject,
    added: JsonObject,
    special_map: JsonObject,
    pieces: Mapping[str, int],
) -> TokenTable:
    """The table of a folder.

    ``head`` is its ``tokenizer.json`` without the vocabulary; then the three small files already parsed, and
    the control symbols of its SentencePiece vocabulary, each empty where it is not there.
    """
    tokens: dict[str, AddedToken] = {}
    ids: dict[str, int] = {}
    texts: dict[int, str] = {}
    entries = _entries(head, tokenizer_config, added)
    controls = ((text, AddedToken(token_id)) for text, token_id in pieces.items())
    for text, token in chain(entries, controls):  # one pass: there may be a million
        if tokens.setdefault(text, token) is token:
            ids[text] = token.id
            texts.setdefault(token.id, text)
    named: dict[str, str] = {}
    has_decoder = "added_tokens_decoder" in tokenizer_config
    stated = {**tokenizer_config, **map_laid_over(tokenizer_config, special_map)}
    for key in NAMED_TOKENS:
        given = token_text(stated.get(key))
        if given == "" and has_decoder:
            continue
        name = given or token_text(special_map.get(key))
        if name is not None:
            named[key] = name
    return TokenTable(tokens, ids, texts, named, _additional(tokenizer_config, special_map))


def _entries(
    head: JsonObject, tokenizer_config: JsonObject, added: JsonObject
) -> Iterator[tuple[str, AddedToken]]:
    head_tokens = head.get("added_tokens")
    for entry in head_tokens if isinstance(head_tokens, list) else []:
        if isinstance(entry, dict):
            text, token_id = entry.get("content"), entry.get("id")
            if isinstance(text, str) and type(token_id) is int:
                yield text, _token(token_id, entry)
    decoder = tokenizer_config.get("added_tokens_decoder")
    for key, value in decoder.items() if isinstance(decoder, dict) else ():
        content = token_text(value)
        number = decimal(key)
        if content is not None and number is not None:
            yield content, _token(number, value if isinstance(value, dict) else {})
    for text, token_id in added.items():
        if type(token_id) is int:
            yield text, AddedToken(token_id)


def _token(token_id: int, entry: JsonObject) -> AddedToken:
    flag = entry.get  # written out: there may be a million
    return AddedToken(
        token_id,
        _flag(flag("special")),
        _flag(flag("lstrip")),
        _flag(flag("rstrip")),
        _flag(flag("normalized")),
        _flag(flag("single_word")),
    )


def _flag(value: JsonValue) -> bool | None:
    return value if value is True or value is False else None


def _additional(*configs: JsonObject) -> tuple[str, ...] | None:
    """Further special tokens: transformers 4 lists them as ``additional_special_tokens``, 5 as
    ``extra_special_tokens``.
    """
    for config in configs:
        for key in ("additional_special_tokens", "extra_special_tokens"):
            entries = config.get(key)
            if isinstance(entries, list):
                texts = (token_text(entry) for entry in entries)
                return tuple(dict.fromkeys(text for text in texts if text is not None))
    return None


def read_tokenizer_head(folder: Folder) -> JsonObject:
    """``tokenizer.json`` without its ``model`` (the vocabulary), or an empty object where there is none.

    The file is written with ``model`` last, after everything genfix reads; so a few KiB answer for 10 MB. A
    file with another layout (sorted keys, say) is parsed whole; one that does not parse tells nothing here
    (its own rule does).
    """
    if FAST_TOKENIZER not in folder.names():
        return {}
    try:
        length = _HEAD_START
        size = folder.stat(FAST_TOKENIZER).size
        while length < min(size, _HEAD_LIMIT):
            head = _parse_head(folder.read_range(FAST_TOKENIZER, 0, length))
            if head is not None and _goes_on(folder, head, size):
                break
            if head is not None:
                return head
            length *= 8
        return _as_object(json.loads(folder.read(FAST_TOKENIZER)))
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


def _goes_on(folder: Folder, head: JsonObject, size: int) -> bool:
    """Whether keys of the file stand behind the vocabulary, where values are numbers or have no key."""
    lacking = [key for key in _HEAD_KEYS if key not in head]
    if not lacking:
        return False
    end = folder.read_range("tokenizer.json", max(0, size - _TAIL), _TAIL)
    return re.search(rb'"(?:%s)"\s*:\s*[^\s\d-]' % "|".join(lacking).encode(), end) is not None


def _as_object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
