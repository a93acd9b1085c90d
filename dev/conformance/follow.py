"""Follow a release of an engine whose code is Python.

python -m dev.conformance follow ENGINE VERSION [--read] [--at-most N] [--python PYTHON]

Installs it by uv (where no CPU wheel of torch is offered to it, set UV_FIND_LINKS), writes the data of that
engine anew, and asks its own code: first about model types and keys of config files that are new, and about
the folders that have to do with the functions that changed, then about a spread of all others. Ends with 1,
after the differences to read, where the code of a function that the view names is not what was read, and
where view and engine disagree. Once the functions are read and the view is taught (its version, too),
``--read`` notes that they were: tests hold data, notes and view together.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dev.conformance import __main__ as harness
from dev.conformance.keys import keys_read, keys_read_by
from dev.conformance.setups import HERE, interpreter, uv
from dev.conformance.sources import PACKAGES, Changed, Package, changed, named_functions, read_of, write_read
from dev.conformance.variants import Variant, spread, variants, write
from genfix.engines.every import EVERY_ENGINE
from genfix.engines.shared import loaders
from genfix.json_types import JsonValue

__all__ = ["News", "check_functions", "chosen", "main", "pin"]

DATA: Final = Path(loaders.__file__).parents[1] / "data"


_ABOUT: Final[Mapping[str, str]] = {
    r"processing_utils|renderers|template_manager|HFChatTemplate": r"template=|places=",
    r"rope|max_model_len|max_len|context_length": r"/length=|/limit=",
    r"sampl|gen_config|generation|stop|eos|EosToken|input_sockets": r"/generation=|more=generation",
    r"tokenizer|tokenization": r"tokenizer=",
}
"""What the name of a function tells of the folders it has to do with."""


def unpack(package: Package, version: str, place: Path) -> Path:
    """Install the code of one version, and nothing else, into ``place``: what its wheel has."""
    uv("pip", "install", "--no-deps", "--target", str(place), f"{package.name}=={version}")
    return place


def check_functions(engine: str, new: Path, old: Path | None) -> Sequence[Changed]:
    """The functions that the view names and whose code changed, each difference printed."""
    read = read_of(engine)
    found = tuple(changed(read, named_functions(engine), new, old))
    for function in found:
        print(f"changed since {read.version or 'never read'}: {function.name}")
        print(function.diff)
    return found


def pin(file: Path, package: str, old: str, version: str) -> None:
    """Name ``version`` of ``package`` wherever ``old`` is."""
    text = file.read_text("utf-8")
    file.write_text(
        re.sub(rf"\b{re.escape(package)}=={re.escape(old)}\b", f"{package}=={version}", text), "utf-8"
    )


def _write_data(engine: str, version: str, python: Path, code: Path, place: Path) -> frozenset[str]:
    """Make the engine's data anew; the model types that are new."""
    if engine not in {"transformers4", "transformers5"}:
        from dev.tools.engine_types import main as engine_types  # noqa: PLC0415 - one of two ways

        engine_types(DATA / "engine_types.json", code)
        if engine == "vllm":
            from dev.tools.backend_classes import main as backend_classes  # noqa: PLC0415 - as above

            backend_classes(str(python), DATA / "engine_types.json")
        return frozenset()
    from dev.tools import (  # noqa: PLC0415 - one of two ways
        config_defaults,
        loader_facts,
        module_table,
        rope_traits,
        tokenizer_parts,
        transformers_table,
    )

    major = version.partition(".")[0]
    facts = DATA / f"loaders{major}.json"
    before = json.loads(facts.read_text("utf-8"))
    loader_facts.main(str(python), facts)
    after = json.loads(facts.read_text("utf-8"))
    after["since"] = _since(before, after)
    facts.write_text(json.dumps(after, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")
    wheels = [_wheel(release, place) for release in _releases(version)]
    transformers_table.main(DATA / "released.jsonl", *wheels)
    if engine == "transformers5":
        module_table.main(DATA / "modules.jsonl", wheels[-1])
        tokenizer_parts.main(str(python), DATA / "tokenizer_parts.json")
    config_defaults.main(str(python), DATA / f"transformers{major}.json")
    rope_traits.main(str(python), DATA / f"ropes{major}.json")
    return frozenset(after["model_types"]) - frozenset(before["model_types"])


def _since(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Since when model types are known: as before, and those that are new since the newest."""
    known, was = before["model_types"], before["since"]
    types = after["model_types"]
    if not isinstance(known, list) or not isinstance(was, dict) or not isinstance(types, list):
        raise TypeError("loader_facts.py writes lists")
    since = {str(kind): was[str(kind)] or before["transformers"] for kind in types if str(kind) in was}
    return since | {str(kind): "" for kind in types if kind not in known}


def _releases(version: str) -> Sequence[str]:
    from genfix.engines.shared.released import releases  # noqa: PLC0415 - data that is written anew here

    def order(name: str) -> tuple[int, ...]:
        return tuple(map(int, name.split(".")))

    return sorted({*releases(), version}, key=order)


def _wheel(version: str, place: Path) -> Path:
    """A wheel of transformers, packed again of what uv unpacked: in the order in which wheels are, for names
    that stand twice, and numbers, depend on it.
    """
    wheel = place / f"transformers-{version}-py3-none-any.whl"
    if not wheel.is_file():
        unpacked = unpack(PACKAGES["transformers5"], version, place / version)
        with zipfile.ZipFile(wheel, "w") as packed:
            for root, folders, names in os.walk(unpacked):
                folders.sort()
                for name in sorted(names):
                    packed.write(Path(root, name), Path(root, name).relative_to(unpacked))
        shutil.rmtree(unpacked)
    return wheel


class News(NamedTuple):
    """What a release has that the one that was read has not."""

    functions: Sequence[str]
    """By name, those whose code is another."""
    types: Sequence[str]
    """Of models."""
    keys: Sequence[str]
    """Of config files."""


def chosen(news: News, keys: Sequence[str], at_most: int) -> Iterator[Variant]:
    """The folders to ask about, of which ``keys`` make some: what changed first, then some of all."""
    every = list(variants(keys=keys))
    about = [names for key, names in _ABOUT.items() for one in news.functions if re.search(key, one)]
    touched = [variant for variant in every if about and re.search("|".join(about), variant.name)]
    named = [variant for key in news.keys for variant in every if f".json.{key}-" in variant.name]
    plain = next(
        variant for variant in every if variant.name.endswith("config=int,tokenizer=v4-generic-text")
    )
    seen = set[str]()
    new = [_of_type(kind, plain) for kind in news.types]
    third = at_most // 3
    for variant in (*new, *spread(named, third), *spread(touched, third), *spread(every, at_most)):
        if variant.name not in seen and len(seen) < at_most:
            seen.add(variant.name)
            yield variant


def _of_type(kind: str, plain: Variant) -> Variant:
    """A folder that says no more than its model type."""
    config = json.dumps({"model_type": kind}).encode()
    return Variant(f"{kind}/new-type", {**plain.files, "config.json": config})


def _ask(engine: str, python: Path, asked: Sequence[Variant]) -> int:
    """How many folders the view is wrong about, each printed."""
    with tempfile.TemporaryDirectory(prefix="0") as place:
        folders = [Path(place, f"{number:05}") for number in range(len(asked))]
        for folder, variant in zip(folders, asked, strict=True):
            write(folder, variant)
        told = harness.ask(engine, python, folders)
        found = [one for one in harness.outcomes(engine, told, asked, folders) if one.explanation is None]
    for outcome in found:
        print(outcome.variant.name, *outcome.differences, sep="\n    ")
    print(f"{engine} {told.about['version']}: {len(asked)} folders, {len(found)} differ")
    return len(found)


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.conformance follow")
    parser.add_argument("engine", choices=PACKAGES)
    parser.add_argument("version")
    parser.add_argument("--python", type=Path, help="an interpreter that has that version")
    parser.add_argument("--at-most", type=int, default=600, help="how many folders are asked about")
    parser.add_argument("--read", action="store_true", help="note that the functions were read")
    given = parser.parse_args(arguments)
    engine, version = given.engine, given.version
    package, read = PACKAGES[engine], read_of(engine)
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        code = unpack(package, version, place / "new")
        known = bool(read.version) and read.version != version
        old = unpack(package, read.version, place / "old") if known else None
        functions = check_functions(engine, code / package.folder, old and old / package.folder)
        if given.read:
            write_read(engine, version, code / package.folder, named_functions(engine))
            functions = ()
        for file in (HERE / "pyproject.toml", HERE.parents[1] / "pyproject.toml"):
            pin(file, package.name, EVERY_ENGINE[engine].version, version)
        python = given.python or interpreter(engine)
        types = _write_data(engine, version, python, code, place)
        keys = {*keys_read(engine, code / package.folder)}
        keys -= {*keys_read(engine, old / package.folder)} if old is not None else keys
    # Of another process: this one has read the data as it was.
    again = [sys.executable, "-c", _AGAIN, engine, str(python), str(given.at_most)]
    news = [*(one.name for one in functions), "--", *sorted(types), "--", *sorted(keys)]
    asked = subprocess.run([*again, *news], check=False)
    if functions:
        print(f"{len(functions)} functions to read: teach the view, then --read", file=sys.stderr)
    return 1 if functions or asked.returncode else 0


_AGAIN: Final = "import sys; from dev.conformance.follow import again; sys.exit(again(sys.argv[1:]))"


def again(words: Sequence[str]) -> int:
    """Ask the engine about what changed, by the data as it is now."""
    engine, python, at_most, *rest = words
    ends = [number for number, word in enumerate(rest) if word == "--"]
    news = News(rest[: ends[0]], rest[ends[0] + 1 : ends[1]], rest[ends[1] + 1 :])
    folders = tuple(chosen(news, keys_read_by(engine, Path(python)), int(at_most)))
    return 1 if _ask(engine, Path(python), folders) else 0
