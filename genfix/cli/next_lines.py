"""The commands to type next, ready to copy."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.cli.options import Here
from genfix.resolver.case import Case
from genfix.show import show

if TYPE_CHECKING:
    from genfix.cli.hub_options import Anywhere  # `genfix check` has no options of these


def quoted(text: str | os.PathLike[str]) -> str:
    """``text`` as a shell takes it for one word."""
    import shlex  # noqa: PLC0415 - only to print a command

    return shlex.quote(os.fspath(text))


def cannot_change(target: str | os.PathLike[str]) -> bool:
    """Whether it is a repo, or a folder that this user may not write into."""
    from genfix.resolver import is_on_hub, names_gguf  # noqa: PLC0415 - most commands ask for neither

    if is_on_hub(target):
        return not names_gguf(target)
    return Path(target).is_dir() and not os.access(target, os.W_OK)


def command_line(command: str, case: Case) -> str:
    """A command with the options that decide what it sees."""
    words = ["genfix", command, quoted(case.target)]
    words += ["--base", quoted(case.base)] if case.base is not None else []
    words += ["--adapter", quoted(case.adapter)] if case.adapter is not None else []
    for option, codes in (("--select", case.select), ("--ignore", case.ignore), ("--engine", case.engines)):
        words += [word for code in codes for word in (option, quoted(code))]
    words += ["--offline"] if case.offline else []
    words += ["--baseline", quoted(case.baseline)] if case.baseline is not None else []
    words += ["--allow-base-mismatch"] if case.allow_base_mismatch else []
    words += _state_of(case)
    words += ["--unsafe-fixes"] if case.unsafe_fixes else []
    return show(" ".join(words))


def apply_line(path: str | os.PathLike[str], target: str | None, place: Case | Here) -> str:
    """The command that makes the changes of a plan file."""
    words = ["genfix", "apply", quoted(path)]
    words += ["--target", quoted(target)] if target is not None else []
    return show(" ".join(words + _state_of(place)))


def undo_line(place: "Case | Here | Anywhere", transaction: str = "") -> str:
    """The command that takes a transaction back."""
    words = ["genfix", "undo", quoted(place.target), *([transaction] if transaction else [])]
    return show(" ".join(words + _state_of(place)))


def on_hub(line: str) -> str:
    """A command as one that changes a repo on the Hub."""
    return f"{line} --create-pr"


def restore_line(place: Here, snapshot: str) -> str:
    """The command that brings a snapshot back."""
    return show(" ".join(["genfix", "restore", quoted(place.target), snapshot, *_state_of(place)]))


def _state_of(place: "Case | Here | Anywhere") -> list[str]:
    return ["--state-dir", quoted(place.state_dir)] if place.state_dir is not None else []
