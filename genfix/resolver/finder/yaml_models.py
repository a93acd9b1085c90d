"""The models that a YAML file of a merge or training names, as far as plain lines tell them.

mergekit keeps the recipe as its user wrote it, LLaMA-Factory writes ``training_args.yaml``. genfix asks them
for names of models and for nothing it would write, so no YAML parser is needed: a value in another form is
not seen.
"""

import re
from collections.abc import Iterator
from typing import Final

from genfix.model.front_matter import plain_word

_ENTRY: Final = re.compile(r"(?P<indent>[ ]*)(?:-[ ]+)*(?P<key>[\w-]+)[ ]*:(?:[ \t]+(?P<value>\S.*))?")
_IN_BRACES: Final = re.compile(
    r"[{,]\s*(?P<key>base_model|model)\s*:\s+(?P<value>'[^']*'|\"[^\"\\]*\"|[^,{}\[\]]+)"
)
_TEXT_BLOCK: Final = re.compile(r"[|>][-+0-9]*(?:\s+#.*)?")
_BASE: Final = "base_model"
_MODELS: Final = frozenset({_BASE, "model"})


def recipe_models(text: str) -> tuple[str, ...]:
    """The models of a mergekit recipe: its ``base_model`` first, then the others in the order of the file.

    That is the order in which mergekit takes config and tokenizer from them. Of ``model+adapter`` the model
    counts.
    """
    found: dict[str, list[str]] = {_BASE: [], "model": []}
    for key, value in _entries(text):
        # a value may be like ``[{model: a}, {model: b}]``
        named = [(key, value)] if key in _MODELS else _IN_BRACES.findall(value)
        for place, entry in named:
            if (word := plain_word(entry.strip())) is not None:
                found[place].append(word)
    names = (word.partition("+")[0].strip() for word in (*found[_BASE], *found["model"]))
    return tuple(dict.fromkeys(name for name in names if name))


def yaml_word(text: str, key: str) -> str | None:
    """The plain value of ``key`` at the top level; `None` where there is none, or one in another form."""
    for name, value in _entries(text, top=True):
        if name == key:
            return plain_word(value)
    return None


def _entries(text: str, *, top: bool = False) -> Iterator[tuple[str, str]]:
    """Keys and values of all lines; the text of blocks (``chat_template: |``) is passed over."""
    block: int | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if block is not None:
            if not line.strip() or indent > block:
                continue
            block = None
        stripped = line.strip()
        if stripped.startswith(("- {", "{", "- [", "[")):
            yield "", stripped.lstrip("- ")
            continue
        entry = _ENTRY.fullmatch(line.rstrip())
        if entry is None:
            continue
        value = entry["value"] or ""
        if _TEXT_BLOCK.fullmatch(value):
            block = indent
        elif not top or not (indent or stripped.startswith("-")):
            yield entry["key"], value
