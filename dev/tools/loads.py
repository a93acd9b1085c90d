"""Loads real merges before and after a repair, so that "repaired" means what the libraries that read them
say.

``python -m dev.tools.loads CORPUS --reader v4=/venv4/bin/python --reader v5=/venv5/bin/python`` repairs a
copy of each merged folder of CORPUS (``<tool>@<version>/<model>/{base,merged}``), loads base, merged and both
repaired folders with the transformers of each interpreter (dev/tools/load_folders.py) and writes
tests/golden/loads.md. With ``--check`` it writes nothing and prints the difference. It exits with 1 where one
of these laws is broken or a check differs:

- nothing that loads from the merged folder fails after the repair;
- what loads from the base with transformers 5 or later loads from the repaired folder;
- what was the same as the base's before the repair is so afterwards.
"""

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from genfix.api.changing import repair
from genfix.errors import GenfixError

ROOT: Final = Path(__file__).resolve().parents[2]

if TYPE_CHECKING:
    from dev.tools.load_folders import Job, Loaded, Result

__all__ = ["GOLDEN", "Case", "broken_laws", "changed", "main", "page", "still_open"]

GOLDEN: Final = ROOT / "tests" / "golden" / "loads.md"
CHILD: Final = Path(__file__).with_name("load_folders.py")
STAGES: Final = ("base", "merged", "safe", "unsafe")
REPAIRED: Final = ("safe", "unsafe")
COLUMNS: Final = {
    "rope": ("rope",),
    "stop ids": ("eos",),
    "sampling": ("sampling",),
    "token ids": ("ids", "chat ids", "eos token"),
    "settings": ("settings",),
    "template": ("template",),
    "image": ("image",),
}
"""What is compared with the base: the facts behind each column."""
INTRODUCTION: Final = (
    "Each folder is loaded with each reader: config, tokenizer, chat template, generation config, "
    "processor and, with torch, the weights, which then read forty tokens. "
    "The columns after the first say whether what was loaded is the same as from the base; "
    '"answer", whether all readers get the same numbers from the same weights.'
)
ANSWER: Final = "answer"
CLOSE: Final = 1e-3
"""How far two libraries may be apart on the same weights, as a share of the largest number."""
MODERN: Final = 5
"""From this transformers on, a repaired folder has to load as the base does."""


class Case(NamedTuple):
    """One merge, loaded by one reader."""

    name: str
    reader: str
    version: str
    stages: "Mapping[str, Loaded]"

    def fails(self, stage: str) -> frozenset[str]:
        """The parts that do not load; a tokenizer that does not load renders nothing either."""
        errors = frozenset(self.stages[stage]["errors"])
        return errors | {"template"} if "tokenizer" in errors else errors

    def same(self, stage: str, column: str) -> bool | None:
        """Whether the column's facts equal the base's; `None` where one of the two has none."""
        ours = _facts(self.stages[stage], column)
        base = _facts(self.stages["base"], column)
        return ours == base if ours is not None and base is not None else None


def _facts(loaded: "Loaded", column: str) -> list[object] | None:
    found = [loaded["facts"].get(name) for name in COLUMNS[column]]
    return None if found[0] is None else found


# -- the laws ------------------------------------------------------------------------------------------------


def broken_laws(cases: Iterable[Case]) -> Iterator[str]:
    """A sentence for each law that a repair breaks."""
    for case in cases:
        modern = int(case.version.split()[1].split(".")[0]) >= MODERN
        for stage in REPAIRED:
            fails, where = case.fails(stage), f"{case.name}, {case.reader}, {stage}"
            for part in sorted(fails - case.fails("merged")):
                yield f"{where}: {part} loaded before the repair and fails after it."
            for part in sorted(fails - case.fails("base")) if modern else ():
                yield f"{where}: {part} loads from the base and fails after the repair."
            for column in COLUMNS:
                if case.same("merged", column) and not case.same(stage, column):
                    yield f"{where}: {column} equalled the base's before the repair and not after it."


def changed(cases: Iterable[Case]) -> Iterator[str]:
    """What a safe repair makes other than it was where the merged folder loaded as well."""
    for case in cases:
        merged, safe = case.stages["merged"], case.stages["safe"]
        for column in COLUMNS:
            before, after = _facts(merged, column), _facts(safe, column)
            if before is not None and before != after:
                now = "now the base's" if case.same("safe", column) else "still not the base's"
                yield f"{case.name}, {case.reader}: {column} ({_difference(case, 'merged', column)}), {now}."
        answers = [loaded["facts"].get(ANSWER) for loaded in (merged, safe)]
        if None not in answers and not _close(*answers):
            yield f"{case.name}, {case.reader}: the weights give another answer."


def still_open(cases: list[Case]) -> Iterator[str]:
    """What a safe repair leaves worse than the base, or other than the base's; not all of it is a fault."""
    for case in cases:
        fails, where = case.fails("safe") - case.fails("base"), f"{case.name}, {case.reader}"
        for part in sorted(fails):
            yield f"{where}: {part} fails, from the base it loads."
        for column in COLUMNS:
            if case.same("safe", column) is False:
                yield f"{where}: {column} is not the base's ({_difference(case, 'safe', column)})."
        others = _others(case, cases)
        if _answer(case, others, "base") == "same" and (now := _answer(case, others, "safe")).startswith(
            "not"
        ):
            yield f"{where}: all readers get the same answer from the base, here it is {now}."


# -- the page ------------------------------------------------------------------------------------------------


def page(cases: list[Case], repairs: Mapping[str, str]) -> str:
    """The whole page; ``repairs`` says by case what was written."""
    versions = {case.reader: case.version for case in cases}
    parts = [
        "<!-- Written by dev/tools/loads.py. Review a change of this file line by line. -->",
        "# What loads before and after a repair",
        INTRODUCTION,
        "\n".join(f"- {reader}: {version}" for reader, version in versions.items()),
        _counts(cases),
        "## Broken laws\n\n" + _list(broken_laws(cases)),
        "## Other than from the base after a safe repair\n\n" + _list(still_open(cases)),
        "## Changed by a safe repair where the merged folder loads\n\n" + _list(changed(cases)),
    ]
    for name, written in repairs.items():
        parts += [f"## {name}", written]
        parts += [_table(case, cases) for case in cases if case.name == name]
    return "\n\n".join(parts) + "\n"


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences) or "None."


def _counts(cases: list[Case]) -> str:
    lines = ["| all parts load | " + " | ".join(STAGES) + " |", "| --- |" + " --- |" * len(STAGES)]
    for reader in dict.fromkeys(case.reader for case in cases):
        own = [case for case in cases if case.reader == reader]
        counts = (f"{sum(not case.fails(stage) for case in own)} of {len(own)}" for stage in STAGES)
        lines.append(f"| {reader} | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def _table(case: Case, cases: list[Case]) -> str:
    others = _others(case, cases)
    lines = [
        f"| {case.reader} | loads | " + " | ".join(COLUMNS) + f" | {ANSWER} |",
        "| --- | --- |" + " --- |" * (len(COLUMNS) + 1),
    ]
    for stage in STAGES:
        flags = [_flag(case, stage, column) for column in COLUMNS]
        cells = [stage, _loads(case.stages[stage]), *flags, _answer(case, others, stage)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _loads(loaded: "Loaded") -> str:
    return "; ".join(f"{part}: {_short(text)}" for part, text in loaded["errors"].items()) or "ok"


def _flag(case: Case, stage: str, column: str) -> str:
    same = case.same(stage, column)
    if same is None or stage == "base":
        return "-"
    return "same" if same else _difference(case, stage, column)


def _difference(case: Case, stage: str, column: str) -> str:
    """What differs, where that is short to say."""
    for name in COLUMNS[column]:
        base, ours = (case.stages[which]["facts"].get(name) for which in ("base", stage))
        if ours == base:
            continue
        if isinstance(base, dict) and isinstance(ours, dict):
            return "other " + ", ".join(key for key in {**base, **ours} if base.get(key) != ours.get(key))
        text = json.dumps(ours)
        return f"{name} {text}" if len(text) <= 40 else f"other {name}"
    return "same"


def _others(case: Case, cases: list[Case]) -> list[Case]:
    """The same merge in the other readers."""
    return [other for other in cases if other.name == case.name and other.reader != case.reader]


def _answer(case: Case, others: list[Case], stage: str) -> str:
    ours = case.stages[stage]["facts"].get(ANSWER)
    known = {other.reader: other.stages[stage]["facts"].get(ANSWER) for other in others}
    told = {reader: answer for reader, answer in known.items() if answer is not None}
    if ours is None or not told:
        return "-"
    apart = [reader for reader, answer in told.items() if not _close(ours, answer)]
    return f"not as {', '.join(apart)}" if apart else "same"


def _close(one: object, other: object) -> bool:
    if not (isinstance(one, list) and isinstance(other, list)) or len(one) != len(other):
        return False
    largest = max((abs(value) for value in one), default=0)
    return all(abs(a - b) <= CLOSE * largest for a, b in zip(one, other, strict=True))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return (text if len(text) <= 100 else text[:99] + "…").replace("|", "\\|")


# -- the run -------------------------------------------------------------------------------------------------


def _prepare(corpus: Path, work: Path) -> "tuple[list[Job], dict[str, str]]":
    """Base, merged and both repaired folders of each case, each by itself; and what a repair wrote."""
    jobs: list[Job] = []
    repairs: dict[str, str] = {}
    for merged in sorted(corpus.glob("*@*/*/merged")):
        name, base = merged.parent.relative_to(corpus).as_posix(), merged.parent / "base"
        code = any(
            b'"auto_map"' in path.read_bytes()
            for side in (base, merged)
            for path in side.glob("*config.json")
        )
        processor = any(
            (base / file).is_file() for file in ("preprocessor_config.json", "processor_config.json")
        )
        said: list[str] = []
        for stage in STAGES:
            # Readers cache a folder's code by the folder's name, so each has a name of its own.
            folder = work / re.sub(r"\W", "_", f"{name}_{stage}")
            _copy(base if stage == "base" else merged, folder)
            if stage in REPAIRED:
                said.append(
                    f"{stage.capitalize()} fixes: {_repair(folder, base, work, unsafe=stage == 'unsafe')}."
                )
            jobs.append(
                {"name": f"{name} {stage}", "path": str(folder), "code": code, "processor": processor}
            )
        repairs[name] = " ".join(said)
    return jobs, repairs


def _copy(source: Path, target: Path) -> None:
    """A copy that may be written to, whatever the original's modes are."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _repair(folder: Path, base: Path, work: Path, *, unsafe: bool) -> str:
    try:
        done = repair(folder, base, unsafe_fixes=unsafe, state_dir=work / "state")
    except GenfixError as error:
        return f"refused ({_short(error.message.replace(str(folder), folder.name))})"
    changes = (f"{change.name} ({', '.join(change.codes)})" for change in done.plan.changes)
    return ", ".join(changes) or "nothing"


def _read(python: str, jobs: "list[Job]", work: Path) -> "Result":
    """What the reader makes of all folders, in one process without network."""
    asked, answer = work / "jobs.json", work / "result.json"
    asked.write_text(json.dumps(jobs), encoding="utf-8")
    home = Path(tempfile.mkdtemp(dir=work))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "PYTHON", "TRANSFORMERS_"))
    }
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home),
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
    }
    run = subprocess.run(
        [python, str(CHILD), str(asked), str(answer)],
        env={**kept, **offline},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{python} did not get to the end:\n{run.stderr[-2000:]}")
    result: Result = json.loads(answer.read_text("utf-8"))
    return result


def _cases(results: "Mapping[str, Result]", names: Iterable[str]) -> list[Case]:
    return [
        Case(
            name, reader, result["version"], {stage: result["folders"][f"{name} {stage}"] for stage in STAGES}
        )
        for name in names
        for reader, result in results.items()
    ]


def main() -> int:
    """Write, or check; the exit code."""
    parser = argparse.ArgumentParser(description="Load real merges before and after a repair.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument(
        "--reader",
        action="append",
        required=True,
        metavar="NAME=PYTHON",
        help="an interpreter with transformers",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; print what changed")
    arguments = parser.parse_args()
    readers = dict(reader.split("=", 1) for reader in arguments.reader)
    with tempfile.TemporaryDirectory(prefix="loads-") as temporary:
        work = Path(temporary)
        jobs, repairs = _prepare(arguments.corpus, work)
        cases = _cases({name: _read(python, jobs, work) for name, python in readers.items()}, repairs)
    text, broken = page(cases, repairs), list(broken_laws(cases))
    sys.stdout.writelines(f"{sentence}\n" for sentence in broken)
    if arguments.check:
        old = GOLDEN.read_text("utf-8") if GOLDEN.is_file() else ""
        lines = list(
            difflib.unified_diff(
                old.splitlines(keepends=True), text.splitlines(keepends=True), "committed", "now"
            )
        )
        sys.stdout.writelines(lines)
        return 1 if lines or broken else 0
    GOLDEN.write_text(text, encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
