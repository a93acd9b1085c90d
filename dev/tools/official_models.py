"""The catalogue of official models, ``genfix/catalogue/official.json``: facts, each with its place.

``python -m dev.tools.official_models --clones DIR`` reads the config files that public repositories have
copies of (`official_sources.json` says which file is of which model, and which facts were changed there), and
the names that ms-swift and LLaMA-Factory register for the Hub and for ModelScope. ``DIR`` has each repository
as ``owner+name/repo``, and of those that are too large single files. With ``--hub`` it asks the Hub for what
is still unknown. No file is copied, nothing is written from memory, and what two places say differently is
left empty.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from genfix.catalogue.identify import facts_of
from genfix.catalogue.official import DATA
from genfix.errors import GenfixError
from genfix.folder import FileStat, Origin
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model
from genfix.model.sizes import sizes
from genfix.resolver.finder.base import resolve_base

_SOURCES: Final = Path(__file__).with_name("official_sources.json")
_FILES: Final[tuple[str, ...]] = (
    *("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "chat_template.json", "chat_template.jinja", "tokenizer.json"),
)
_SWIFT: Final = "modelscope/ms-swift"
_FACTORY: Final = "hiyouga/LLaMA-Factory"
_FACTORY_FILE: Final = "src/llamafactory/extras/constants.py"
_Row: TypeAlias = dict[str, JsonValue]


class Clone(NamedTuple):
    """A repository with its history."""

    name: str
    path: Path

    def git(self, *words: str) -> bytes:
        """What git says; empty where it says no."""
        done = subprocess.run(["git", "-C", self.path, *words], capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else b""

    def names(self) -> list[str]:
        """All files of the newest commit."""
        return self.git("ls-tree", "-r", "--name-only", "HEAD").decode().splitlines()

    def head(self) -> str:
        """The newest commit."""
        return self.git("rev-parse", "HEAD").decode().strip()

    def last_commit(self, file: str) -> str:
        """The last commit that had the file: the newest, or the one before it was removed."""
        if self.git("cat-file", "-t", f"HEAD:{file}"):
            return self.head()
        return self.git("log", "-1", "--diff-filter=AM", "--format=%H", "--", file).decode().strip()

    def read(self, commit: str, file: str) -> bytes | None:
        """The file at that commit; `None` where it has none."""
        if not self.git("cat-file", "-t", f"{commit}:{file}"):
            return None
        return self.git("show", f"{commit}:{file}")


class Files(NamedTuple):
    """Single files of a repository that is too large to be had whole: ``DIR/owner+name/files/path``."""

    name: str
    path: Path
    commits: Mapping[str, str]
    """At which each was read."""

    def names(self) -> list[str]:
        """Those files."""
        return [*self.commits]

    def last_commit(self, file: str) -> str:
        """The commit of that file; empty for another one."""
        return self.commits.get(file, "")

    def read(self, commit: str, file: str) -> bytes | None:
        """The file; `None` where it is not among them."""
        place = self.path / file
        return place.read_bytes() if self.commits.get(file) == commit and place.is_file() else None


class Copies:
    """Config files of one model, as a folder."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.origin = Origin("local", "copies")

    def names(self) -> frozenset[str]:
        """All file names."""
        return frozenset(self.files)

    def stat(self, name: str) -> FileStat:
        """Size in bytes."""
        return FileStat(len(self.files[name]))

    def read(self, name: str) -> bytes:
        """The whole file."""
        return self.files[name]

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """A part of it."""
        return self.files[name][start : start + length]


# -- names ---------------------------------------------------------------------------------------


def swift_names(clone: Clone) -> Iterator[tuple[str, str, str]]:
    """Ids on ModelScope and on the Hub, and the file: ``Model('ms/id', 'hf/id')``."""
    for file in clone.names():
        if file.startswith("swift/model/models/") and file.endswith(".py"):
            for node in ast.walk(ast.parse(clone.git("show", f"HEAD:{file}"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Model":
                    words = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args[:2]]
                    if len(words) == 2 and isinstance(words[0], str) and isinstance(words[1], str):
                        yield words[0], words[1], file


def older_names(clone: Clone, file: str) -> Iterator[tuple[str, str]]:
    """Ids on ModelScope and on the Hub of an ms-swift before 3.0: ``register_model(type, 'ms/id',
    hf_model_id='hf/id')``, as decorator or call.
    """
    commit = clone.last_commit(file)
    content = clone.read(commit, file) if commit else None
    for node in ast.walk(ast.parse(content or b"")):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "register_model"
        ):
            hub = next((word.value for word in node.keywords if word.arg == "hf_model_id"), None)
            scope = node.args[1] if len(node.args) > 1 else None
            pair = [word.value for word in (scope, hub) if isinstance(word, ast.Constant)]
            if len(pair) == 2 and all(isinstance(word, str) for word in pair):
                yield str(pair[0]), str(pair[1])


def factory_names(clone: Clone) -> Iterator[tuple[str, str | None]]:
    """Ids on the Hub and on ModelScope that LLaMA-Factory registers."""
    for node in ast.walk(ast.parse(clone.git("show", f"HEAD:{_FACTORY_FILE}"))):
        if isinstance(node, ast.Dict):
            given: dict[str, str] = {}
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Attribute) and isinstance(value, ast.Constant):
                    given[key.attr] = str(value.value)
            if "DEFAULT" in given:
                yield given["DEFAULT"], given.get("MODELSCOPE")


def named_rows(clones: Path) -> dict[str, _Row]:
    """A row for each registered model, by its id on the Hub."""
    rows: dict[str, _Row] = {}
    by_scope: dict[str, str] = {}
    swift, factory = _clone(clones, _SWIFT), _clone(clones, _FACTORY)
    for scope, hub, file in swift_names(swift):
        if "/" in hub and not rows.get(hub):
            rows[hub] = {
                "id": hub,
                "modelscope": scope or None,
                "former": [],
                "sources": [[_SWIFT, swift.head(), file]],
            }
            by_scope.setdefault(scope, hub)
    for scope, hub in older_names(swift, "swift/llm/utils/model.py"):
        _add_name(rows, by_scope, hub, scope)
    for hub, known in factory_names(factory):
        if not _add_name(rows, by_scope, hub, known) and hub not in rows:
            rows[hub] = {
                "id": hub,
                "modelscope": known,
                "former": [],
                "sources": [[_FACTORY, factory.head(), _FACTORY_FILE]],
            }
    return rows


def _add_name(rows: dict[str, _Row], by_scope: Mapping[str, str], hub: str, scope: str | None) -> bool:
    """Whether the id is another name of a known model: of one ModelScope id, under another organisation."""
    known = by_scope.get(scope or "")
    if known is None or known == hub or hub in rows:
        return False
    if known.partition("/")[2].casefold() != hub.partition("/")[2].casefold():
        return False
    former = rows[known]["former"]
    if isinstance(former, list) and hub not in former:
        former.append(hub)
    return True


def _clone(clones: Path, name: str) -> Clone:
    return Clone(name, clones / name.replace("/", "+") / "repo")


# -- facts ---------------------------------------------------------------------------------------


def read_facts(files: Mapping[str, bytes]) -> tuple[str | None, Mapping[str, int], Mapping[str, JsonValue]]:
    """The type, the sizes and the other facts of a folder with these files."""
    model = Model(Copies(files))
    kind = model.text_config.get("model_type") if not model.model_type else model.model_type
    return kind if isinstance(kind, str) else None, sizes(model), facts_of(model)


def copies(clones: Path) -> Iterator[tuple[str, JsonObject, dict[str, bytes], list[list[JsonValue]]]]:
    """The id, the source's entry, the files and where they were read, of each copy."""
    for entry in json.loads(_SOURCES.read_bytes()):
        clone = _source(clones, entry)
        if not clone.path.exists():
            print(f"{clone.name} is not in {clones}", file=sys.stderr)
            continue
        for file, model_id in _files(entry, clone):
            commit = clone.last_commit(file)
            config = clone.read(commit, file) if commit else None
            if config is None:
                print(f"{clone.name} has no {file}", file=sys.stderr)
                continue
            found = {"config.json": config}
            sources: list[list[JsonValue]] = [[clone.name, commit, file]]
            for place in _places(entry, file):
                for name in _FILES[1:]:
                    there = commit if clone.read(commit, place + name) else clone.last_commit(place + name)
                    content = clone.read(there, place + name) if there else None
                    if content is not None and name not in found:
                        found[name] = content
                        sources.append([clone.name, there, place + name])
            yield model_id, entry, found, sources


def _source(clones: Path, entry: JsonObject) -> Clone | Files:
    name, commits = str(entry["repository"]), entry.get("commits")
    if not isinstance(commits, dict):
        return _clone(clones, name)
    folder = str(entry.get("folder", ""))
    place = clones / name.replace("/", "+") / "files"
    return Files(name, place, {f"{folder}{file}": str(commit) for file, commit in commits.items()})


def _files(entry: Mapping[str, object], clone: Clone | Files) -> Iterator[tuple[str, str]]:
    pattern, files, folder = entry.get("pattern"), entry.get("files"), entry.get("folder", "")
    if isinstance(pattern, str):
        for name in clone.names():
            match = re.fullmatch(pattern, name)
            if match is not None and str(entry.get("but")) not in name:
                yield name, f"{match['org']}/{match['name']}"
    if isinstance(files, dict):
        for name, model_id in files.items():
            yield f"{folder}{name}", str(model_id)


def _places(entry: JsonObject, file: str) -> list[str]:
    """Folders with other files of the model: its own, and one that the source keeps them in."""
    folder, beside = entry.get("folder", ""), entry.get("beside")
    found = (
        [file.removesuffix("config.json")] if file.endswith("/config.json") or file == "config.json" else []
    )
    other = beside.get(file.removeprefix(str(folder))) if isinstance(beside, dict) else None
    return [*found, *([f"{folder}{other}"] if isinstance(other, str) else [])]


def add_facts(
    row: _Row, files: Mapping[str, bytes], sources: list[list[JsonValue]], left_out: set[str]
) -> None:
    """Put what these files say into the row; what another place says differently is left empty."""
    kind, found, facts = read_facts(files)
    if row.setdefault("type", kind) != kind:
        print(f"{row['id']}: {row['type']} or {kind}", file=sys.stderr)
        return
    for key, values in (("sizes", found), ("facts", facts)):
        known = row.setdefault(key, {})
        for name, value in values.items():
            if not isinstance(known, dict) or value is None or name in left_out:
                continue
            if known.setdefault(name, value) not in (value, None):
                print(f"{row['id']}: {name} is {known[name]} or {value}", file=sys.stderr)
                known[name] = None
    read = row["sources"]
    if isinstance(read, list):
        read += sources


def ask_hub(rows: Mapping[str, _Row]) -> None:
    """Ask the Hub for those models of which only the name is known."""
    for model_id, row in rows.items():
        if "type" in row:
            continue
        try:
            folder = resolve_base(model_id).folder
            names = [name for name in _FILES if name in folder.names()]
            files = {name: folder.read(name) for name in names}
        except GenfixError as error:
            print(f"{model_id}: {error.message}", file=sys.stderr)
            if "could not be reached" in error.message:
                return
            continue
        place = folder.origin
        add_facts(row, files, [[f"hf://{place.label}", place.revision, name] for name in names], set())


def main() -> int:
    """Write the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--hub", action="store_true", help="ask the Hub for what is still unknown")
    args = parser.parse_args()
    rows = named_rows(args.clones)
    ids = {known.casefold(): known for known in rows}
    for row in rows.values():
        former = row["former"]
        ids |= {str(name).casefold(): str(row["id"]) for name in (former if isinstance(former, list) else [])}
    for model_id, entry, files, sources in copies(args.clones):
        known = ids.setdefault(model_id.casefold(), model_id)
        row = rows.setdefault(known, {"id": known, "modelscope": None, "former": [], "sources": []})
        left_out = entry.get("leave_out")
        add_facts(row, files, sources, {*map(str, left_out)} if isinstance(left_out, list) else set())
    if args.hub:
        ask_hub(rows)
    lines = [json.dumps(_tidy(rows[name]), ensure_ascii=False) for name in sorted(rows, key=str.casefold)]
    DATA.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{len(rows)} models, {sum('type' in row for row in rows.values())} with facts")
    return 0


def _tidy(row: _Row) -> _Row:
    """The row without what is unknown."""
    return {
        key: {name: fact for name, fact in value.items() if fact is not None}
        if isinstance(value, dict)
        else value
        for key, value in row.items()
        if value not in (None, [], {})
    }


if __name__ == "__main__":
    sys.exit(main())
