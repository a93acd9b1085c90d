"""Where a folder keeps its chat template, and which copy a reader takes.

transformers 5.23 (tokenization_utils_base.py): ``chat_template.jinja`` replaces the copy inside
``tokenizer_config.json``; the processor (processing_utils.py) also reads ``chat_template.json``. llama.cpp's
converter takes the inline copy first (gguf-py/gguf/vocab.py).
"""

import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue
from genfix.model.line_ends import as_read

JINJA_FILE: Final = "chat_template.jinja"
_DEFAULT: Final = "default"


class ChatTemplate(NamedTuple):
    """One copy of a chat template."""

    text: str
    file: str
    pointer: str | None = None
    """JSON pointer of the text in `file`; `None` where the file is the template."""
    name: str = _DEFAULT

    @property
    def sha256(self) -> str:
        """SHA-256 of the text as UTF-8, in hex digits."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def same_text(self, other: "ChatTemplate | None") -> bool:
        """Whether both templates render alike: equal as Jinja reads them."""
        return other is not None and rendered_form(self.text) == rendered_form(other.text)


def rendered_form(text: str) -> str:
    """``text`` as Jinja renders it (jinja2 3.1.6, lexer.py): one kind of line end, and none at the very end.

    Engines set ``trim_blocks``: the line end after a tag or comment goes too (transformers 5.23,
    utils/chat_template_utils.py).
    """
    lines = as_read(text).removesuffix("\n")
    if lines.rstrip().endswith(("-%}", "-#}", "-}}")):
        return lines.rstrip()
    is_trimmed = lines.endswith(("%}\n", "#}\n")) and not lines.endswith("+%}\n")
    return lines.removesuffix("\n") if is_trimmed else lines


def template_copies(
    jinja: str | None, tokenizer_config: JsonObject, template_json: JsonObject, processor_config: JsonObject
) -> tuple[ChatTemplate, ...]:
    """All copies of the default template, the one transformers reads first."""
    copies: list[ChatTemplate] = []
    if jinja is not None:
        copies.append(ChatTemplate(jinja, JINJA_FILE))
    copies += _inline(tokenizer_config.get("chat_template"), "tokenizer_config.json")
    copies += _inline(template_json.get("chat_template"), "chat_template.json")
    copies += _inline(processor_config.get("chat_template"), "processor_config.json")
    return tuple(copy for copy in copies if copy.name == _DEFAULT)


def _inline(value: JsonValue, file: str) -> Iterator[ChatTemplate]:
    if isinstance(value, str):
        yield ChatTemplate(value, file, "/chat_template")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            if isinstance(entry, dict):
                name, text = entry.get("name"), entry.get("template")
                if isinstance(name, str) and isinstance(text, str):
                    yield ChatTemplate(text, file, f"/chat_template/{index}/template", name)
    elif isinstance(value, dict):
        for name, text in value.items():
            if isinstance(text, str):
                yield ChatTemplate(text, file, f"/chat_template/{name}", name)
