"""Ask a real engine about thousands of folders, and compare with the view.

python -m dev.conformance ENGINE [--python PYTHON] [--at-most N] [--only TEXT] [--record | --real DIR...]
python -m dev.conformance follow ENGINE VERSION [--read]    (see dev/conformance/follow.py)

Without ``--python`` the engine is installed beside the project first. ``--record`` writes the result, with
versions and date, to ``dev/conformance/results/ENGINE.json``; ``python -m dev.tools.engine_pages`` makes
docs/engines.md of these. ``--real`` asks about the config sets below some folders, each in some hundred
changed forms, in place of the made ones. Ends with 1 where the two disagree about a folder that
``known.py`` does not explain.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from dev.conformance.compare import Difference, differences
from dev.conformance.keys import keys_read_by
from dev.conformance.known import NEW_TOKEN, NO_VOCABULARY, explanation
from dev.conformance.setups import HERE, SETUPS, interpreter
from dev.conformance.telling import Told, ask_script
from dev.conformance.variants import Variant, spread, variants, write_all
from dev.conformance.variants_real import real_folders
from genfix.engines.every import all_engines, engine_view
from genfix.folder import LocalFolder
from genfix.json_types import JsonObject
from genfix.model import Model


def ask(engine: str, python: Path, folders: Sequence[Path]) -> Told:
    """Run the engine's script over ``folders``, in as many processes as there are cores."""
    script = HERE / "ask" / SETUPS[engine].script
    parts = [folders[start :: (os.cpu_count() or 1)] for start in range(os.cpu_count() or 1)]
    with (
        ThreadPoolExecutor(len(parts)) as pool,
        tqdm(total=len(folders) + len(parts), unit="", disable=None) as bar,
    ):
        told = list(pool.map(lambda part: ask_script(script, python, part, bar.update), parts))
    answers: list[JsonObject] = [{}] * len(folders)
    for start, part in enumerate(told):
        answers[start :: len(parts)] = part.answers
    return Told(told[0].about, answers)


@contextmanager
def _place() -> Iterator[Path]:
    """A new folder whose path is no word: some loaders look for the names of models in it (``aria``,
    ``vicuna``).
    """
    place = Path(tempfile.gettempdir(), f"0{os.getpid()}")
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place)


class Outcome(NamedTuple):
    """One folder on which view and engine do not agree."""

    variant: Variant
    differences: Sequence[Difference]
    explanation: str | None


def outcomes(
    engine: str, told: Told, chosen: Sequence[Variant], folders: Sequence[Path], release: str = ""
) -> Iterator[Outcome]:
    """Every disagreement, explained or not; ``release`` is the version the view is asked for."""
    found = told.about.get("defaults")
    defaults: JsonObject = found if isinstance(found, dict) else {}
    for variant, folder, answer in zip(chosen, folders, told.answers, strict=True):
        model = Model(LocalFolder(folder))
        view = engine_view(engine, model, release)
        here = tuple(differences(view, answer, defaults))
        if here:
            empty = any(problem.id == "engine-has-no-vocabulary" for problem in view.problems)
            beyond = any(_names_new_token(difference, model) for difference in here)
            name = f"{variant.name}{NEW_TOKEN if beyond else ''}{NO_VOCABULARY if empty else ''}"
            yield Outcome(variant, here, explanation(engine, name, here))


def _names_new_token(difference: Difference, model: Model) -> bool:
    """Whether the engine ends with what the view says, and with tokens for which the model has no row."""
    size, mine, theirs = model.config.get("vocab_size"), difference.view, difference.engine
    if difference.answer != "stops" or not isinstance(mine, list) or not isinstance(theirs, list):
        return False
    further = [found for found in theirs if found not in mine]
    trained = any(type(found) is not int or type(size) is not int or found < size for found in further)
    return not trained and all(found in theirs for found in mine)


def main() -> int:
    """Run from the command line."""
    if sys.argv[1:2] == ["follow"]:
        from dev.conformance.follow import main as follow  # noqa: PLC0415 - which asks by what is here

        return follow(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m dev.conformance", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("engine", choices=SETUPS)
    parser.add_argument("--python", type=Path, help="an interpreter that has the engine")
    parser.add_argument("--at-most", type=int, help="only this many folders, spread over all")
    parser.add_argument("--only", default="", help="only folders with this text in their name")
    parser.add_argument("--release", default="", help="ask the view for this version, and not for its newest")
    parser.add_argument("--show", type=int, default=40, help="how many disagreements to print")
    parser.add_argument("--real", type=Path, nargs="+", metavar="DIR", help="ask about these, changed")
    parser.add_argument("--record", action="store_true", help="write dev/conformance/results/ENGINE.json")
    arguments = parser.parse_args()
    engine: str = arguments.engine
    families = tuple(SETUPS[engine].families)
    python = arguments.python or interpreter(engine)
    every: Iterable[Variant]
    if arguments.real:
        if arguments.record:
            parser.error("what is recorded is of the folders that everybody has: leave out --real")
        every, families = (Variant(*real) for real in real_folders(arguments.real)), ("",)
    else:
        every = variants(keys=keys_read_by(engine, python))
    chosen = [
        variant for variant in every if arguments.only in variant.name and variant.name.startswith(families)
    ]
    if arguments.at_most:
        chosen = [*spread(chosen, arguments.at_most)]
    with _place() as place:
        names = [f"{number:05}" for number in range(len(chosen))]
        write_all(place, dict(zip(names, chosen, strict=True)))
        folders = [place / name for name in names]
        told = ask(engine, python, folders)
        found = list(outcomes(engine, told, chosen, folders, arguments.release))
    unexplained = [outcome for outcome in found if outcome.explanation is None]
    for outcome in unexplained[: arguments.show]:
        print(outcome.variant.name)
        for difference in outcome.differences:
            print(f"    {difference}")
    explained = Counter(outcome.explanation for outcome in found if outcome.explanation)
    for reason, count in explained.items():
        print(f"{count} explained: {reason}")
    agreed = len(chosen) - len(found)
    print(f"{engine} {told.about['version']}: {len(chosen)} folders, {agreed} agree, ", end="")
    print(f"{explained.total()} differ for a known reason, {len(unexplained)} differ")
    if arguments.record:
        result = {
            "engine": engine,
            "version": told.about["version"],
            "libraries": told.about.get("libraries", {}),
            "view": all_engines()[engine].version,
            "date": datetime.now(UTC).date().isoformat(),
            "folders": len(chosen),
            "agree": agreed,
            "known": dict(explained),
            "differ": len(unexplained),
        }
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / f"{engine}.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
