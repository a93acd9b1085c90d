"""GF410 and GF417: values of config.json that mean something on one machine, or nothing.

Who is right: the loaders, which look for the path where the model is served.
"""

import re
from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.folder.kinds import PROCESSOR_FILES
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import child_pointer, value_at
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Severity, Witness
from genfix.rules.core.questions import CONFIG
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_LOADED: Final = (
    r"(?:^|_)(?:tower|encoder|processor|backbone|tokenizer)(?:_(?:name|path|dir|model))*(?:_or_path)?$"
)
"""Keys under which loaders look for another model: LLaVA's ``mm_vision_tower``, ``speech_encoder``,
``image_processor``."""
_PATH: Final = r"(?:/|~/|[A-Za-z]:[\\/])."
_MOST: Final = 3
"""Levels of a config."""


@rule(
    "GF410",
    "path-of-one-machine",
    Severity.WARNING,
    question=CONFIG,
    shows="loading fails on every other machine: no such directory",
)
def _paths(context: Context, rule: Rule) -> Iterator[Finding]:
    """A key under which loaders look for a tower, an encoder, a processor or a tokenizer holds an absolute
    path, or one below `~`.

    Why: The path is one of the machine that trained. Code of LLaVA's kind loads its vision tower from there:
    on any other machine it fails, or asks the Hub for a model of that name.

    Fix: The base's value, where that is no such path.

    Safety: Unsafe: the tower at that path may have been trained. Without a base manual: name the repo that
    the tower came from. Information where the base has such a path too. Keys that only say where a model
    comes from (`_name_or_path`) are never read by loaders, and never reported.

    Sources:
    - dongyh20/Chain-of-Spot#2
    - VectorSpaceLab/Video-XL#55
    """
    base = context.base
    for file in (_CONFIG, *PROCESSOR_FILES):
        theirs = dict(_named_paths(base.object(file))) if base is not None else {}
        for pointer, path in _named_paths(context.merged.object(file)):
            shared = pointer in theirs
            known = _text_at(base, file, pointer) if base is not None else None
            yield rule.finding(
                file,
                message(
                    "path-of-one-machine",
                    "{path!r} is a path of one machine: others find nothing there",
                    path=path,
                ),
                severity=Severity.INFO if shared else Severity.WARNING,
                witness=Witness.ENGINE,
                pointer=pointer,
                current=path,
                fix=BASE_HAS_IT_TOO if shared else _fix(file, pointer, known),
            )


def _fix(file: str, pointer: str, known: str | None) -> Fix:
    if known is None:
        return Fix.manual(
            message("why-path-unknown", "name the repo that it came from, or a path inside the folder")
        )
    return Fix.unsafe(
        message("why-path-trained", "what is at that path may have been trained"), CopyField(file, pointer)
    )


def _named_paths(values: JsonObject, pointer: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        place = child_pointer(pointer, key)
        if isinstance(value, str) and re.search(_LOADED, key) and re.match(_PATH, value):
            yield place, value
        elif isinstance(value, dict) and pointer.count("/") < _MOST:
            yield from _named_paths(value, place)


def _text_at(model: Model, file: str, pointer: str) -> str | None:
    value = value_at(dict(model.object(file)), pointer)
    return value if isinstance(value, str) else None


@rule("GF417", "labels-without-names", Severity.INFO, question=CONFIG)
def _labels(context: Context, rule: Rule) -> Iterator[Finding]:
    """The labels of a classifier are `LABEL_0`, `LABEL_1`, ...: nobody gave them names.

    Why: Pipelines and servers answer with these names, and nobody who reads them knows what they mean.

    Fix: None: only the training data tell what the numbers mean.

    Safety: Manual. Silent for models that classify nothing, and where the base has the same labels.

    Sources:
    - transformers 5.24.0: configuration_utils.py `id2label`
    """
    merged, base = context.merged, context.base
    labels = merged.config.get("id2label")
    names = merged.config.get("architectures")
    if not isinstance(labels, dict) or len(labels) < 2 or not _classifies(names):
        return
    if base is not None and base.config.get("id2label") == labels:
        return
    if all(value == f"LABEL_{key}" for key, value in labels.items()):
        yield rule.finding(
            _CONFIG,
            message("labels-without-names", "the {count} labels have no names", count=len(labels)),
            witness=Witness.FOLDER,
            pointer="/id2label",
            fix=Fix.manual(message("why-labels", "only the training data tell what the numbers mean")),
        )


def _classifies(names: JsonValue) -> bool:
    return isinstance(names, list) and any(
        isinstance(name, str) and name.endswith("Classification") for name in names
    )


RULES: Final = (_paths, _labels)
