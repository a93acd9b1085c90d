"""GF9xx: files that are there and cannot be read as engines read them."""

import codecs
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from genfix.folder.folder import FileProblem, FolderFileError
from genfix.folder.kinds import FAST_TOKENIZER, FileKind, is_json_config, kind_of
from genfix.jsontext.json_read import JsonError, JsonProblem, JsonProblemKind, read_json_object
from genfix.message import Arg, Message, message
from genfix.model import Model
from genfix.model.lfs_pointer import read_lfs_pointer
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Mend, Severity, StripBom, Witness
from genfix.rules.core.questions import UNREADABLE
from genfix.rules.core.reasons import BROKEN_FILE, NO_BASE_COPY
from genfix.rules.core.restoring import restoring
from genfix.rules.core.rule import Rule, rule
from genfix.rules.unreadable.not_json import STORED, json_files

if TYPE_CHECKING:
    from genfix.jsontext.json_mistakes import Mistake
    from genfix.jsontext.json_repair import Mended


def _problems(context: Context, *kinds: JsonProblemKind) -> Iterator[tuple[str, JsonProblem]]:
    """The JSON files of merged that have one of these problems, by name."""
    for name in json_files(context):
        merged = context.merged
        problem = merged.tokenizer_problem if name == FAST_TOKENIZER else merged.json(name).problem
        if isinstance(problem, JsonProblem):
            yield from (
                (name, found) for found in _all_problems(merged, name, problem) if found.kind in kinds
            )


def _all_problems(merged: Model, name: str, problem: JsonProblem) -> Iterator[JsonProblem]:
    """``problem``, and what a byte order mark hides: a file that is broken behind it is a broken file."""
    if problem.kind is not JsonProblemKind.BOM:
        if read_lfs_pointer(merged.folder, name) is None:
            yield problem
        return
    try:
        read_json_object(merged.folder.read(name).removeprefix(codecs.BOM_UTF8))
    except JsonError as error:
        yield error.problem
        if error.problem.kind is not JsonProblemKind.DUPLICATE_KEY:
            return
    yield problem


_BROKEN: Final = frozenset(JsonProblemKind) - {JsonProblemKind.BOM, JsonProblemKind.DUPLICATE_KEY}


@rule(
    "GF901",
    "json-unreadable",
    Severity.ERROR,
    question=UNREADABLE,
    shows="loading fails, or the file counts as missing without a word",
)
def _broken(context: Context, rule: Rule) -> Iterator[Finding]:
    """A JSON file of the folder does not parse, or is not an object.

    Why: A broken `generation_config.json` is taken for a missing one, without a word, by transformers, vLLM
    and others; OpenVINO refuses to load. A broken `config.json` or `tokenizer_config.json` stops every
    engine.

    Fix: The file itself, where a person's slip has one reading: comments, a comma too many, one forgotten at
    a line's end, single quotes, keys without quotes, `True`, `False` and `None`, `.7`, a tab or line break
    inside a string, a key given twice with one value, UTF-16. Only those characters change. Anything else, a
    file that was cut off above all, is replaced by the base's, where there is one; for
    `generation_config.json` the stop ids of this folder's `config.json` are then kept.

    Safety: Safe: nothing can read the file as it is, and the backup keeps it. A mended file is read back, and
    must give what its author wrote. The base's is unsafe where the embedding has other rows than the base's.
    Manual where there is neither.

    Sources:
    - transformers 4.57.6 and 5.23.0: `It looks like the config file at ... is not a valid JSON file`
    - transformers 5.23.0: generation/configuration_utils.py
    - OpenVINO GenAI: generation_config.cpp
    """
    for name, problem in _problems(context, *_BROKEN):
        mend = _mended(context.merged, name)
        first, *rest = map(_mistake_message, mend.mistakes) if mend else [_problem_message(problem)]
        yield rule.finding(
            name,
            first,
            witness=Witness.ENGINE,
            evidence=rest,
            engines=tuple(context.views),
            fix=_mend(name, mend) if mend else _base_copy(context, name),
        )


def _mended(merged: Model, name: str) -> "Mended | None":
    from genfix.jsontext.json_repair import mended  # noqa: PLC0415 - few folders have a broken file

    return mended(merged.folder.read(name))


def _mend(name: str, mend: "Mended") -> Fix:
    return Fix.safe(
        message(
            "why-json-mended",
            "there is one way to read the file, and the mended one is read back to be just that",
        ),
        Mend(name, mend.content),
    )


def _mistake_message(one: "Mistake") -> Message:
    args: dict[str, Arg] = {"line": one.line, "column": one.column, "text": one.text, "times": one.times}
    return {
        "comment": message(
            "json-slip-comment",
            "has a comment, which JSON does not know (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "trailing-comma": message(
            "json-slip-trailing-comma",
            "has a comma with nothing after it (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "missing-comma": message(
            "json-slip-missing-comma",
            "lacks a comma at the end of a line (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "single-quotes": message(
            "json-slip-single-quotes",
            "has text in single quotes (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "bare-key": message(
            "json-slip-bare-key",
            "has the key {text} without quotes (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "python-word": message(
            "json-slip-python-word",
            "has {text}, which is Python and not JSON (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "no-zero": message(
            "json-slip-no-zero",
            "has {text}, a number without its first digit (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "raw-text": message(
            "json-slip-raw-text",
            "has a text with a bare tab or line break (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "space": message(
            "json-slip-space",
            "has white space that JSON does not know (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "equal-key": message(
            "json-slip-equal-key",
            "has the key {text} twice (line {line}, column {column}; {times} in all)",
            **args,
        ),
        "encoding": message(
            "json-slip-encoding", "is {text}; engines read plain UTF-8 (line {line}, column {column})", **args
        ),
    }[one.kind]


def _problem_message(problem: JsonProblem) -> Message:
    """For all kinds but the byte order mark, which has a rule of its own."""
    args: dict[str, Arg] = {"line": problem.line, "column": problem.column, "detail": problem.detail}
    return {
        "syntax": message("json-syntax", "does not parse: {detail} (line {line}, column {column})", **args),
        "duplicate-key": message(
            "json-duplicate-key", "has the key {detail} twice (line {line}, column {column})", **args
        ),
        "encoding": message("json-encoding", "is not UTF-8: {detail} (line {line}, column {column})", **args),
        "not-an-object": message("json-not-an-object", "is not a JSON object: {detail}", **args),
        "too-deep": message("json-too-deep", "is nested too deeply (line {line}, column {column})", **args),
        "empty": message("json-empty", "is empty", **args),
    }[problem.kind]


def _base_copy(context: Context, name: str) -> Fix:
    base = context.base
    if base is None or not base.has(name):
        return NO_BASE_COPY
    return restoring(context, base, name, BROKEN_FILE)


@rule(
    "GF902",
    "json-duplicate-key",
    Severity.WARNING,
    question=UNREADABLE,
    shows="engines read different values from the same file",
)
def _duplicates(context: Context, rule: Rule) -> Iterator[Finding]:
    """A key stands twice in one JSON object.

    Why: Python readers take the last value and C++ readers may take the first: engines then disagree.

    Fix: The second one is removed where both have the same value.

    Safety: Safe where the values are equal. Manual where not: only the author knows which one was meant.

    Sources:
    - RFC 8259, section 4
    """
    for name, problem in _problems(context, JsonProblemKind.DUPLICATE_KEY):
        mend = _mended(context.merged, name)
        yield rule.finding(
            name,
            _problem_message(problem),
            witness=Witness.FOLDER,
            fix=_mend(name, mend)
            if mend
            else Fix.manual(message("why-duplicate-key", "only the author knows which value was meant")),
        )


@rule(
    "GF903",
    "json-byte-order-mark",
    Severity.ERROR,
    question=UNREADABLE,
    shows="the file counts as broken: loading fails",
)
def _bom(context: Context, rule: Rule) -> Iterator[Finding]:
    """A JSON file starts with a UTF-8 byte order mark.

    Why: transformers opens these files as UTF-8 and Python's parser then refuses the mark: the file counts as
    broken.

    Fix: The three bytes are removed.

    Safety: Safe: the JSON itself does not change.

    Sources:
    - Python: json.loads of a text that starts with U+FEFF
    """
    for name, _ in _problems(context, JsonProblemKind.BOM):
        yield rule.finding(
            name,
            message("json-bom", "starts with a byte order mark, which engines refuse"),
            witness=Witness.ENGINE,
            engines=tuple(context.views),
            fix=Fix.safe(message("why-bom", "the JSON itself does not change"), StripBom(name)),
        )


_FILE_PROBLEMS: Final = {
    FileProblem.NOT_REGULAR: (
        message("file-not-regular", "is not a regular file"),
        message("why-file-not-regular", "replace it by the file it should be"),
    ),
    FileProblem.LINK_OUTSIDE: (
        message("file-link-outside", "is a link to a file outside the folder"),
        message("why-file-link-outside", "replace the link by a copy of the file"),
    ),
    FileProblem.TOO_LARGE: (
        message("file-too-large", "is far larger than such a file can be"),
        message("why-file-too-large", "look whether another file was saved under this name"),
    ),
    FileProblem.UNREADABLE: (
        message("file-unreadable", "cannot be read"),
        message("why-file-unreadable", "check its permissions"),
    ),
}


@rule(
    "GF904",
    "file-not-readable",
    Severity.ERROR,
    question=UNREADABLE,
    shows="loading fails, or another file is read",
)
def _not_a_file(context: Context, rule: Rule) -> Iterator[Finding]:
    """A config file is not a regular file, is a link to somewhere else, is far too large, or may not be read.

    Why: Engines fail on it, or read a file that is not part of the model.

    Fix: None.

    Safety: Manual: genfix never writes through a link and never replaces what it could not read.

    Sources:
    - huggingface/transformers#46279
    """
    read = STORED | {FileKind.CODE}
    for name in sorted(context.merged.folder.names()):
        problem = _file_problem(context.merged, name) if kind_of(name) in read else None
        if problem is not None:
            found, why = _FILE_PROBLEMS[problem.problem]
            yield rule.finding(name, found, witness=Witness.FOLDER, fix=Fix.manual(why))


def _file_problem(merged: Model, name: str) -> FolderFileError | None:
    if is_json_config(name):
        problem = merged.json(name).problem
        return problem if isinstance(problem, FolderFileError) else None
    try:
        merged.folder.read_range(name, 0, 1)
    except FolderFileError as error:
        return error
    return None


RULES: Final = (_broken, _duplicates, _bom, _not_a_file)
