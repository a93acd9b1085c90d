"""Let a real engine generate from tiny checkpoints, and compare where it stops with what its view says.

python -m dev.conformance.matrix ENGINE [--python PYTHON] [--architecture NAME]... [--record]

Each architecture of `dev.conformance.tiny` has fifteen checkpoints that differ in nothing but metadata; every
engine gets forty tokens for each. ``--record`` writes the result, with versions and date, to
``dev/conformance/results/matrix-ENGINE.json``; ``python -m dev.tools.engine_pages`` makes docs/engines.md of
these. Ends with 1 where view and engine disagree.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from dev.conformance.setups import HERE, interpreter
from dev.conformance.telling import ask_script
from dev.conformance.tiny import ANSWER, ARCHITECTURES, ROWS, USER, write
from genfix.engines.every import all_engines, engine_view
from genfix.engines.shared.view import EngineView
from genfix.folder import LocalFolder
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

__all__ = ["GENERATORS", "NOT_RUN", "Answer", "Generator", "generated", "verdict", "view_of"]

NOT_RUN: Final = "-"
"""The verdict of a script for a checkpoint that its engine cannot be given in this form."""


class Generator(NamedTuple):
    """How one engine is made to generate."""

    script: Path
    """Runs inside the engine's interpreter."""
    architectures: Sequence[str]
    """Those the engine has."""


_FEWER: Final[Mapping[str, Sequence[str]]] = {"vllm": ("qwen2",)}
"""Engines that do not have every architecture, or need long for each checkpoint."""


def _generator(engine: str) -> Generator:
    name = "transformers" if engine.startswith("transformers") else re.sub(r"\W", "_", engine)
    architectures = _FEWER.get(engine, tuple(ARCHITECTURES))
    return Generator(HERE / "generate" / f"generate_{name}.py", architectures)


GENERATORS: Final[Mapping[str, Generator]] = {
    engine: generator for engine in all_engines() if (generator := _generator(engine)).script.is_file()
}
"""By engine, those that have a script."""


class Answer(NamedTuple):
    """What became of one checkpoint."""

    row: str
    architecture: str
    view: str
    engine: str
    tokens: int
    error: str | None

    @property
    def agrees(self) -> bool:
        """Whether the view said so, and the engine did not stop for another reason."""
        if self.engine == NOT_RUN:
            return True
        return self.view == self.engine and (self.engine != "stop" or self.tokens == len(ANSWER))


def verdict(view: EngineView) -> str:
    """What a view says becomes of the tiny model's answer."""
    if not view.answers:
        return "error"
    return "stop" if USER in view.stop_token_ids else "length"


def generated(engine: str, python: Path, architectures: Sequence[str]) -> tuple[JsonObject, list[Answer]]:
    """What the engine says of itself, and its answers, row by row."""
    cases = [(row, architecture) for row in ROWS for architecture in architectures]
    with tempfile.TemporaryDirectory(prefix="tiny-") as place:
        folders = [Path(place, architecture, row) for row, architecture in cases]
        for folder, (row, architecture) in zip(folders, cases, strict=True):
            write(folder, row, architecture)
        about, told = ask_script(GENERATORS[engine].script, python, folders)
        version = str(about["version"])
        answers = [
            Answer(
                row, architecture, verdict(view_of(engine, Model(LocalFolder(folder)), version)), *_told(line)
            )
            for (row, architecture), folder, line in zip(cases, folders, told, strict=True)
        ]
    return about, answers


def view_of(engine: str, model: Model, version: str) -> EngineView:
    """The view for the version that answered, where its name is one."""
    try:
        return engine_view(engine, model, version)
    except ValueError:
        return engine_view(engine, model)


def _told(line: JsonObject) -> tuple[str, int, str | None]:
    tokens, error = line["tokens"], line["error"]
    return (
        str(line["verdict"]),
        tokens if isinstance(tokens, int) else 0,
        error if isinstance(error, str) else None,
    )


def _table(architectures: Sequence[str], answers: Sequence[Answer]) -> Iterator[str]:
    yield "   " + "".join(f"{name:<18}" for name in architectures)
    for row in ROWS:
        cells = [answer for answer in answers if answer.row == row]
        shown = (
            f"{answer.engine} {answer.tokens}" + ("" if answer.agrees else f" (view: {answer.view})")
            for answer in cells
        )
        yield f"{row:<3}" + "".join(f"{cell:<18}" for cell in shown)
        for error in dict.fromkeys(answer.error for answer in cells if answer.error):
            yield f"     {error}"


def _record(engine: str, about: JsonObject, answers: Sequence[Answer]) -> None:
    rows: dict[str, JsonValue] = {}
    for row in ROWS:
        rows[row] = {answer.architecture: answer.engine for answer in answers if answer.row == row}
    errors = {answer.row: answer.error for answer in answers if answer.error}
    given = [answer for answer in answers if answer.engine != NOT_RUN]
    result = {
        "engine": engine,
        "version": about["version"],
        "libraries": about.get("libraries", {}),
        "view": all_engines()[engine].version,
        "date": datetime.now(UTC).date().isoformat(),
        "answers": len(given),
        "agree": sum(answer.agrees for answer in given),
        "rows": rows,
        "errors": errors,
    }
    (HERE / "results").mkdir(exist_ok=True)
    text = json.dumps(result, indent=2) + "\n"
    (HERE / "results" / f"matrix-{engine}.json").write_text(text, "utf-8")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.conformance.matrix", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("engine", choices=GENERATORS)
    parser.add_argument("--python", type=Path, help="an interpreter that has the engine")
    parser.add_argument(
        "--architecture", choices=ARCHITECTURES, action="append", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--record", action="store_true", help="write dev/conformance/results/matrix-ENGINE.json"
    )
    arguments = parser.parse_args()
    engine: str = arguments.engine
    architectures = arguments.architecture or GENERATORS[engine].architectures
    about, answers = generated(engine, arguments.python or interpreter(engine), architectures)
    print("\n".join(_table(architectures, answers)))
    wrong = [answer for answer in answers if not answer.agrees]
    print(f"{engine} {about['version']}: {len(answers)} answers, {len(wrong)} not as the view says")
    if arguments.record:
        _record(engine, about, answers)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
