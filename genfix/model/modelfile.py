"""Ollama's Modelfile: read as Ollama reads it, and its values quoted as it takes them.

Read in ollama fb3076099: parser/parser.go.
"""

from typing import Final, NamedTuple

MODELFILE: Final = "Modelfile"
_THREE: Final = '"""'


class Modelfile(NamedTuple):
    """What a Modelfile says of the prompt and its end."""

    template: str | None = None
    stops: tuple[str, ...] = ()


def read_modelfile(content: str) -> Modelfile:
    """The last ``TEMPLATE`` and every ``PARAMETER stop``; a quoted value goes on over lines until it ends."""
    template, stops = None, list[str]()
    lines = iter(content.splitlines())
    for line in lines:
        words = line.split(None, 1)
        if len(words) < 2 or words[0].startswith("#"):
            continue
        command, value = words[0].lower(), words[1]
        name, _, rest = value.partition(" ")
        if command == "parameter":
            value = rest
        if not value.strip():
            continue
        while not _is_closed(value.strip()) and (more := next(lines, None)) is not None:
            value += f"\n{more}"
        if command == "template":
            template = _unquoted(value.strip())
        elif command == "parameter" and name.lower() == "stop":
            stops.append(_unquoted(value.strip()))
    return Modelfile(template, tuple(stops))


def _is_closed(value: str) -> bool:
    for quote in (_THREE, '"'):
        if value.startswith(quote):
            return len(value) >= 2 * len(quote) and value.endswith(quote)
    return True


def _unquoted(value: str) -> str:
    for quote in (_THREE, '"'):
        if value.startswith(quote) and _is_closed(value):
            return value[len(quote) : -len(quote)]
    return value


def quoted_value(value: str) -> str | None:
    """``value`` between quotes; `None` where it holds what would end them."""
    if "\n" not in value and '"' not in value:
        return f'"{value}"'
    return None if _THREE in value or value.endswith('"') else f"{_THREE}{value}{_THREE}"
