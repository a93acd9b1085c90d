"""GF9xx, second part: numbers that JSON does not have, and Git LFS pointers in the place of files."""

import math
import re
from collections.abc import Collection, Iterator
from typing import Final

from genfix.folder import FolderFileError, sha256_of
from genfix.folder.kinds import FAST_TOKENIZER, FileKind, is_json_config, kind_of
from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import child_pointer, value_at
from genfix.jsontext.json_read import STRING, line_and_column
from genfix.message import message
from genfix.model import Model
from genfix.model.lfs_pointer import LfsPointer, read_lfs_pointer
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Applicability, CopyField, Finding, Fix, RestoreFile, Severity, Witness
from genfix.rules.core.questions import UNREADABLE
from genfix.rules.core.reasons import PULL_FROM_LFS
from genfix.rules.core.restoring import restoring
from genfix.rules.core.rule import Rule, rule

_FINITE: Final = frozenset((str, bool, int, type(None)))
_TAG: Final = "__float__"
"""How transformers 5 writes these numbers (configuration_utils.py): as an object that all readers parse."""


def json_files(context: Context) -> list[str]:
    """The JSON files of merged that are looked at, sorted."""
    names = context.merged.folder.names()
    return [name for name in sorted(names) if name == FAST_TOKENIZER or is_json_config(name)]


# -- numbers that JSON does not have -------------------------------------------------------------

_NUMBER: Final = rf"(?s){STRING}|(-?(?:NaN|Infinity|[0-9]++(?=[.eE])[0-9.eE+-]*+))"


@rule(
    "GF905",
    "json-not-finite",
    Severity.ERROR,
    question=UNREADABLE,
    shows="readers other than Python's refuse the whole file",
)
def _not_finite(context: Context, rule: Rule) -> Iterator[Finding]:
    """A JSON file holds `NaN`, `Infinity` or a number too large to be one, and the base does not.

    Why: Python writes and reads them, and JSON does not have them: readers in Rust, Go, C++ and JavaScript
    (`tokenizers`, Text Generation Inference, mistral.rs, Ollama's converter, OpenVINO) refuse the whole file
    for one of them, or go on as if it were not there. transformers 5 refuses NaN in fields that have a range.
    In `tokenizer.json` every engine fails.

    Fix: The base's number.

    Safety: Unsafe: an infinity may be meant. Manual where the base has no such key. A base that has one in
    the same place means it (`time_step_limit` of Mamba 2). Without a base only NaN is reported, as
    information.

    Sources:
    - RFC 8259, section 6
    - transformers 5.23.0: configuration_utils.py `_encode_special_floats`
    - tokenizers 0.23.3: `expected value`, `number out of range`
    """
    for name in json_files(context):
        value = _value(context.merged, name)
        if _is_finite(value):
            continue
        text = context.merged.folder.read(name).decode(errors="replace")
        odd = (
            found for found in re.finditer(_NUMBER, text) if found[1] and not math.isfinite(float(found[1]))
        )
        places: dict[str, re.Match[str]] = {}
        for pointer, found in zip(_pointers(value), odd, strict=False):
            if context.base is not None or name == FAST_TOKENIZER or found[1].endswith("NaN"):
                places.setdefault(pointer, found)  # alone, an infinity is what some architectures ship
        for pointer, found in places.items():
            theirs = value_at(_value(context.base, name), pointer)
            if not _is_finite(theirs):
                continue  # the authors mean it
            line, column = line_and_column(text, found.start())
            yield rule.finding(
                name,
                message(
                    "json-not-finite",
                    "has {number}, which is no number in JSON (line {line}, column {column})",
                    number=found[1][:20],
                    line=line,
                    column=column,
                ),
                severity=_severity(context, name),
                witness=Witness.ENGINE,
                pointer=pointer,
                engines=tuple(context.views) if name == FAST_TOKENIZER else (),
                fix=_number_of_base(name, pointer, theirs),
            )


def _severity(context: Context, name: str) -> Severity:
    if name == FAST_TOKENIZER:
        return Severity.ERROR
    return Severity.INFO if context.base is None else Severity.WARNING


def _number_of_base(name: str, pointer: str, theirs: JsonValue | Missing) -> Fix:
    if theirs is Missing.MISSING:
        return Fix.manual(message("why-not-finite", "only the author knows which number was meant"))
    return Fix.unsafe(
        message("why-finite-in-base", "the base has a number there; an infinity may be meant"),
        CopyField(name, pointer),
    )


def _value(model: Model | None, name: str) -> JsonValue:
    if model is None:
        return {}
    return {**(model.tokenizer_head if name == FAST_TOKENIZER else model.object(name))}


def _is_finite(value: JsonValue | Missing) -> bool:
    """Whether ``value`` holds neither NaN nor an infinity, in either spelling."""
    if isinstance(value, dict):
        return _TAG not in value and _are_finite(value.values())
    if isinstance(value, list):
        return _are_finite(value)
    return not isinstance(value, float) or math.isfinite(value)


def _are_finite(values: Collection[JsonValue]) -> bool:
    # A tokenizer has a hundred thousand objects of texts and flags: of those no value is looked at in Python.
    return {*map(type, values)} <= _FINITE or all(map(_is_finite, values))


def _pointers(value: JsonValue, pointer: str = "", *, listed: bool = False) -> Iterator[str]:
    """For each number that is not finite, in file order, the innermost key outside of lists that has it."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _pointers(child, pointer if listed else child_pointer(pointer, key), listed=listed)
    elif isinstance(value, list):
        for child in value:
            yield from _pointers(child, pointer, listed=True)
    elif isinstance(value, float) and not math.isfinite(value):
        yield pointer


# -- Git LFS pointers ----------------------------------------------------------------------------

STORED: Final = frozenset(
    [
        *(FileKind.CONFIG, FileKind.GENERATION_CONFIG, FileKind.TOKENIZER),
        *(FileKind.CHAT_TEMPLATE, FileKind.PROCESSOR),
    ]
)
"""Kinds of files that engines read, code and weights apart."""


@rule(
    "GF906",
    "git-lfs-pointer",
    Severity.ERROR,
    question=UNREADABLE,
    shows="loading fails: the pointer is read in the file's place",
)
def _lfs_pointer(context: Context, rule: Rule) -> Iterator[Finding]:
    """A Git LFS pointer, three lines of text, stands where the file should be.

    Why: The folder was cloned without Git LFS, or uploaded from such a clone. No engine reads pointers: JSON
    does not parse, and a vocabulary is not one.

    Fix: The base's file, where it is the very one that the pointer names; else `git lfs pull` in the clone.

    Safety: Safe where the SHA-256 in the pointer is that of the base's file. Unsafe where it is not: the file
    that was meant is another one. Manual without a base. Information where the base has the same pointer.

    Sources:
    - git-lfs: docs/spec.md
    """
    merged = context.merged
    for name in sorted(merged.folder.names()):
        pointer = read_lfs_pointer(merged.folder, name) if kind_of(name) in STORED else None
        if pointer is not None:
            yield rule.finding(
                name,
                message("lfs-pointer", "is a Git LFS pointer, and not the file that it stands for"),
                severity=Severity.INFO if context.same_as_base(name) else Severity.ERROR,
                witness=Witness.FOLDER,
                engines=tuple(context.views),
                fix=_pulled(context, name, pointer),
            )


def _pulled(context: Context, name: str, pointer: LfsPointer) -> Fix:
    base = context.base
    if base is None or not base.has(name) or read_lfs_pointer(base.folder, name) is not None:
        return PULL_FROM_LFS
    if _stands_for(base, name, pointer):
        return Fix.safe(
            message("why-lfs-of-base", "the base's file has the SHA-256 that the pointer names"),
            RestoreFile(name),
        )
    why = message(
        "why-lfs-other", "the pointer stands for another file than the base's: `git lfs pull` brings that one"
    )
    return restoring(context, base, name, why)._replace(applicability=Applicability.UNSAFE, why=why)


def _stands_for(base: Model, name: str, pointer: LfsPointer) -> bool:
    try:
        return base.folder.stat(name).size == pointer.size and sha256_of(base.folder, name) == pointer.sha256
    except FolderFileError:
        return False


RULES: Final = (_not_finite, _lfs_pointer)
