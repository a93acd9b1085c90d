"""Texts and ids of ``tokenizer.json`` alone, for engines that ask no other file for them."""

import json
from collections.abc import Iterable, Mapping

from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import FAST_TOKENIZER
from genfix.json_types import JsonValue
from genfix.model import Model


class FastTokens:
    """Added tokens, and the ordinary words where one is asked for that is none of them."""

    def __init__(self, model: Model) -> None:
        entries = model.tokenizer_head.get("added_tokens")
        self._model = model
        self._ids: dict[str, int] = {}
        for entry in entries if isinstance(entries, list) else []:
            if (
                isinstance(entry, dict)
                and isinstance(entry.get("content"), str)
                and type(entry.get("id")) is int
            ):
                self._ids[str(entry["content"])] = int(str(entry["id"]))
        self._whole = False

    def ids_of(self, texts: Iterable[str]) -> Mapping[str, int]:
        """By text, those that the vocabulary has."""
        wanted = [*texts]
        if any(text not in self._ids for text in wanted):
            self._read()
        return {text: self._ids[text] for text in wanted if text in self._ids}

    def text_of(self, number: int) -> str | None:
        """The text of a token as it is decoded; `None` where that is not told."""
        for whole in (False, True):
            if whole:
                self._read()
            for text, known in self._ids.items():
                if known == number:
                    return text if text.isascii() else None
        return None

    def _read(self) -> None:
        """The ordinary words too: the whole file, which is large, for a folder with an odd end only."""
        if self._whole or not self._model.has(FAST_TOKENIZER):
            return
        self._whole = True
        try:
            document: JsonValue = json.loads(self._model.folder.read(FAST_TOKENIZER))
        except (FolderFileError, ValueError, RecursionError):
            return
        inner = document.get("model") if isinstance(document, dict) else None
        words = inner.get("vocab") if isinstance(inner, dict) else None
        for text, number in words.items() if isinstance(words, dict) else ():
            if type(number) is int:
                self._ids.setdefault(text, number)
