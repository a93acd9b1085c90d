"""What the project's settings add to the command line. What the user typed wins."""

import os
from pathlib import Path
from typing import NamedTuple

from genfix.api.settings import Settings, find_settings, read_settings
from genfix.cli.options import Case, Level
from genfix.cli.output import Output
from genfix.errors import InputError


class Source(NamedTuple):
    """Where the settings come from."""

    config: Path | None = None
    isolated: bool = False


def settings_of(source: Source, target: str, base: str | None, out: Output) -> Settings:
    """The settings that hold for ``target``. Raises `InputError` where they are not as they should be."""
    if source.isolated:
        if source.config is not None:
            raise InputError("--config and --isolated exclude each other", "leave one of them out")
        return Settings()
    if source.config is not None:
        found = read_settings(source.config)
    else:
        folders = [target, *([base] if base is not None and os.path.isdir(base) else [])]  # noqa: PTH112
        try:
            found = find_settings(Path.cwd(), folders=folders)
        except FileNotFoundError:  # the working directory was removed
            return Settings()
    out.notes(found.notes)
    return found.of(target)


def settle(
    case: Case, source: Source, out: Output, *, fail_on: Level | None = None, unsafe_fixes: bool | None = None
) -> tuple[Case, Level, bool]:
    """The case with what the settings add, from which severity on it fails, and whether unsafe fixes are wanted.

    ``--select`` takes the place of both lists of the settings, ``--ignore`` adds to theirs.
    """
    found = settings_of(source, case.target, case.base, out)
    settled = case._replace(
        base=found.base if case.base is None else case.base,
        select=case.select or [*found.select],
        ignore=case.ignore if case.select else [*found.ignore, *case.ignore],
        offline=case.offline or bool(found.offline),
        baseline=found.baseline if case.baseline is None else case.baseline,
    )
    level = fail_on or (Level(found.fail_on.value) if found.fail_on is not None else Level.ERROR)
    unsafe = bool(found.unsafe_fixes) if unsafe_fixes is None else unsafe_fixes
    if settled.write_baseline is not None and settled.baseline is not None and not settled.baseline.exists():
        settled = settled._replace(
            baseline=None
        )  # it is the one that is to be written, or there was none yet
    return settled, level, unsafe
