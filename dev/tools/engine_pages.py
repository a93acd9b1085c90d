"""Fills docs/engines.md with what was measured, so that it cannot claim more.

``python -m dev.tools.engine_pages`` writes the tables between the page's markers from
``dev/conformance/results/*.json``, the views' versions and the rows of ``dev/conformance/tiny.py``; the text
around them is written by hand. With ``--check`` it writes nothing and exits with 1 where the page is stale.
"""

import argparse
import inspect
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from dev.conformance.matrix import GENERATORS, NOT_RUN
from dev.conformance.setups import SETUPS
from dev.conformance.tiny import ROWS
from genfix.engines.every import EVERY_ENGINE, all_engines
from genfix.engines.shared.engine import Engine
from genfix.json_types import JsonObject, JsonValue

ROOT: Final = Path(__file__).resolve().parents[2]

__all__ = ["PAGE", "RESULTS", "blocks", "filled", "main"]

PAGE: Final = ROOT / "docs" / "engines.md"
RESULTS: Final = ROOT / "dev" / "conformance" / "results"


def filled(text: str, results: Path = RESULTS) -> str:
    """``text`` with every generated part as it should be. Raises `ValueError` where a marker is missing or
    twice there.
    """
    for engine in all_engines().values():
        if f"<!-- {engine.id}:begin -->" not in text:
            text = text.replace("## Versions\n", f"{_section(engine)}## Versions\n", 1)
    for name, content in blocks(results).items():
        start, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f"the markers of {name!r} are missing, or there twice")
        head, _, rest = text.partition(start)
        text = f"{head}{start}{content.rstrip()}\n{end}{rest.partition(end)[2]}"
    return text


def _section(engine: Engine) -> str:
    """What is said of a new engine until somebody writes more: the docstring of its module."""
    about = inspect.cleandoc(sys.modules[engine.view.__module__].__doc__ or "")
    markers = f"<!-- {engine.id}:begin -->\n<!-- {engine.id}:end -->"
    return f"### {engine.title}\n\n{about}\n\n{markers}\n\n"


def blocks(results: Path = RESULTS) -> Mapping[str, str]:
    """The generated parts by name."""
    recorded = partial(_recorded, results)
    parts = {
        engine: _measured(known, recorded(engine), recorded(f"matrix-{engine}"))
        for engine, known in all_engines().items()
    }
    matrices = {engine: recorded(f"matrix-{engine}") for engine in EVERY_ENGINE}
    return {"matrix": "".join(_matrix(matrices)), **parts, "commands": _commands()}


def _recorded(results: Path, name: str) -> JsonObject | None:
    path = results / f"{name}.json"
    if not path.is_file():
        return None
    found: JsonObject = json.loads(path.read_bytes())
    return found


def _measured(known: Engine, folders: JsonObject | None, matrix: JsonObject | None) -> str:
    versions = known.version if known.oldest == known.version else f"{known.oldest} to {known.version}"
    lines = ["| | |", "|---|---|", f"| versions known | {versions} |"]
    if not known.was_run:
        return "\n".join([*lines, "| asked | read, not run |"])
    if folders is None:
        lines.append("| agreement | not run |")
    else:
        lines.append(f"| asked | {_who(folders)} |")
        lines.append(f"| agreement | {_agreement(folders)} |")
    if matrix is None:
        lines.append("| generated | not run |")
    else:
        right = f"{_number(matrix['agree'])} of {_number(matrix['answers'])} answers end as the view says"
        lines.append(f"| generated | {_who(matrix)}: {right} |")
    reasons = (folders or {}).get("known")
    if isinstance(reasons, dict) and reasons:
        lines += ["", "Known differences:", ""]
        lines += [f"- {_number(count)} folders: {_sentence(reason)}" for reason, count in reasons.items()]
    return "\n".join(lines)


def _who(result: JsonObject) -> str:
    """Version, libraries and date of a run."""
    libraries = result.get("libraries")
    beside = (
        [f"{name} {version}" for name, version in libraries.items()] if isinstance(libraries, dict) else []
    )
    return ", ".join([str(result["version"]), *beside, str(result["date"])])


def _agreement(result: JsonObject) -> str:
    text = f"{_number(result['agree'])} of {_number(result['folders'])} folders"
    reasons = result.get("known")
    if isinstance(reasons, dict) and reasons:
        count = sum(value for value in reasons.values() if isinstance(value, int))
        text += f"; {_number(count)} differ for a reason that is known, see below"
    return text + (f"; **{_number(result['differ'])} differ**" if result["differ"] else "")


def _number(value: JsonValue) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _matrix(matrices: Mapping[str, JsonObject | None]) -> Iterator[str]:
    names = [EVERY_ENGINE[engine].title for engine in matrices]
    yield f"| | metadata | {' | '.join(names)} |\n"
    yield f"|---|---|{'---|' * len(names)}\n"
    for name, row in ROWS.items():
        cells = [_cell(name, matrix) for matrix in matrices.values()]
        yield f"| {name} | {row.sentence.replace('|', chr(92) + '|')} | {' | '.join(cells)} |\n"
    yield "\n"
    for engine, matrix in matrices.items():
        errors = (matrix or {}).get("errors")
        for row_name, error in errors.items() if isinstance(errors, dict) else ():
            yield f"- Row {row_name}, {EVERY_ENGINE[engine].title}: `{error}`\n"


def _cell(row: str, matrix: JsonObject | None) -> str:
    """One verdict where all architectures agree, else the usual one and who differs."""
    rows = (matrix or {}).get("rows")
    answers = rows.get(row) if isinstance(rows, dict) else None
    if not isinstance(answers, dict) or not answers:
        return "not run"
    verdicts = {
        architecture: "not run" if answer == NOT_RUN else str(answer)
        for architecture, answer in answers.items()
    }
    (usual, _), *others = Counter(verdicts.values()).most_common()
    told = [usual]
    for other, _ in others:
        told.append(f"{other} for {', '.join(name for name in verdicts if verdicts[name] == other)}")
    return "; ".join(told)


def _commands() -> str:
    lines = []
    for engine in all_engines():
        if engine in SETUPS:
            lines.append(f"python -m dev.conformance {engine} --record")
        if engine in GENERATORS:
            lines.append(f"python -m dev.conformance.matrix {engine} --record")
    return "\n".join(["```sh", *lines, "python -m dev.tools.engine_pages", "```"])


def main() -> int:
    """Write, or check; the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/engines.md.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where the page is stale"
    )
    check: bool = parser.parse_args().check
    text = PAGE.read_text(encoding="utf-8")
    wanted = filled(text)
    if check:
        sys.stdout.write("" if text == wanted else "stale: docs/engines.md\n")
        return int(text != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
