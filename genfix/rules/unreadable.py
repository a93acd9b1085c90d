"""GF9xx: files that are there and cannot be read as engines read them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from genfix.folder.folder import FileProblem, FolderFileError
from genfix.folder.kinds import FileKind, is_json_config, kind_of
from genfix.json_types import JsonObject
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.json_read import JsonError, JsonProblem, JsonProblemKind, read_json_object
from genfix.model.lfs_pointer import read_lfs_pointer
from genfix.rules.context import Context
from genfix.rules.finding import (
    Applicability,
    Finding,
    Fix,
    Mend,
    Severity,
    StripBom,
    Witness,
)
from genfix.rules.not_json import FAST_TOKENIZER, json_files
from genfix.rules.not_json import RULES as NOT_JSON
from genfix.rules.restoring import restoring
from genfix.rules.rule import Rule, RuleDoc

if TYPE_CHECKING:
    from genfix.model.json_repair import Mended, Slip

__all__ = ["RULES"]


_BOM: Final = b"\xef\xbb\xbf"


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
        read_json_object(merged.folder.read(name).removeprefix(_BOM))
    except JsonError as error:
        yield error.problem
        if error.problem.kind is not JsonProblemKind.DUPLICATE_KEY:
            return
    yield problem


_BROKEN: Final = frozenset(JsonProblemKind) - {JsonProblemKind.BOM, JsonProblemKind.DUPLICATE_KEY}


def _broken(context: Context, rule: Rule) -> Iterator[Finding]:
    for name, problem in _problems(context, *_BROKEN):
        mend = _mended(context.merged, name)
        first, *rest = map(_mistake_message, mend.slips) if mend else [_problem_message(problem)]
        yield rule.finding(
            name,
            first,
            witness=Witness.ENGINE,
            evidence=rest,
            engines=tuple(context.views),
            fix=_mend(name, mend) if mend else _base_copy(context, name),
        )


def _mended(merged: Model, name: str) -> "Mended | None":
    from genfix.model.json_repair import mended  # noqa: PLC0415 - few folders have a broken file

    return mended(merged.folder.read(name))


def _mend(name: str, mend: "Mended") -> Fix:
    return Fix(Applicability.SAFE, message("why-json-mended"), (Mend(name, mend.content),))


def _mistake_message(slip: "Slip") -> Message:
    args: JsonObject = {"line": slip.line, "column": slip.column, "text": slip.text, "times": slip.times}
    return {
        "comment": message("json-slip-comment", **args),
        "trailing-comma": message("json-slip-trailing-comma", **args),
        "missing-comma": message("json-slip-missing-comma", **args),
        "single-quotes": message("json-slip-single-quotes", **args),
        "bare-key": message("json-slip-bare-key", **args),
        "python-word": message("json-slip-python-word", **args),
        "no-zero": message("json-slip-no-zero", **args),
        "raw-text": message("json-slip-raw-text", **args),
        "space": message("json-slip-space", **args),
        "equal-key": message("json-slip-equal-key", **args),
        "encoding": message("json-slip-encoding", **args),
    }[slip.kind]


def _problem_message(problem: JsonProblem) -> Message:
    """For all kinds but the byte order mark, which has a rule of its own."""
    args: JsonObject = {"line": problem.line, "column": problem.column, "detail": problem.detail}
    return {
        "syntax": message("json-syntax", **args),
        "duplicate-key": message("json-duplicate-key", **args),
        "encoding": message("json-encoding", **args),
        "not-an-object": message("json-not-an-object", **args),
        "too-deep": message("json-too-deep", **args),
        "empty": message("json-empty", **args),
    }[problem.kind]


def _base_copy(context: Context, name: str) -> Fix:
    base = context.base
    if base is None or not base.has(name):
        return Fix(Applicability.MANUAL, message("why-no-base-copy"))
    return restoring(context, base, name, message("why-broken-file"))


def _duplicates(context: Context, rule: Rule) -> Iterator[Finding]:
    for name, problem in _problems(context, JsonProblemKind.DUPLICATE_KEY):
        mend = _mended(context.merged, name)
        yield rule.finding(
            name,
            _problem_message(problem),
            witness=Witness.FOLDER,
            fix=_mend(name, mend) if mend else Fix(Applicability.MANUAL, message("why-duplicate-key")),
        )


def _bom(context: Context, rule: Rule) -> Iterator[Finding]:
    for name, _ in _problems(context, JsonProblemKind.BOM):
        yield rule.finding(
            name,
            message("json-bom"),
            witness=Witness.ENGINE,
            engines=tuple(context.views),
            fix=Fix(Applicability.SAFE, message("why-bom"), (StripBom(name),)),
        )


_READ: Final = frozenset(
    [
        FileKind.CONFIG,
        FileKind.GENERATION_CONFIG,
        FileKind.TOKENIZER,
        FileKind.CHAT_TEMPLATE,
        FileKind.PROCESSOR,
        FileKind.CODE,
    ]
)


_FILE_PROBLEMS: Final = {
    FileProblem.NOT_REGULAR: (message("file-not-regular"), message("why-file-not-regular")),
    FileProblem.LINK_OUTSIDE: (message("file-link-outside"), message("why-file-link-outside")),
    FileProblem.TOO_LARGE: (message("file-too-large"), message("why-file-too-large")),
    FileProblem.UNREADABLE: (message("file-unreadable"), message("why-file-unreadable")),
}


def _not_a_file(context: Context, rule: Rule) -> Iterator[Finding]:
    for name in sorted(context.merged.folder.names()):
        problem = _file_problem(context.merged, name) if kind_of(name) in _READ else None
        if problem is not None:
            found, why = _FILE_PROBLEMS[problem.problem]
            yield rule.finding(name, found, witness=Witness.FOLDER, fix=Fix(Applicability.MANUAL, why))


def _file_problem(merged: Model, name: str) -> FolderFileError | None:
    if is_json_config(name):
        problem = merged.json(name).problem
        return problem if isinstance(problem, FolderFileError) else None
    try:
        merged.folder.read_range(name, 0, 1)
    except FolderFileError as error:
        return error
    return None


RULES: Final = (
    Rule(
        code="GF901",
        name="json-unreadable",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A JSON file of the folder does not parse, or is not an object.",
            why=(
                "A broken `generation_config.json` is taken for a missing one, without a word, by transformers, vLLM and "
                "others; OpenVINO refuses to load. A broken `config.json` or `tokenizer_config.json` stops every engine."
            ),
            fix=(
                "The file itself, where a person's slip has one reading: comments, a comma too many, one forgotten at a "
                "line's end, single quotes, keys without quotes, `True`, `False` and `None`, `.7`, a tab or line break "
                "inside a string, a key given twice with one value, UTF-16. Only those characters change. Anything else, "
                "a file that was cut off above all, is replaced by the base's, where there is one; for "
                "`generation_config.json` the stop ids of this folder's `config.json` are then kept."
            ),
            safety=(
                "Safe: nothing can read the file as it is, and the backup keeps it. A mended file is read back, and must "
                "give what its author wrote. The base's is unsafe where the embedding has other rows than the base's. Manual where there is neither."
            ),
            sources=(
                "transformers 4.57.6 and 5.23.0: `It looks like the config file at ... is not a valid JSON file`",
                "transformers 5.23.0: generation/configuration_utils.py",
                "OpenVINO GenAI: generation_config.cpp",
            ),
        ),
        check=_broken,
    ),
    Rule(
        code="GF902",
        name="json-duplicate-key",
        severity=Severity.WARNING,
        needs_base=False,
        doc=RuleDoc(
            what="A key stands twice in one JSON object.",
            why="Python readers take the last value and C++ readers may take the first: engines then disagree.",
            fix="The second one is removed where both have the same value.",
            safety="Safe where the values are equal. Manual where not: only the author knows which one was meant.",
            sources=("RFC 8259, section 4",),
        ),
        check=_duplicates,
    ),
    Rule(
        code="GF903",
        name="json-byte-order-mark",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A JSON file starts with a UTF-8 byte order mark.",
            why="transformers opens these files as UTF-8 and Python's parser then refuses the mark: the file counts as broken.",
            fix="The three bytes are removed.",
            safety="Safe: the JSON itself does not change.",
            sources=("Python: json.loads of a text that starts with U+FEFF",),
        ),
        check=_bom,
    ),
    Rule(
        code="GF904",
        name="file-not-readable",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A config file is not a regular file, is a link to somewhere else, is far too large, or may not be read.",
            why="Engines fail on it, or read a file that is not part of the model.",
            fix="None.",
            safety="Manual: genfix never writes through a link and never replaces what it could not read.",
            sources=("huggingface/transformers#46279",),
        ),
        check=_not_a_file,
    ),
    *NOT_JSON,
)
