"""The texts whose likelihood is asked for: those that ship with genfix, and a file of the user's own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final

from genfix.errors import InputError
from genfix.folder.user_file import read_user_text
from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.model import Model
from genfix.model.template_render import Conversation, Rendered, render_template
from genfix.probe.own_lines import MOST_BYTES, json_lines

TEXTS_VERSION: Final = 1
"""Raised with every change of the built-in texts: bits of different texts do not compare."""
LONG: Final = "long"
"""The kind of the texts that are others put together: they show whether distance hurts, and count nowhere
else.
"""
DIALOGUE: Final = "dialogue"
OWN: Final = "own"
KINDS: Final = ("prose", DIALOGUE, "code", "list", OWN)
"""In the order of reports."""
_LANGUAGES: Final = ("en", "zh")
_LONGEST: Final = 2000
_MAX_TEXTS: Final = 500
_LEAST: Final = 20
"""Characters: of a shorter text the first token, which is not scored, is too large a part."""
_HINT: Final = text(
    'it is plain text, with an empty line between texts, or JSON Lines of {{"text": "..."}} in a file that '
    "ends in .jsonl"
)


@dataclass(frozen=True, slots=True)
class Text:
    """One text."""

    id: str
    kind: str
    """One of `KINDS`, or `LONG`."""
    language: str
    """``en``, ``zh``, or empty where it is neither."""
    text: str
    """Empty for a dialogue that no chat template has put into words yet."""
    messages: tuple[JsonObject, ...] = ()
    """The dialogue's."""


def built_in_texts() -> tuple[Text, ...]:
    """The texts that ship with genfix, in English and Chinese: prose, dialogues, code, lists; and for each
    language a long one, which is its prose put together.
    """
    file = resources.files("genfix.probe").joinpath("data", f"texts-v{TEXTS_VERSION}.jsonl")
    texts = tuple(_built_in(json.loads(line)) for line in file.read_text("utf-8").splitlines())
    prose = [one for one in texts if one.kind == "prose"]
    longer = (
        Text(f"long-{name}", LONG, name, "\n\n".join(one.text for one in prose if one.language == name))
        for name in _LANGUAGES
    )
    return (*texts, *longer)


def _built_in(value: dict[str, JsonValue]) -> Text:
    match value:
        case {"id": str(name), "kind": str(kind), "language": str(language), **rest}:
            said, messages = rest.get("text", ""), rest.get("messages", [])
            if isinstance(said, str) and isinstance(messages, list):
                turns = tuple(turn for turn in messages if isinstance(turn, dict))
                return Text(name, kind, language, said, turns)
        case _:
            pass
    raise AssertionError(f"a built-in text is none: {value}")


def in_words(texts: tuple[Text, ...], model: Model | None) -> tuple[Text, ...]:
    """The texts with every dialogue as the folder's chat template writes it; without a template that renders,
    dialogues are left out.

    The BOS token at the beginning is taken off, since engines put it before a text by themselves.
    """
    plain = tuple(one for one in texts if not one.messages)
    talks = [one for one in texts if one.messages]
    template = model.chat_template if model is not None else None
    if model is None or template is None or not talks:
        return plain
    config = model.tokenizer_config
    names = {name: _token(config.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
    variables: dict[str, JsonValue] = {name: token for name, token in names.items() if token}
    asked = [Conversation(one.messages, lenient=True) for one in talks]
    said = render_template(template.text, asked, variables)
    written = (
        replace(one, text=result.text.removeprefix(names["bos_token"]))
        for one, result in zip(talks, said, strict=True)
        if isinstance(result, Rendered)
    )
    return (*plain, *(one for one in written if len(one.text) >= _LEAST))


def _token(value: JsonValue) -> str:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def read_texts(path: Path) -> tuple[Text, ...]:
    """The texts of a file of the user's own. Raises `InputError` for one that has none."""
    content = read_user_text(path, text("the file of texts"), MOST_BYTES)
    found = _json_lines(content, path) if path.suffix.casefold() == ".jsonl" else _paragraphs(content)
    texts = [one for one in found if len(one) >= _LEAST]
    if not texts:
        raise InputError(
            "there is no text of {least} characters or more in {path}", _HINT, least=_LEAST, path=path
        )
    if len(texts) > _MAX_TEXTS:
        raise InputError(
            "there are {count} texts in {path}",
            "at most {most} are measured",
            count=len(texts),
            path=path,
            most=_MAX_TEXTS,
        )
    return tuple(Text(f"own-{number:03}", OWN, "", one) for number, one in enumerate(texts, 1))


def _paragraphs(content: str) -> Iterator[str]:
    """The texts between empty lines; what is longer is cut."""
    for part in content.replace("\r\n", "\n").split("\n\n"):
        yield from _cut(part.strip("\n"))


def _json_lines(content: str, path: Path) -> Iterator[str]:
    for where, value in json_lines(content, str(path), _HINT):
        said = value.get("text")
        if not isinstance(said, str) or not _is_unicode(said):
            raise InputError("{where} has no text", _HINT, where=where)
        yield from _cut(said)


def _is_unicode(said: str) -> bool:
    """Whether it has no half of a character, which JSON can spell and no request can carry."""
    return not any("\ud800" <= letter <= "\udfff" for letter in said)


def _cut(said: str) -> Iterator[str]:
    return (said[place : place + _LONGEST] for place in range(0, len(said), _LONGEST))
