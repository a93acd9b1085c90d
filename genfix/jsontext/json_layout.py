"""How a JSON file is laid out, and how a value is written so that it looks like the rest of the file."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genfix.json_types import JsonValue
from genfix.jsontext.json_read import STRING

_LIMIT = 100
"""How long a list may be to stand on one line because other lists of the file do."""

_string = re.compile(STRING, re.DOTALL)
_token_or_space = rf"(?s)({STRING})|\s*([,:])\s*|\s+"
_filled = r"[\[{]\s*[^\s\]}]"
_expanded = r"[\[{][ \t]*\r?\n"
_inline_list = r"\[[ \t]*[^\s\]]"
_expanded_list = r"\[[ \t]*\r?\n\s*[^\s\]]"
_inline_comma = r",([ \t]*)\S"
_first_indent = r"\s*[\[{]\s*\n([ \t]*)[^\s\]}]"
_any_indent = r"\n([ \t]+)"


class Layout(NamedTuple):
    """How a list or object is written at one place of a file."""

    newline: str
    unit: str
    """One level of indentation."""
    colon: str
    comma: str
    """Between the items of what stands on one line."""
    ascii_only: bool
    one_line: bool
    """Everything here stands on one line, however long."""
    inline_lists: bool
    """Lists stand on one line if they are short."""
    inline_objects: bool

    def write(self, value: JsonValue, indent: str) -> str:
        """Return ``value`` as JSON text for a line that starts with ``indent``."""
        if self.one_line or not value or not isinstance(value, dict | list):
            return self._flat(value)
        if self.inline_objects if isinstance(value, dict) else self.inline_lists:
            flat = self._flat(value)
            if len(indent) + len(flat) <= _LIMIT:
                return flat
        inner = indent + self.unit
        if isinstance(value, dict):
            items = [f"{self._flat(key)}{self.colon}{self.write(item, inner)}" for key, item in value.items()]
        else:
            items = [self.write(item, inner) for item in value]
        body = f",{self.newline}{inner}".join(items)
        start, end = "{}" if isinstance(value, dict) else "[]"
        return f"{start}{self.newline}{inner}{body}{self.newline}{indent}{end}"

    def _flat(self, value: JsonValue) -> str:
        return json.dumps(
            value, ensure_ascii=self.ascii_only, allow_nan=False, separators=(self.comma, self.colon)
        )

    def fit(self, raw: str, indent: str) -> str:
        """Return JSON text from another file, spelled as it is there, for a line that starts with
        ``indent``.
        """
        if "\n" not in raw:
            return raw
        if self.one_line:
            separators = {",": self.comma, ":": self.colon}
            return re.sub(_token_or_space, lambda token: token[1] or separators.get(token[2] or "", ""), raw)
        return _add_indent(raw, indent, self)


def find_layout(
    text: str, bracket: str, *, colon: str, expanded: bool, replaced: str, siblings: Sequence[str]
) -> Layout:
    """Read off the layout for a value that starts with ``bracket`` and goes into an object of ``text``.

    The value it takes the place of (``replaced``, or "") shows it best, then the values of the same kind in
    that object (``siblings``), then, for lists, the file. ``expanded`` says whether the object spreads over
    lines.
    """
    one_line = not expanded and "\n" not in replaced
    inline = {kind: _majority_inline(siblings, kind) for kind in "[{"}
    if replaced[:1] == bracket and re.match(_filled, replaced):
        one_line = one_line or "\n" not in replaced
        if re.match(_expanded, replaced):
            inline[bracket] = False
    if inline["["] is None:
        inline["["] = _lists_are_inline(text)
    colon = colon if "\n" not in colon else ": "
    return Layout(
        newline=newline_of(text),
        unit=indent_unit(text),
        colon=colon,
        comma=comma_of((replaced, *(s for s in siblings if "\n" not in s), text), colon),
        ascii_only=text.isascii(),
        one_line=one_line,
        inline_lists=bool(inline["["]),
        inline_objects=bool(inline["{"]),
    )


def _majority_inline(values: Iterable[str], bracket: str) -> bool | None:
    votes = ["\n" not in value for value in values if value.startswith(bracket) and re.match(_filled, value)]
    return 2 * sum(votes) > len(votes) if votes else None


def _lists_are_inline(text: str) -> bool:
    bare = _string.sub('""', text)
    return len(re.findall(_inline_list, bare)) > len(re.findall(_expanded_list, bare))


def comma_of(samples: Iterable[str], colon: str) -> str:
    """Return what separates items that stand on one line in the first of ``samples`` that shows it."""
    for sample in samples:
        comma = re.search(_inline_comma, _string.sub('""', sample))
        if comma:
            return f",{comma[1]}"
    return ", " if colon.endswith(" ") else ","


def newline_of(text: str) -> str:
    """Return the line end of ``text``: that of its first line."""
    return "\r\n" if text[: text.find("\n") + 1].endswith("\r\n") else "\n"


def indent_unit(text: str) -> str:
    """Return one level of indentation: that of the top level's first key, else of any line, else
    two spaces.
    """
    found = re.match(_first_indent, text) or re.search(_any_indent, text)
    return found[1] if found else "  "


def line_indent(text: str, offset: int) -> str:
    """Return the white space that starts the line of the character at ``offset``."""
    start = text.rfind("\n", 0, offset) + 1
    return _leading_space(text[start:offset])


def _leading_space(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def drop_indent(text: str, indent: str) -> str:
    """Return a value's text with its lines made relative to ``indent``, that of the line it starts on."""
    first, *rest = text.replace("\r\n", "\n").split("\n")
    return "\n".join([first, *(line.removeprefix(indent) for line in rest)])


def _add_indent(raw: str, indent: str, layout: Layout) -> str:
    first, *rest = raw.replace("\r\n", "\n").split("\n")
    spaces = [_leading_space(line) for line in rest]
    unit = next((space for space in spaces if space), "")
    # A value that json.dumps could have written takes over the file's unit; hand-aligned lines keep theirs.
    if unit and not spaces[-1] and all(space == unit * (len(space) // len(unit)) for space in spaces):
        lines = [
            layout.unit * (len(s) // len(unit)) + line[len(s) :] for s, line in zip(spaces, rest, strict=True)
        ]
    else:
        lines = rest
    return layout.newline.join([first, *(f"{indent}{line}" if line else "" for line in lines)])
