"""Lists and words in the YAML front matter of a model card, as far as plain lines tell them.

Model cards are written by hand and by tools; genfix asks them for tags and a base's name and for nothing it
would write, so no YAML parser is needed: a value in another form is not seen.
"""

import re
from collections.abc import Iterator
from typing import Final

from genfix.folder.folder import Folder, FolderFileError
from genfix.model.line_ends import as_read

CARD: Final = "README.md"
_HEAD: Final = 64 * 1024
_FRONT: Final = re.compile(r"\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", re.DOTALL)
_ITEM: Final = r"[ \t]*-(?:[ \t]+(?P<value>.*))?"
_QUOTED: Final = r"\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"\\]*)\")\s*(?:#.*)?"
_OTHER_FORMS: Final = tuple("[]{}&*!|>%@`\"'?-")
"""What a plain word does not begin with: lists in lists, anchors and aliases, tags, blocks of text."""
_NOTHING: Final = frozenset(["", "~", "null", "Null", "NULL"])


def front_matter_list(folder: Folder, key: str) -> tuple[str, ...]:
    """The values of ``key``: one word, ``[a, b]``, or a block of ``- a`` lines; empty where there is none."""
    front = _FRONT.match(card_text(folder))
    if front is None:
        return ()
    lines = front[1].split("\n")
    for number, line in enumerate(lines):
        name, colon, value = line.partition(":")
        if colon and name.rstrip(" ").strip("'\"") == key and value[:1] in ("", " ", "\t"):
            words = (plain_word(entry) for entry in _entries(value, lines[number + 1 :]))
            return tuple(word for word in words if word is not None)
    return ()


def card_text(folder: Folder) -> str:
    """The beginning of the model card; empty where there is none to read."""
    if CARD not in folder.names():
        return ""
    try:
        text = folder.read_range(CARD, 0, _HEAD).decode("utf-8-sig", "replace")
    except FolderFileError:
        return ""
    return as_read(text)


def _entries(value: str, following: list[str]) -> Iterator[str]:
    """The text of each entry: of the value after the key, or of the lines below it."""
    value = value.strip()
    if value.startswith("["):
        yield from _in_brackets([value, *following])
    elif value and not value.startswith("#"):
        yield value
    else:
        for line in following:
            item = re.fullmatch(_ITEM, line)
            if item is not None:
                yield item["value"] or ""
            elif line.strip() and not line.lstrip().startswith("#"):
                return


def _in_brackets(lines: list[str]) -> Iterator[str]:
    """Entries of ``[a, b]``, on one line or on several; none where it does not end."""
    parts: list[str] = []
    for line in lines:
        part, end, _ = re.sub(r"(?:^|\s)#.*", "", line).partition("]")
        parts.append(part)
        if end:
            yield from " ".join(parts).removeprefix("[").split(",")
            return


def plain_word(entry: str) -> str | None:
    """A plain or quoted word without its comment; `None` for nothing, and for what is no word."""
    quoted = re.fullmatch(_QUOTED, entry)
    if quoted is not None:
        return quoted["single"] or quoted["double"] or None
    word = re.sub(r"(?:^|\s)#.*", "", entry).strip()
    if word in _NOTHING or word.startswith(_OTHER_FORMS) or ": " in word or word.endswith(":"):
        return None
    return word
