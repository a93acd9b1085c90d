"""The commands over a zoo: sweep, and the report of its store."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from genfix.api.opening import selection
from genfix.cli.bar import progress_bar
from genfix.cli.options import Level
from genfix.cli.output import Output
from genfix.cli.sweep_options import StoreShape
from genfix.errors import InputError
from genfix.folder.user_file import read_user_file
from genfix.message import Message, join, text
from genfix.resolver import existing_folder, is_address
from genfix.zoo.judgement import Answer, Setup
from genfix.zoo.model_folders import folders_below
from genfix.zoo.store_report import SweepReport, sweep_report
from genfix.zoo.sweeping import Swept, sweep

_MOST_LIST = 256 * 1024 * 1024
_MOST_FAILURES = 3
"""Reasons why folders could not be judged that are named."""


def run_sweep(
    roots: Sequence[str],
    from_file: Path | None,
    store: Path,
    setup: Setup,
    pool: tuple[str, int | None],
    fail_on: Level | None,
    out: Output,
    *,
    again: bool,
) -> int:
    """Judge all folders, and say how many were what."""
    from genfix.applier import check_report_place  # noqa: PLC0415 - before hours of work

    check_report_place(store)
    selection(setup.case("."))
    places = [*roots] or ([os.curdir] if from_file is None else [])
    for place in places:
        if not is_address(place):
            existing_folder(place)
    places = _expanded(places, setup)
    notes: list[Message] = []
    listed = _listed(from_file) if from_file is not None else []
    executor, jobs = pool
    with progress_bar(None, quiet=out.quiet, label="sweep") as bar:

        def told(answer: Answer) -> None:
            bar.step(answer.task.path)

        done = sweep(
            _paths(places, listed, notes), store, setup, executor=executor, jobs=jobs, again=again, told=told
        )
    out.notes(notes)
    _say(done, store, out)
    return _code(done, fail_on)


def _paths(places: Sequence[str], listed: Sequence[str], notes: list[Message]) -> Iterator[str]:
    for place in places:
        if is_address(place):
            yield place
        else:
            yield from folders_below(place, notes.append)
    yield from listed


def _expanded(places: Sequence[str], setup: Setup) -> list[str]:
    """``places`` with the models of an organization in its place. Raises `GenfixError` where nobody tells."""
    found: list[str] = []
    for place in places:
        if not is_address(place):
            found.append(place)
            continue
        from genfix.resolver.organizations import models_of  # noqa: PLC0415 - few sweep the Hub

        found += models_of(place, offline=setup.of(place).offline)
    return found


def _listed(path: Path) -> list[str]:
    """The lines of a list, without empty ones and those that begin with ``#``."""
    if str(path) == "-":
        content = sys.stdin.buffer.read(_MOST_LIST)
    else:
        content = read_user_file(path, text("the list"), _MOST_LIST)
    lines = [line.strip() for line in content.decode("utf-8", "surrogateescape").splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise InputError(
            "{path} lists no folder", "write a folder, or hf://org/name, in each line", path=path
        )
    return found


def _say(done: Swept, store: Path, out: Output) -> None:
    parts = (
        text("{count} folder judged", "{count} folders judged", count=done.judged),
        text("{count} not changed since", count=done.unchanged),
        text("{count} repaired", count=done.repaired),
        text("{count} with errors", count=done.errors),
        text("{count} with warnings only", count=done.warnings),
        text("{count} could not be judged or repaired", count=done.failed),
    )
    said = tuple(part for number, part in enumerate(parts) if number == 0 or part.args["count"])
    out.tell(join(said), "bold")
    for failure in done.failures[:_MOST_FAILURES]:
        out.tell(
            text(
                "not judged or repaired: {path}: {why}",
                "not judged or repaired: {count} folders, {path} for one: {why}",
                count=failure.folders,
                path=failure.path,
                why=failure.why,
            )
        )
    if (more := len(done.failures) - _MOST_FAILURES) > 0:
        out.tell(text("and {count} reason more", "and {count} reasons more", count=more))
    out.tell(text("what was found: {command}", command=f"genfix sweep report {store}"))


def _code(done: Swept, fail_on: Level | None) -> int:
    if done.failed:
        return 2
    if done.errors:
        return 1
    return 1 if fail_on in {Level.WARNING, Level.INFO} and done.warnings else 0


def run_report(store: Path, most: int, out: Output, parquet: Path | None) -> int:
    """Say what a store holds."""
    if out.output_format == StoreShape.PARQUET:
        return _export(store, parquet, out)
    found = sweep_report(store, most=most)
    if out.wants_json:
        from genfix.report.json import dumps  # noqa: PLC0415 - only where it is asked for
        from genfix.report.sweep_text import sweep_json  # noqa: PLC0415

        out.report(dumps(sweep_json(found)))
    elif out.wants_html:
        from genfix.report.html.sweep_page import sweep_page  # noqa: PLC0415

        out.report(sweep_page(found, out.aside.language))
    else:
        from genfix.report.sweep_text import sweep_text  # noqa: PLC0415

        out.report(sweep_text(found, out.style))
    if out.file is not None:
        _say_verdict(found, out)
    return 0


def _export(store: Path, path: Path | None, out: Output) -> int:
    from genfix.applier import write_report  # noqa: PLC0415 - only where it is asked for
    from genfix.zoo.parquet import parquet_of  # noqa: PLC0415

    if path is None:
        raise InputError("Parquet goes to a file", "name it: -o results.parquet")
    write_report(path, parquet_of(store))
    _say_verdict(sweep_report(store, most=0), out)
    out.say(out.aside.text("wrote {path}", path=path))
    return 0


def _say_verdict(found: SweepReport, out: Output) -> None:
    """What a file has, in a sentence for those who wait for it."""
    from genfix.report.sweep_text import sweep_verdict  # noqa: PLC0415 - only where there is a file

    out.tell(sweep_verdict(found), "bold")
