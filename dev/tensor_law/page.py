"""The page of what a run found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from dev.tensor_law.damages import DAMAGES
from dev.tensor_law.trials import Trial

__all__ = ["write_page"]

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "tensor-law.md"
_BEGIN: Final = "<!-- results:begin -->"
_END: Final = "<!-- results:end -->"


def write_page(trials: Sequence[Trial], about: str) -> None:
    """Write the figures into `docs/tensor-law.md`."""
    head, _, rest = _PAGE.read_text("utf-8").partition(_BEGIN)
    tail = rest.partition(_END)[2]
    lines = "\n".join(_lines(trials, about))
    _PAGE.write_text(f"{head}{_BEGIN}\n\n{lines}\n{_END}{tail}", "utf-8")


def _lines(trials: Sequence[Trial], about: str) -> Iterator[str]:
    yield f"Run with {about}."
    yield ""
    yield "| what was done | folders | right | class not known | wrong alarms | wrong silences |"
    yield "|---|---|---|---|---|---|"
    for damage in ("none", *DAMAGES):
        found = Counter(trial.verdict for trial in trials if trial.damage == damage)
        counts = [found[name] for name in ("right", "untold", "wrong alarm", "wrong silence")]
        yield f"| {damage} | {found.total()} | {' | '.join(map(str, counts))} |"
    for verdict in ("wrong alarm", "wrong silence"):
        wrong: dict[str, list[str]] = {}
        for trial in trials:
            if trial.verdict == verdict:
                wrong.setdefault(trial.kind, []).append(trial.damage)
        if wrong:
            yield ""
            yield f"{verdict.capitalize()}s by type: " + ", ".join(
                f"{kind} ({len(damages)})" for kind, damages in sorted(wrong.items())
            )
