"""Chat templates as text: the tags of a training template, and putting one text in another's places."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from genfix.folder import FolderFileError
from genfix.folder.kinds import ADDITIONAL_TEMPLATES, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import ChatTemplate, Model, TemplateFailure, TurnEnds
from genfix.model.chat_template import JINJA_FILE, rendered_form
from genfix.model.conversations import VARIABLES, conversations
from genfix.model.template_render import Rendered, RenderErrorKind, render_template
from genfix.model.turn_ends import find_turn_ends
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Fix, Operation, RestoreFile, SetField, Witness, WriteFile
from genfix.rules.core.reasons import (
    ASK_THE_AUTHOR,
    OTHER_TEMPLATE,
    template_tokens_unknown,
    unknown_literals,
)

INLINE: Final = "/chat_template"
PROCESSOR_TEMPLATE: Final = "chat_template.json"
_JSON_PLACES: Final = (TOKENIZER_CONFIG, PROCESSOR_TEMPLATE, "processor_config.json")

_TAG: Final = (
    r"(?s)\{%(?P<before>[-+]?)\s*(?:end)?generation\s*(?P<after>[-+]?)%\}"
    r"|\{#.*?#\}"  # TRL's training templates explain themselves: no tag stands in a comment
    r"|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}"
)

_EMPTY: Final = r"(?m)(?:\s*\{#-|(?:^[ \t]*)?\{#|\{#\+) (?:-#\}\s*|#\}\n?|\+#\})"
"""An empty comment, with the white space that ``trim_blocks`` and ``lstrip_blocks`` take along."""


def has_tags(text: str) -> bool:
    """Whether the template marks text for training: ``{% generation %}``."""
    return "generation" in text and any(found["before"] is not None for found in re.finditer(_TAG, text))


def untagged(text: str) -> str:
    """The template with an empty comment in the place of each tag.

    A comment takes away white space and line ends as a tag does.
    """
    return re.sub(_TAG, _comment, text) if "generation" in text else text


def _comment(found: re.Match[str]) -> str:
    before, after = found["before"], found["after"]
    return found.group() if before is None else f"{{#{before} {after}#}}"


def same_when_served(one: ChatTemplate, other: ChatTemplate) -> bool:
    """Whether two templates are one text, but for tags that only training reads."""
    ours, theirs = (re.sub(_EMPTY, "", untagged(template.text)) for template in (one, other))
    return rendered_form(ours) == rendered_form(theirs)


def was_trained(context: Context, template: ChatTemplate) -> bool:
    """Whether the adapter has that template, but for tags that only training reads."""
    trained = context.trained_template
    return trained is not None and same_when_served(template, trained)


def has_additional(model: Model) -> bool:
    """Whether the folder has templates for tools and other uses, in files of their own."""
    return any(name.startswith(ADDITIONAL_TEMPLATES) for name in model.folder.names())


def renders_alike(one: str, other: str) -> bool:
    """Whether both templates make the same text of every conversation genfix knows."""
    return _rendered(one) == _rendered(other)


def _rendered(template: str) -> list[str]:
    results = render_template(template, tuple(conversations().values()), VARIABLES)
    return [result.text if isinstance(result, Rendered) else result.kind for result in results]


def all_texts(model: Model) -> Iterator[tuple[str, str]]:
    """Every template of a folder with its file, those for tools and other uses included."""
    yield from _jinja_texts(model)
    for file in _JSON_PLACES:
        value = model.object(file).get("chat_template")
        yield from ((file, text) for text in _texts(value))


def _jinja_texts(model: Model) -> Iterator[tuple[str, str]]:
    for name in sorted(model.folder.names()):
        if name == JINJA_FILE or (name.startswith(ADDITIONAL_TEMPLATES) and name.endswith(".jinja")):
            try:
                yield name, model.folder.read(name).decode("utf-8")
            except (FolderFileError, UnicodeDecodeError):
                continue  # its own rule tells


def _texts(value: JsonValue) -> list[str]:
    """The templates in a ``chat_template`` value: one text, or several with names."""
    if isinstance(value, dict):
        found = list(value.values())
    elif isinstance(value, list):
        found = [entry.get("template") for entry in value if isinstance(entry, dict)]
    else:
        found = [value]
    return [text for text in found if isinstance(text, str)]


def untagged_copies(model: Model) -> tuple[Operation, ...]:
    """Operations that take the tags out of every template of the folder."""
    operations: list[Operation] = [
        WriteFile(name, untagged(text).encode()) for name, text in _jinja_texts(model) if has_tags(text)
    ]
    for file in _JSON_PLACES:
        value = model.object(file).get("chat_template")
        if any(has_tags(text) for text in _texts(value)):
            operations.append(SetField(file, INLINE, _untagged_value(value)))
    return tuple(operations)


def _untagged_value(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return untagged(value)
    if isinstance(value, list):
        return [_untagged_value(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _untagged_value(part) for key, part in value.items()}
    return value


def put_in_place(
    merged: Model, copies: Iterable[ChatTemplate], new: str, witness: Model, source: Witness
) -> tuple[Operation, ...]:
    """Operations that write ``new``, a text of ``witness``, over these copies of merged's."""
    return tuple(_put(merged, copy, new, witness, source) for copy in copies)


def _put(merged: Model, copy: ChatTemplate, new: str, witness: Model, source: Witness) -> Operation:
    if copy.pointer is None:
        same = witness.jinja.text == new and copy.file == JINJA_FILE
        return RestoreFile(copy.file, source) if same else WriteFile(copy.file, new.encode())
    value = merged.object(copy.file).get("chat_template")
    return SetField(copy.file, INLINE, _with_default(value, copy.name, new))


def _with_default(value: JsonValue, name: str, new: str) -> JsonValue:
    """A ``chat_template`` value with ``new`` under ``name``, in the form it has."""
    if isinstance(value, list):
        return [
            {**entry, "template": new} if isinstance(entry, dict) and entry.get("name") == name else entry
            for entry in value
        ]
    return {**value, name: new} if isinstance(value, dict) else new


def of_base(merged: Model, base: Model, own: ChatTemplate, theirs: ChatTemplate) -> Fix:
    """The base's template in every place of merged's own, which may be the one that was trained."""
    unknown = unknown_literals(merged, base)
    return Fix.unsafe(
        template_tokens_unknown(unknown) if unknown else OTHER_TEMPLATE,
        *put_in_place(merged, merged.copies_of(own), theirs.text, base, Witness.BASE),
    )


def mended(context: Context, template: ChatTemplate, failure: TemplateFailure) -> Fix:
    """With another copy of the folder's that renders, where it is one slip that keeps this one from it, else
    with the base's.
    """
    merged, base = context.merged, context.base
    for copy in merged.template_copies if failure.kind is RenderErrorKind.SYNTAX else ():
        if isinstance(find_turn_ends(copy.text, merged.tokenizer.ids.keys()), TurnEnds):
            return Fix.safe(
                message("why-template-renders", "the copy in {file} renders", file=copy.file),
                *put_in_place(merged, [template], copy.text, merged, Witness.FOLDER),
            )
    theirs = base.chat_template if base is not None and context.chat_objection is None else None
    if base is None or theirs is None or not isinstance(base.turn_ends, TurnEnds):
        return ASK_THE_AUTHOR
    fix = of_base(merged, base, template, theirs)
    if not same_when_served(template, theirs):
        return fix
    return Fix.safe(
        message(
            "why-template-tagged", "but for tags of training it is the base's template, and that one renders"
        ),
        *fix.operations,
    )
