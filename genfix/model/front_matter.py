"""Lists and words in the YAML front matter of a model card, as far as plain lines tell them.

Model cards are written by hand and by tools; genfix asks them for tags and a base's name and for nothing it
would write, so no YAML parser is needed: a value in another form is not seen.
"""

import re
from typing import Final

from genfix.folder.folder import Folder, FolderFileError

__all__ = ["front_matter_list"]

_CARD: Final = "README.md"
_HEAD: Final = 16 * 1024


def front_matter_list(folder: Folder, key: str) -> tuple[str, ...]:
    """The values of ``key``: one word, ``[a, b]``, or a block of ``- a`` lines; empty where there is none."""
    if _CARD not in folder.names():
        return ()
    try:
        text = folder.read_range(_CARD, 0, _HEAD).decode("utf-8", "replace").replace("\r\n", "\n")
    except FolderFileError:
        return ()
    front = re.match(r"---\n(.*?)\n---(?:\n|$)", text, re.DOTALL)
    if front is None:
        return ()
    found = re.search(
        rf"(?m)^{re.escape(key)}:(?P<same>[^\n]*)(?P<block>(?:\n[ \t]*-[ \t]+[^\n]*)*)", front[1]
    )
    if found is None:
        return ()
    same = found["same"].strip().removeprefix("[").removesuffix("]")
    items = [*same.split(","), *re.findall(r"\n[ \t]*-[ \t]+([^\n]*)", found["block"])]
    words = (item.strip().strip("'\"") for item in items)
    return tuple(word for word in words if word)
