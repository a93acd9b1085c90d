"""Hold the proof of merges against real ones: ``python -m dev.merge_proof [--record]``. Minutes to an hour.

``real/make.py`` makes bases, adapters and merges with PEFT, in an environment of its own (``--python`` names
one that has torch, peft and transformers; else uv makes ``.venv-merge-proof``); genfix judges them here. The
answer is 0 only without a wrong pass and without a wrong alarm. ``--record`` writes the table into
``docs/merge-proof.md``.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.weights.merge_proof import MergeProof, Verdict, prove_merge
from genfix.weights.merge_replay import Kind
from genfix.weights.tensor_names import canonical

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "merge-proof.md"
PACKAGES: Final = ("torch==2.14.1", "peft==0.21.2", "transformers==5.24.0", "safetensors", "bitsandbytes")
EXPECTED: Final = {
    "right": Verdict.MERGED,
    "none": Verdict.NOT_MERGED,
    "twice": Verdict.SCALED,
    "half": Verdict.SCALED,
    "left": Verdict.PARTLY,
    "other": Verdict.OTHER,
    "more": Verdict.UNTOLD,
    "dequantised": Verdict.MERGED,
}
SAID: Final = {
    "right": "merged as the adapter says",
    "none": "not merged",
    "twice": "merged twice",
    "half": "at half its scale",
    "left": "one matrix left out",
    "other": "another adapter",
    "more": "another adapter on top (cannot be told is right)",
    "dequantised": "merged into a base that was in 4 bits",
}
SCALES: Final = {"twice": 2.0, "half": 0.5}
_BEGIN, _END = "<!-- results:begin -->\n", "<!-- results:end -->\n"


class Outcome(NamedTuple):
    """One merged folder, and what was said of it."""

    name: str
    outcome: str
    proof: MergeProof
    left_out: str | None
    seconds: float

    @property
    def is_named(self) -> bool:
        """Whether the verdict is the truth, with the right scale or the right matrix."""
        if self.proof.verdict is not EXPECTED[self.outcome]:
            return False
        if self.outcome in SCALES:
            return abs(self.proof.scale / SCALES[self.outcome] - 1) < 0.03
        if self.outcome == "left":
            left_out = canonical(self.left_out or "").removesuffix(".weight")
            missing = [canonical(f"{label}.weight") for label in self.proof.labels(Kind.BASE)]
            if not re.search(r"\.experts\.\d", left_out):  # a stack of all
                missing = [re.sub(r"\.experts\.\d+", ".experts", name) for name in missing]
            return bool(missing) and all(name.startswith(left_out) for name in missing)
        return True

    @property
    def is_wrong(self) -> bool:
        """Whether the verdict is false: a fault that passes, an alarm over a right merge, another fault."""
        return not self.is_named and self.proof.verdict is not Verdict.UNTOLD


def judged(place: Path) -> Iterator[Outcome]:
    """Every merge in a folder that ``make.py`` filled."""
    for file in sorted(place.glob("*/case.json")):
        case = json.loads(file.read_text())
        for outcome in case["outcomes"]:
            start = time.process_time()
            folders = (file.parent / outcome, file.parent / "base", file.parent / "adapter")
            merged, base, adapter = (Model(LocalFolder(folder)) for folder in folders)
            proof = prove_merge(merged, base, adapter)
            left_out = case.get("left out") if outcome == "left" else None
            yield Outcome(case["name"], outcome, proof, left_out, time.process_time() - start)


def table(outcomes: list[Outcome]) -> str:
    """What was said, by what was done."""
    lines = ["| what was done | merges | told rightly | cannot be told | wrong |", "|---|---|---|---|---|"]
    for outcome in EXPECTED:
        own = [one for one in outcomes if one.outcome == outcome]
        if own:
            named, wrong = sum(one.is_named for one in own), sum(one.is_wrong for one in own)
            untold = sum(one.proof.verdict is Verdict.UNTOLD and not one.is_named for one in own)
            lines.append(f"| {SAID[outcome]} | {len(own)} | {named} | {untold} | {wrong} |")
    reasons = Counter(
        str(one.proof.reason.id) for one in outcomes if one.proof.reason is not None and not one.is_named
    )
    cases, spent = len({one.name for one in outcomes}), max(one.proof.spent.data for one in outcomes)
    seconds = sorted(one.seconds for one in outcomes)[len(outcomes) // 2]
    lines += [
        "",
        f"{len(outcomes)} merges of {cases} pairs of base and adapter; a median of {1000 * seconds:.0f} ms "
        f"of CPU each, at most {spent / 1024:.0f} KiB of tensor data. Reasons for what cannot be told: "
        + (", ".join(f"`{reason}` {count}" for reason, count in reasons.most_common()) or "none")
        + ".",
        "",
    ]
    return "\n".join(lines)


def interpreter(given: Path | None, name: str, packages: Sequence[str]) -> Path:
    """A Python with some packages: the one that is given, or that of an environment here."""
    if given is not None:
        return given
    place = ROOT / name
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", str(place), "--python", "3.11"], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *packages], check=True)
    return python


def main() -> int:
    """Make, judge, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / ".merge-proof", help="where the merges are made")
    parser.add_argument("--python", type=Path, help="a Python with torch, peft and transformers")
    parser.add_argument("--only", default="", help="cases with this text in their name")
    parser.add_argument("--judge", action="store_true", help="only judge what is there")
    parser.add_argument("--record", action="store_true", help="write the table into docs/merge-proof.md")
    given = parser.parse_args()
    if not given.judge:
        script = Path(__file__).parent / "real" / "make.py"
        command = [interpreter(given.python, ".venv-merge-proof", PACKAGES), script, given.out, given.only]
        subprocess.run([str(word) for word in command], check=True)
    outcomes = [one for one in judged(given.out) if given.only in one.name]
    print(table(outcomes))
    wrong = [one for one in outcomes if one.is_wrong]
    for one in wrong:
        print(f"wrong: {one.name} {one.outcome}: {one.proof.verdict} {one.proof.scale:.3f}")
    if given.record:
        before, _, rest = PAGE.read_text().partition(_BEGIN)
        PAGE.write_text(f"{before}{_BEGIN}\n{table(outcomes)}{_END}{rest.partition(_END)[2]}")
    return 1 if wrong or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
