"""Settings that a project keeps: ``genfix.toml``, or ``[tool.genfix]`` of ``pyproject.toml``.

The nearest one above the directory the caller works in counts. One that lies in a model folder is never read:
a model comes from strangers, and their settings could switch off what would warn of it.
"""

import os
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from genfix.errors import InputError
from genfix.folder.kinds import FileKind, kind_of
from genfix.folder.user_file import read_user_file
from genfix.known_names import ENGINE_NAMES
from genfix.message import Message, text
from genfix.rules import Severity
from genfix.spelling import code_of, engine_advice, rule_advice

_LARGEST: Final = 1024 * 1024
_NOT_OF_A_MODEL: Final = frozenset({FileKind.OTHER, FileKind.CODE, FileKind.LICENCE})
_Table: TypeAlias = Mapping[str, object]


class Settings(NamedTuple):
    """What a settings file says; `None` and nothing where it does not."""

    path: Path | None = None
    """The file; `None`: there is none."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    base: str | None = None
    fail_on: Severity | None = None
    unsafe_fixes: bool | None = None
    offline: bool | None = None
    baseline: Path | None = None
    per_path: tuple[tuple[str, "Settings"], ...] = ()
    notes: tuple[Message, ...] = ()
    """What the caller should know about which file was read."""

    def of(self, target: str | os.PathLike[str]) -> "Settings":
        """The settings for one model folder: what ``per-path`` says of it on top, the later over the earlier.

        ``ignore`` is added to, all else is replaced.
        """
        found = self
        way = self._way_to(target) if self.per_path else ""
        for pattern, own in self.per_path:
            if fnmatchcase(way, pattern):
                found = found._replace(
                    select=own.select or found.select,
                    ignore=(*found.ignore, *own.ignore),
                    engines=own.engines or found.engines,
                    base=found.base if own.base is None else own.base,
                    fail_on=found.fail_on if own.fail_on is None else own.fail_on,
                    unsafe_fixes=found.unsafe_fixes if own.unsafe_fixes is None else own.unsafe_fixes,
                    offline=found.offline if own.offline is None else own.offline,
                    baseline=found.baseline if own.baseline is None else own.baseline,
                )
        return found

    def _way_to(self, target: str | os.PathLike[str]) -> str:
        """The folder as patterns name it: from the file's directory, whole where it is not below that."""
        if isinstance(target, str) and "://" in target:
            return target
        real = Path(os.path.realpath(target))
        root = Path(os.path.realpath(self.path.parent)) if self.path is not None else Path("/")
        return (real.relative_to(root) if real.is_relative_to(root) else real).as_posix()


def find_settings(start: Path, *, folders: Collection[str | os.PathLike[str]] = ()) -> Settings:
    """The settings nearest above ``start``, not from inside ``folders`` nor any other model folder.

    Raises `InputError` where they are not as they should be.
    """
    models = [Path(os.path.realpath(folder)) for folder in folders]
    users = {0, _owner(Path(start)), os.geteuid() if hasattr(os, "geteuid") else 0}
    above = (here := Path(os.path.realpath(start)), *here.parents)
    notes: list[Message] = []
    for depth, directory in enumerate(above):
        found = _in(directory)
        if found is None:
            continue
        path, table = found
        if any(directory.is_relative_to(model) for model in models) or any(
            map(_is_model_folder, above[depth:])
        ):
            notes.append(_left_out(path, text("it lies in a model folder")))
        elif _owner(path) not in users:
            notes.append(_left_out(path, text("it belongs to another user")))
        else:
            return _settings(table(), path, top=True)._replace(notes=tuple(notes))
    return Settings(notes=tuple(notes))


def read_settings(path: Path) -> Settings:
    """The settings in one file; a ``pyproject.toml`` must have ``[tool.genfix]``. Raises `InputError`."""
    document = _parsed(path, read_user_file(path, text("the settings"), _LARGEST))
    if path.name == "pyproject.toml":
        own = _own_table(document)
        if own is None:
            raise InputError("{path} has no table [tool.genfix]", "add it, or name another file", path=path)
        document = own
    return _settings(document, path, top=True)


def _in(directory: Path) -> tuple[Path, Callable[[], _Table]] | None:
    """The settings file of a directory, if it has one; it is parsed only where it is to be used."""
    own, project = directory / "genfix.toml", directory / "pyproject.toml"
    if os.path.isfile(own):  # noqa: PTH113 - false, and no error, where we may not look
        return own, lambda: _parsed(own, read_user_file(own, text("the settings"), _LARGEST))
    if os.path.isfile(project):  # noqa: PTH113
        try:
            content = read_user_file(project, text("the settings"), _LARGEST)
        except InputError:
            return None
        if b"genfix" in content:
            return _of_project(project, content)
    return None


def _of_project(path: Path, content: bytes) -> tuple[Path, Callable[[], _Table]] | None:
    table = _own_table(_parsed(path, content))
    return None if table is None else (path, lambda: table)


def _left_out(path: Path, why: Message) -> Message:
    return text("{path} is not read, since {why}; if it is yours, name it with --config", path=path, why=why)


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def _is_model_folder(directory: Path) -> bool:
    """Whether files of two kinds that only models have lie there: a config and a tokenizer, say."""
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return False
    return len({kind_of(name) for name in names} - _NOT_OF_A_MODEL) > 1


def _parsed(path: Path, content: bytes) -> _Table:
    import tomllib  # noqa: PLC0415 - most runs have no settings

    try:
        document: _Table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{path} is not valid TOML: {error}",
            "correct it, or go without it: --isolated",
            path=path,
            error=str(error),
        ) from error
    return document


def _own_table(document: _Table) -> _Table | None:
    tool = document.get("tool")
    own = tool.get("genfix") if isinstance(tool, dict) else None
    return own if isinstance(own, dict) else None


# -- what is in it ---------------------------------------------------------------------------------

_KEYS: Final = (
    "select",
    "ignore",
    "engines",
    "base",
    "fail-on",
    "unsafe-fixes",
    "offline",
    "baseline",
    "per-path",
)


def _settings(table: _Table, path: Path, *, top: bool, where: str = "") -> Settings:
    for key in table:
        if key not in (_KEYS if top else _KEYS[:-1]):
            raise _wrong(
                path, where + key, text("there is no such setting"), text("there are {keys}", keys=[*_KEYS])
            )
    reader = _Reader(table, path, where)
    fail_on, baseline = reader.string("fail-on"), reader.string("baseline")
    if fail_on is not None and fail_on not in set(Severity):
        raise _wrong(
            path,
            f"{where}fail-on",
            text("'{fail_on}' is no severity", fail_on=fail_on),
            text("it is one of {severity}", severity=", ".join(Severity)),
        )
    return Settings(
        path=path,
        select=reader.codes("select"),
        ignore=reader.codes("ignore"),
        engines=reader.engines(),
        base=_base(reader.string("base"), path),
        fail_on=None if fail_on is None else Severity(fail_on),
        unsafe_fixes=reader.flag("unsafe-fixes"),
        offline=reader.flag("offline"),
        baseline=None if baseline is None else path.parent / baseline,
        per_path=tuple(
            (pattern, _settings(own, path, top=False, where=f'per-path."{pattern}".'))
            for pattern, own in reader.tables("per-path").items()
        ),
    )


def _base(text: str | None, path: Path) -> str | None:
    """A base is a folder seen from the file's directory where it starts with a dot."""
    return str(path.parent / text) if text is not None and text.startswith(".") else text


class _Reader(NamedTuple):
    """The values of one table, each of the type it should have."""

    table: _Table
    path: Path
    where: str

    def string(self, key: str) -> str | None:
        value = self.table.get(key)
        if value is not None and (not isinstance(value, str) or not value or "\0" in value):
            raise self._type(key, text("text"))
        return value

    def flag(self, key: str) -> bool | None:
        value = self.table.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._type(key, text("true or false"))
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._type(key, text("a list of texts"))
        return tuple(value)

    def codes(self, key: str) -> tuple[str, ...]:
        for code in (codes := self.texts(key)):
            if code_of(code) is None:
                what = text("there is no rule '{code}'", code=code)
                raise _wrong(self.path, self.where + key, what, rule_advice(code))
        return codes

    def engines(self) -> tuple[str, ...]:
        names = self.texts("engines")
        for name in names:
            if name.partition("@")[0] not in ENGINE_NAMES:
                what = text("there is no view of '{name}'", name=name)
                raise _wrong(self.path, f"{self.where}engines", what, engine_advice(name))
        return names

    def tables(self, key: str) -> Mapping[str, _Table]:
        value = self.table.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(own, dict) for own in value.values()):
            raise self._type(key, text("a table of tables"))
        return value

    def _type(self, key: str, wanted: Message) -> InputError:
        return _wrong(
            self.path,
            self.where + key,
            text("it must be {wanted}", wanted=wanted),
            text("see docs/configuration.md"),
        )


def _wrong(path: Path, key: str, what: Message, hint: Message) -> InputError:
    return InputError("{path}: {key}: {what}", hint, path=path, key=key, what=what)
