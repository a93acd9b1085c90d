"""docs/loading-law.md: the figures of a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import genfix
from dev.loading_law.damages import DAMAGES
from dev.loading_law.files import PARTS
from dev.loading_law.proving import Outcome, Tally

__all__ = ["PAGE", "Run", "page"]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "loading-law.md"
_INTRODUCTION: Final = """\
No repair makes a folder worse for what reads it. This page is written by the run that proves it:

```sh
python -m dev.loading_law --reader v5=PYTHON --reader v4=PYTHON --types all --record
```

`--configs DIR` adds published config sets, `--merges DIR` merges, `--jobs 2` works on two subjects at a time.

Each reader is an interpreter with a release of transformers and torch. Folders come from three places.

- **Model types.** Every type the newest reader knows is built with tiny sizes and random weights, with RoPE
  settings that are not the class's own, a tiny tokenizer and, where its class takes one made of defaults, a
  processor. Each release writes the folder in its own spelling; each spelling is judged against each.
- **Published config sets.** Sizes in `config.json` are made tiny in the file's own keys (the vocabulary and
  the head size stay), and weights are made for it. It is judged as published and saved again by each release.
- **Merges** by real tools, as they were left.

Each is then damaged in the usual ways (files lost, keys lost, sizes that contradict the weights), judged
against its base and alone, and repaired with the safe fixes and with `--unsafe-fixes`. Before and after, each
reader loads config, generation config, tokenizer, processor and model. It is a breach where

- a part loaded before and does not after, or tensors are missing that were not;
- RoPE frequencies, the model's answer to forty tokens, the rendered chat template or the ids of ten texts are
  neither the base's nor the folder's own, as any reader has them;
- a stop id of the folder is lost, or an added one is neither in the base's set nor ends a turn of its
  template; a folder without any may get its tokenizer's EOS.

What a folder's own facts are is read from the folder as it is, from the same folder without the damage, and
from other releases' spellings of it with the damage: a repair of one thing leaves the others.
"""


class Run(NamedTuple):
    """All of a run."""

    versions: Mapping[str, str]
    outcomes: Sequence[Outcome]
    damages: int = len(DAMAGES)
    """How many of them each subject got."""


def page(run: Run) -> str:
    """The whole page."""
    kinds = list(dict.fromkeys(sorted(outcome.subject.kind for outcome in run.outcomes)))
    breaches = [sentence for outcome in run.outcomes for sentence in outcome.breaches]
    differing = [sentence for outcome in run.outcomes for sentence in outcome.differing]
    touched = [sentence for outcome in run.outcomes for sentence in outcome.touched]
    lines = [
        "# The loading law",
        "",
        "<!-- written by python -m dev.loading_law --record -->",
        "",
        _INTRODUCTION,
        f"Run on {datetime.now(UTC).date().isoformat()} with genfix {genfix.__version__}:",
        "",
        *(f"- {name}: {version}" for name, version in run.versions.items()),
        f"- damages: {run.damages} of {len(DAMAGES)} to each folder, in turn by its name",
        "",
        "## Figures",
        "",
        *_folders(run, kinds),
        "",
        *_parts(run, kinds),
        "",
        "## Breaches",
        "",
        *(
            [f"- {sentence}" for sentence in breaches]
            or ["None: 0 folders that loaded before and do not after."]
        ),
        "",
        "## What loads only after a repair, and otherwise than from the base",
        "",
        "The folder did not load there before, and the base, or the folder in another reader, says something",
        "else: a merge has weights of its own, and a type's `tokenizer.json` may not be the base's (GF311).",
        "",
        *([f"- {sentence}" for sentence in sorted(differing)] or ["None."]),
        "",
        "## Folders that are their own base and were changed by a safe repair",
        "",
        *([f"- {sentence}" for sentence in sorted(touched)] or ["None."]),
        "",
        "## What is left out",
        "",
        *_left_out(run),
    ]
    return "\n".join(lines) + "\n"


def _folders(run: Run, kinds: Sequence[str]) -> Iterator[str]:
    yield "| | subjects | left out | repairs judged | that change something | refused |"
    yield "|---|---|---|---|---|---|"
    for kind in kinds:
        own = [outcome for outcome in run.outcomes if outcome.subject.kind == kind]
        counts = sum((Counter(outcome.folders) for outcome in own), Counter[str]())
        left_out = sum(outcome.excluded is not None for outcome in own)
        repairs = " | ".join(str(counts[what]) for what in ("judged", "changed", "refused"))
        yield f"| {kind} | {len(own)} | {left_out} | {repairs} |"


def _parts(run: Run, kinds: Sequence[str]) -> Iterator[str]:
    tallies = sum((Counter(outcome.tallies) for outcome in run.outcomes), Counter[Tally]())
    yield "Of each distinct result of a repair:"
    yield ""
    yield "| | reader | part | loaded before | of these after | only after |"
    yield "|---|---|---|---|---|---|"
    for kind in kinds:
        for reader in run.versions:
            for part in PARTS:
                row = [str(tallies[Tally(kind, reader, part, what)]) for what in ("loaded", "still", "newly")]
                yield f"| {kind} | {reader} | {part} | {' | '.join(row)} |"


def _left_out(run: Run) -> Iterator[str]:
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for outcome in run.outcomes:
        if outcome.excluded is not None:
            reasons[_reason(outcome.excluded)].append(outcome.subject.name)
    yield "A subject that is left out counts nowhere above."
    yield ""
    yield "| reason | subjects |"
    yield "|---|---|"
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        yield f"| {reason} | {len(names)}: {', '.join(sorted(names))} |"


def _reason(error: str) -> str:
    if match := re.search(r"requires the (\w+) library", error):
        return f"needs {match[1]}, which the reader does not have"
    if "parameters at the least" in error:
        return "cannot be made tiny"
    if "remote code" in error or "trust_remote_code" in error:
        return "needs code of its own"
    return error.replace("|", "\\\\|")[:160]
