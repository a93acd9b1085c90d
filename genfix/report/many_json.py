"""Several folders for machines: one JSON document, by the schema ``many.schema.json``; and what could not be
done at all, by ``error.schema.json``.
"""

from collections.abc import Sequence

from genfix.errors import GenfixError
from genfix.json_types import JsonValue
from genfix.report.folder_rows import FolderRow
from genfix.report.json import SCHEMA_VERSION
from genfix.report.outcome import Failure


def folder_json(row: FolderRow, report: JsonValue) -> JsonValue:
    """One folder: its own report, in the form it has alone, or why there is none."""
    return {
        "target": row.target,
        "exit_code": row.code,
        "worst": str(row.worst) if row.worst is not None else None,
        "report": report,
        "error": error_json(row.error) if row.error is not None else None,
    }


def error_json(error: GenfixError) -> JsonValue:
    """What is wrong and what to do next, in English."""
    return {"message": error.message, "hint": error.hint}


def failure_json(failure: Failure) -> JsonValue:
    """The answer of a command that came to none, by ``error.schema.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": failure.command,
        "exit_code": failure.error.exit_code,
        "error": error_json(failure.error),
    }


def many_json(command: str, folders: Sequence[JsonValue], code: int, notes: Sequence[str]) -> JsonValue:
    """The answer of ``command`` for several folders."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "exit_code": code,
        "folders": [*folders],
        "notes": [*notes],
    }
