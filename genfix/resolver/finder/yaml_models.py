"""The models that a YAML file of a merge or training names, as far as plain lines tell them.

mergekit keeps the recipe as its user wrote it, LLaMA-Factory writes ``training_args.yaml``. genfix asks them
for names of models and for nothing it would write, so no YAML parser is needed: a value in another form is
not seen.
"""

import re
from collections.abc import Iterator, Mapping
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
    return yaml_words(text).get(key)


def yaml_words(text: str) -> Mapping[str, str]:
    """The plain values of mappings in mappings, by their path: ``model.path``; of two the first, as in
    ``model_name_or_path`` at the top. Lists are passed over.
    """
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for indent, key, value in _lines(text):
        while above and above[-1][0] >= indent:
            above.pop()
        if indent and not above:
            continue
        path = ".".join([*(name for _, name in above), key])
        if not value or value.startswith("#"):
            above.append((indent, key))
        elif (word := plain_word(value)) is not None:
            found.setdefault(path, word)
    return found


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of all lines."""
    for _, key, value in _lines(text, lists=True):
        yield key, value


def _lines(text: str, *, lists: bool = False) -> Iterator[tuple[int, str, str]]:
    """Indent, key and value of each line; the text of blocks (``chat_template: |``) is passed over.

    What stands in a list comes with ``lists``.
    """
    block: int | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if block is not None:
            if not line.strip() or indent > block:
                continue
            block = None
        stripped = line.strip()
        if stripped.startswith(("- {", "{", "- [", "[")):
            if lists:
                yield indent, "", stripped.lstrip("- ")
            continue
        entry = _ENTRY.fullmatch(line.rstrip())
        if entry is None:
            continue
        value = entry["value"] or ""
        if _TEXT_BLOCK.fullmatch(value):
            block = indent
        elif lists or not stripped.startswith("-"):
            yield indent, entry["key"], value
