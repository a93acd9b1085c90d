"""What the project's settings add to the command line. What the user typed wins."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.api.settings import Settings, find_settings, read_settings
from genfix.cli.options import Judged, Level, SettingsFrom, codes
from genfix.cli.output import Output
from genfix.errors import InputError
from genfix.message import text
from genfix.resolver.case import Case

if TYPE_CHECKING:
    from genfix.zoo.model_folders import Named


def named_in(words: list[str] | None, command: str) -> "str | Named":
    """The folder that a command is about, by its name or as the one the user stands in; or several folders.

    Raises `InputError` where there is none.
    """
    if words is not None and len(words) == 1 and _is_plain(words[0]):
        return words[0]
    from genfix.zoo.model_folders import is_model_folder, named_folders  # noqa: PLC0415 - one folder does without

    if not words and is_model_folder(_names_here()):
        return os.curdir
    if not words:
        raise InputError(
            text("Missing argument '{name}'", name="DIR"),
            "see `{command}`",
            command=f"genfix {command} --help",
        )
    return named_folders(words)


def _is_plain(word: str) -> bool:
    """Whether a word is an address or a folder with a config: nothing that stands for several."""
    return "://" in word or os.path.isfile(os.path.join(word, "config.json"))  # noqa: PTH113, PTH118


def _names_here() -> list[str]:
    try:
        return os.listdir()  # noqa: PTH208 - names are all that is wanted
    except OSError:  # the working directory was removed
        return []


def settings_of(source: SettingsFrom, target: str, base: str | None, out: Output) -> Settings:
    """The settings that hold for ``target``. Raises `InputError` where they are not as they should be."""
    folders = [target, *([base] if base is not None and os.path.isdir(base) else [])]  # noqa: PTH112
    return settings_for_all(source, out, folders).of(target)


def settings_for_all(source: SettingsFrom, out: Output, models: Sequence[str] = ()) -> Settings:
    """The settings with what they say of single paths; never from inside ``models``. Raises `InputError`."""
    if source.isolated:
        if source.config is not None:
            raise InputError("--config and --isolated exclude each other", "leave one of them out")
        return Settings()
    if source.config is not None:
        found = read_settings(source.config)
    else:
        try:
            found = find_settings(Path.cwd(), folders=models)
        except FileNotFoundError:  # the working directory was removed
            return Settings()
    out.notes(found.notes)
    return found


def settle(
    target: str,
    judged: Judged,
    source: SettingsFrom,
    out: Output,
    *,
    fail_on: Level | None = None,
    unsafe_fixes: bool | None = None,
    made: str | Path | None = None,
) -> tuple[Case, Level]:
    """The case with what the settings add, and from which severity on it fails.

    ``--select`` takes the place of both lists of the settings, ``--ignore`` adds to theirs. ``made`` is what
    the command writes beside report and baseline. Raises `InputError` where two of them have one place.
    """
    found = settings_of(source, target, judged.base, out)
    select, ignore = codes(judged.select), codes(judged.ignore)
    baseline = found.baseline if judged.baseline is None else judged.baseline
    report = out.file.path if out.file is not None else None
    _check_places(judged.write_baseline, report, made)
    _check_places(baseline, found.path, report, made)  # a baseline may be written anew
    if judged.write_baseline is not None and baseline is not None and not baseline.exists():
        baseline = None  # it is the one that is to be written, or there was none yet
    if judged.write_baseline is not None:
        # Before anything is changed, or merged for hours.
        from genfix.applier import check_report_place  # noqa: PLC0415 - only where one is wanted

        check_report_place(judged.write_baseline, state_dir=judged.state_dir, outside=Path(target))
    case = Case(
        target=target,
        base=found.base if judged.base is None else judged.base,
        adapter=judged.adapter,
        select=select or found.select,
        ignore=ignore if select else (*found.ignore, *ignore),
        engines=codes(judged.engine) or found.engines,
        unsafe_fixes=bool(found.unsafe_fixes) if unsafe_fixes is None else unsafe_fixes,
        offline=judged.offline or bool(found.offline),
        allow_base_mismatch=judged.allow_base_mismatch,
        baseline=baseline,
        state_dir=judged.state_dir,
        progress=out.progress,
    )
    return case, fail_on or (Level(found.fail_on.value) if found.fail_on is not None else Level.ERROR)


def _check_places(*places: str | Path | None) -> None:
    """Raise where one place is named twice: what is written later would take what is there."""
    real = [os.path.realpath(place) for place in places if place is not None]
    twice = next((place for place in real if real.count(place) > 1), None)
    if twice is not None:
        raise InputError(
            "{path} is named for two things", "name another file for one of them", path=os.path.relpath(twice)
        )
