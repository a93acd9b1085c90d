"""The results of sweeps: one SQLite file to which rows are added, and none is ever changed.

Its tables are described in docs/sweep.md. What was committed is there after a kill or a power cut; what was
not is not, and its folder is judged again.
"""

import json
import os
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from genfix.errors import InputError, RefusedError, StorageError
from genfix.json_types import JsonValue
from genfix.version import __version__
from genfix.zoo.judgement import Found, Judgement, Setup

_APPLICATION: Final = 0x67667830
"""``gfx0``: SQLite's id for files of a program (``PRAGMA application_id``)."""
_VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  started TEXT NOT NULL,
  version TEXT NOT NULL,
  options TEXT NOT NULL
);
CREATE TABLE results (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs,
  path TEXT NOT NULL,
  inputs TEXT NOT NULL,
  state TEXT NOT NULL,
  worst TEXT NOT NULL,
  errors INTEGER NOT NULL,
  warnings INTEGER NOT NULL,
  infos INTEGER NOT NULL,
  base TEXT NOT NULL,
  named_base TEXT NOT NULL,
  made_by TEXT NOT NULL,
  model_type TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  message TEXT NOT NULL,
  hint TEXT NOT NULL,
  seconds REAL NOT NULL
);
CREATE INDEX results_by_path ON results (path, id);
CREATE TABLE findings (
  result INTEGER NOT NULL REFERENCES results,
  place INTEGER NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  severity TEXT NOT NULL,
  harm TEXT NOT NULL,
  file TEXT NOT NULL,
  pointer TEXT,
  message TEXT NOT NULL,
  fix TEXT NOT NULL,
  PRIMARY KEY (result, place)
) WITHOUT ROWID;
CREATE VIEW latest AS
  SELECT * FROM results AS r WHERE id = (SELECT max(id) FROM results WHERE path = r.path);
"""


class Count(NamedTuple):
    """So many folders of one kind are that bad."""

    label: str
    worst: str
    folders: int


class Store:
    """An open store, for one thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._run = 0

    def begin(self, setup: Setup, started: str) -> None:
        """Begin a run; what is added belongs to it."""
        options: dict[str, JsonValue] = {
            "base": setup.base,
            "repair": setup.repair,
            "select": [*setup.select],
            "ignore": [*setup.ignore],
            "engines": [*setup.engines],
            "offline": setup.offline,
        }
        with _said(self.path), self._connection:
            cursor = self._connection.execute(
                "INSERT INTO runs (started, version, options) VALUES (?, ?, ?)",
                (started, __version__, json.dumps(options)),
            )
            self._run = cursor.lastrowid or 0

    def newest(self, path: str) -> Judgement | None:
        """The newest judgement of a folder, without findings; `None` where there is none."""
        found = [*self._rows(_NEWEST, _text(path))]
        return _judgement(found[0]) if found else None

    def everything(self) -> Iterator[tuple[Judgement, tuple[Found, ...]]]:
        """The newest judgement of every folder with all findings, in the order of paths."""
        for row in self._rows(_ALL):
            found = self._rows(_FINDINGS, str(row[-1]))
            yield _judgement(row[:-1]), tuple(map(_found, found))

    def add(self, judgements: Iterable[Judgement]) -> None:
        """Add judgements: all of them, or none."""
        with _said(self.path), self._connection:
            for one in judgements:
                cursor = self._connection.execute(_INSERT, (self._run, *map(_plain, one[:-1])))
                self._connection.executemany(
                    "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (cursor.lastrowid, place, *map(_plain, found))
                        for place, found in enumerate(one.findings)
                    ],
                )

    def latest(self) -> Generator[Judgement, None, None]:
        """The newest judgement of every folder, the worst first; of the findings only the first."""
        yield from map(_judgement, self._rows(_WORST_FIRST))

    def states(self) -> Iterator[tuple[str, str]]:
        """Every folder and how bad it is, in the order of paths."""
        for path, worst in self._rows(f"SELECT path, {_STATE} FROM latest ORDER BY path"):  # noqa: S608
            yield str(path), str(worst)

    def by_state(self) -> Sequence[Count]:
        """How bad all folders are."""
        return self._counts("''")

    def repaired(self) -> int:
        """How many folders a sweep has repaired."""
        rows = [*self._rows("SELECT count(DISTINCT path) FROM results WHERE state = 'repaired'")]
        return _int(rows[0][0])

    def by_base(self) -> Sequence[Count]:
        """How bad the folders of each base are: of the one they were judged against, or else name."""
        return self._counts("CASE WHEN base = '' THEN named_base ELSE base END")

    def by_maker(self) -> Sequence[Count]:
        """How bad the folders of each tool are."""
        return self._counts("made_by")

    def by_rule(self) -> Sequence[Count]:
        """Of how many folders each rule found something that asks for an answer; most first."""
        return self._counted(
            "SELECT code || ' ' || name, min(harm), count(DISTINCT result) FROM findings "
            "WHERE severity != 'info' AND result IN (SELECT id FROM latest) GROUP BY code ORDER BY 3 DESC, 1"
        )

    def _counts(self, label: str) -> Sequence[Count]:
        query = f"SELECT {label} AS label, {_STATE} AS bad, count(*) FROM latest GROUP BY 1, 2"  # noqa: S608
        return self._counted(query)

    def _counted(self, query: str) -> Sequence[Count]:
        return [Count(str(label), str(worst), _int(number)) for label, worst, number in self._rows(query)]

    def _rows(self, query: str, *values: str) -> Iterator[tuple[object, ...]]:
        with _said(self.path):
            yield from self._connection.execute(query, values)


_STATE: Final = "CASE WHEN state IN ('judged', 'repaired') THEN worst ELSE 'failed' END"
_INSERT: Final = "INSERT INTO results VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_JUDGEMENT: Final = """
SELECT l.path, l.inputs, l.state, l.worst, l.errors, l.warnings, l.infos, l.base, l.named_base, l.made_by,
  l.model_type, l.transaction_id, l.message, l.hint, l.seconds,
"""
_NO_FINDING: Final = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
_NEWEST: Final = f"{_JUDGEMENT} {_NO_FINDING} FROM results AS l WHERE path = ? ORDER BY id DESC LIMIT 1"
_ALL: Final = f"{_JUDGEMENT} {_NO_FINDING}, l.id FROM latest AS l ORDER BY l.path"
_FINDINGS: Final = """
SELECT code, name, severity, harm, file, pointer, message, fix FROM findings WHERE result = ? ORDER BY place
"""
_WORST_FIRST: Final = f"""
{_JUDGEMENT} f.code, f.name, f.severity, f.harm, f.file, f.pointer, f.message, f.fix
FROM latest AS l LEFT JOIN findings AS f ON f.result = l.id AND f.place = 0
ORDER BY CASE
  WHEN l.state IN ('quarantined', 'failed') THEN 1 WHEN l.state = 'refused' THEN 2
  WHEN l.worst = 'endless' THEN 3 WHEN l.worst = 'broken' THEN 4 WHEN l.worst = 'worse' THEN 5 ELSE 6 END,
  l.errors DESC, l.warnings DESC, l.path
"""


@contextmanager
def open_store(path: Path, *, to_write: bool) -> Iterator[Store]:
    """The store at ``path``; made where there is none and it is to be written to.

    Raises `InputError` where another file is there, `RefusedError` where another sweep is writing to it, and
    `StorageError` where the disk fails.
    """
    if not to_write and not path.is_file():
        raise InputError("there is no store {path}", "name the file that `genfix sweep` wrote", path=path)
    if os.path.lexists(path) and (not path.is_file() or not _is_ours(path)):
        raise InputError("{path} is no store of a sweep", "name another file with --store", path=path)
    with _said(path):
        # One writer; a journal that is rolled back after a kill, and no second file while nobody writes.
        connection = sqlite3.connect(path, timeout=0 if to_write else 10)
    with closing(connection):
        with _said(path):
            if to_write:
                _take(connection)
            _compare(connection, path)
        yield Store(path, connection)


def _is_ours(path: Path) -> bool:
    """Whether a file is empty, as one of a killed first run, or has SQLite's head and our id in it."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise StorageError(
            "cannot read {path}: {why}", path=path, why=error.strerror or str(error)
        ) from error
    # https://www.sqlite.org/fileformat.html: the application id is at offset 68
    return not head or (
        head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:72], "big") == _APPLICATION
    )


def _take(connection: sqlite3.Connection) -> None:
    """Keep all other writers out until the connection is closed, and make the tables where there are none."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN EXCLUSIVE")
    if _number(connection, "user_version") == 0:
        connection.execute("ROLLBACK")
        connection.executescript(
            f"BEGIN EXCLUSIVE; PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; "
            f"{_TABLES} COMMIT;"
        )
    else:
        connection.execute("COMMIT")


def _compare(connection: sqlite3.Connection, path: Path) -> None:
    version = _number(connection, "user_version")
    if version != _VERSION:
        raise InputError(
            "{path} has format {version} of a store, and this genfix knows {own} only",
            "name another file with --store",
            path=path,
            version=version,
            own=_VERSION,
        )


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return _int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Errors of SQLite as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise RefusedError(
                "another sweep is using {path}", "wait until it has finished, or name another file", path=path
            ) from error
        raise StorageError("the store {path} cannot be used: {why}", path=path, why=str(error)) from error
    except sqlite3.Error as error:
        raise StorageError("the store {path} cannot be used: {why}", path=path, why=str(error)) from error


def _plain(value: object) -> str | int | float | None:
    """What SQLite keeps; a name that is no Unicode with escapes."""
    return _text(value) if isinstance(value, str) else value if isinstance(value, int | float) else None


def _text(words: str) -> str:
    return words.encode("utf-8", "backslashreplace").decode("utf-8")


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _judgement(row: tuple[object, ...]) -> Judgement:
    words = ["" if value is None else str(value) for value in row]
    path, inputs, state, worst, _, _, _, base, named, maker, kind, transaction, message, hint, _ = words[:15]
    return Judgement(
        path,
        inputs,
        state,
        worst,
        _int(row[4]),
        _int(row[5]),
        _int(row[6]),
        base=base,
        named_base=named,
        made_by=maker,
        model_type=kind,
        transaction=transaction,
        message=message,
        hint=hint,
        seconds=row[14] if isinstance(row[14], float) else 0.0,
        findings=(_found(row[15:]),) if row[15] is not None else (),
    )


def _found(row: tuple[object, ...]) -> Found:
    code, name, severity, harm, file, pointer, message, fix = [
        "" if value is None else str(value) for value in row
    ]
    return Found(code, name, severity, harm, file, None if row[5] is None else pointer, message, fix)
