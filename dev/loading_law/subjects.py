"""What the law is proven on: model types, published config sets and real merges, each as cases."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dev.corpora import writable_copy
from dev.loading_law.damages import DAMAGES, damaged
from dev.loading_law.files import Files, read_folder
from dev.loading_law.laws import fails
from dev.loading_law.reader import Reader, ReaderError

__all__ = ["Case", "Excluded", "Kind", "Subject", "cases"]


class Kind:
    """The three sorts of subjects."""

    TYPE = "model types"
    PUBLISHED = "published config sets"
    MERGE = "merges"


class Subject(NamedTuple):
    """One of what the law is proven on."""

    kind: str
    name: str
    """A model type, or the name of a folder."""
    place: Path | None = None
    """The folder of a set or a merge."""
    damages: int = len(DAMAGES)
    """How many of the damages, at most."""


class Case(NamedTuple):
    """A folder to repair."""

    name: str
    merged: Files
    base: Files
    healthy: Sequence[Files]
    """What else tells the truth: the folder without the damage, and in the other releases' spelling."""
    alike: Sequence[Files] = ()
    """Other spellings with the same damage: what a repair of something else leaves of the damage."""


class Excluded(Exception):  # noqa: N818 - it is no error
    """Why a subject gives no cases."""


def cases(subject: Subject, readers: Sequence[Reader], work: Path) -> Iterator[Case]:
    """The cases of a subject, below ``work``. Raises `Excluded`."""
    if subject.kind == Kind.TYPE:
        return _type_cases(subject, readers, work)
    if subject.place is None:
        raise Excluded("no folder")
    copy = writable_copy(subject.place, work / "copy")  # on the disk the readers' folders are on
    if subject.kind == Kind.PUBLISHED:
        return _published_cases(subject, copy, readers, work)
    return _merge_cases(subject, copy)


def _weights(files: Files) -> dict[str, bytes | Path]:
    return {name: content for name, content in files.items() if isinstance(content, Path)}


def _type_cases(subject: Subject, readers: Sequence[Reader], work: Path) -> Iterator[Case]:
    raw = work / "raw"
    raw.mkdir()
    try:
        built = readers[0].ask("build", kind=subject.name, raw=raw)
    except ReaderError as error:
        raise Excluded(str(error)) from error
    weights = _weights(read_folder(raw))
    spelled: dict[str, Files] = {}
    for reader in readers:
        folder = work / f"spelled-{reader.name}"
        folder.mkdir()
        try:
            reader.ask("spell", built=built, raw=raw, folder=folder)
        except ReaderError:
            continue  # an older release does not have the type, or its class takes other options
        files = read_folder(folder) | weights
        if not fails(reader.load(files), "model"):  # else this release means other tensors by the options
            spelled[reader.name] = files
    if not spelled:
        raise Excluded("the release that built it does not load what it wrote")
    return _spelled_cases(subject, spelled)


def _spelled_cases(subject: Subject, spelled: Mapping[str, Files]) -> Iterator[Case]:
    """Every spelling against every spelling; damage to a folder saved by the newest, as a merge is."""
    healthy = list(spelled.values())
    for base in spelled:
        for merged in spelled:
            yield Case(f"saved by {merged}, base by {base}", spelled[merged], spelled[base], healthy)
    newest, oldest = next(iter(spelled)), list(spelled)[-1]
    for name, files in damaged(spelled[newest], subject.name, subject.damages).items():
        alike = [DAMAGES[name](each) for each in healthy]
        yield Case(f"{name}, saved by {newest}, base by {oldest}", files, spelled[oldest], healthy, alike)


def _published_cases(subject: Subject, copy: Path, readers: Sequence[Reader], work: Path) -> Iterator[Case]:
    if not (copy / "config.json").is_file():
        raise Excluded("no config.json")
    try:
        readers[0].ask("shrink", folder=copy)
    except ReaderError as error:
        raise Excluded(str(error)) from error
    published = read_folder(copy)
    weights = _weights(published)
    yield Case("itself", published, published, ())
    for reader in readers:
        again = work / f"again-{reader.name}"
        again.mkdir()
        reader.ask("resave", folder=copy, again=again)
        saved = read_folder(again) | weights
        yield Case(f"saved again by {reader.name}", saved, published, [saved])
    for name, files in damaged(published, subject.name, subject.damages).items():
        yield Case(name, files, published, ())
    saved = read_folder(work / f"again-{readers[0].name}") | weights
    for name, files in damaged(saved, subject.name, subject.damages).items():
        alike = [DAMAGES[name](published)]
        yield Case(f"{name}, saved again by {readers[0].name}", files, published, [saved], alike)


def _merge_cases(subject: Subject, copy: Path) -> Iterator[Case]:
    base, merged = read_folder(copy / "base"), read_folder(copy / "merged")
    yield Case("as the tool left it", merged, base, ())
    for name, files in damaged(merged, subject.name, subject.damages).items():
        yield Case(name, files, base, [merged])
