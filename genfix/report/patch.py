"""The changes of a plan as a patch that `git apply` takes, byte for byte, whatever a site knows of genfix."""

from collections.abc import Iterator, Sequence

from genfix.errors import InputError
from genfix.planner.plan import FileChange
from genfix.report.outcome import Outcome

_CONTEXT = 3


def patch(outcome: Outcome) -> str:
    """One patch for all files; empty where nothing changes.

    Raises `InputError` where there is no plan, or a file is not text.
    """
    if outcome.done is None:
        raise InputError(
            "a patch has the changes of a plan, and check makes none",
            "`genfix plan DIR --output-format patch` writes it",
        )
    return "".join(line for change in outcome.changes for line in _file(change)).removesuffix("\n")


def _file(change: FileChange) -> Iterator[str]:
    name, old, new = change.name, _lines(change.name, change.before), _lines(change.name, change.after)
    tab = "\t" if " " in name else ""
    yield f"diff --git a/{name} b/{name}\n"
    if change.before is None:
        yield "new file mode 100644\n"
    elif change.after is None:
        yield "deleted file mode 100644\n"
    if not old and not new:  # an empty file comes or goes
        return
    yield "--- /dev/null\n" if change.before is None else f"--- a/{name}{tab}\n"
    yield "+++ /dev/null\n" if change.after is None else f"+++ b/{name}{tab}\n"
    yield from _hunk(old, new)


def _hunk(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """All that changes as one piece: a vocabulary has too many lines to look for a shorter one."""
    start = _equal(old, new)
    rest = _equal(old[start:][::-1], new[start:][::-1])
    first = max(0, start - _CONTEXT)
    after = min(rest, _CONTEXT)
    gone, come = old[start : len(old) - rest], new[start : len(new) - rest]
    kept = start - first + after
    yield f"@@ -{_range(first, len(gone) + kept)} +{_range(first, len(come) + kept)} @@\n"
    for sign, lines in (
        (" ", old[first:start]),
        ("-", gone),
        ("+", come),
        (" ", old[len(old) - rest : len(old) - rest + after]),
    ):
        for line in lines:
            yield sign + line
            if not line.endswith("\n"):
                yield "\n\\ No newline at end of file\n"


def _range(first: int, count: int) -> str:
    return f"{first + 1 if count else first},{count}"


def _equal(old: Sequence[str], new: Sequence[str]) -> int:
    at = 0
    while at < min(len(old), len(new)) and old[at] == new[at]:
        at += 1
    return at


def _lines(name: str, content: bytes | None) -> list[str]:
    """By line feeds alone, as git splits."""
    try:
        text = (content or b"").decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(
            "{name} is not text, and a patch takes nothing else",
            "keep the plan instead: `genfix plan DIR -o plan.json`",
            name=name,
        )
    *whole, last = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([last] if last else [])]
