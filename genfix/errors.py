"""The errors genfix raises.

Every error is one sentence that says what is wrong and where, a hint that says what to do next, and the
exit code a command ends with. A finding or a fix that cannot be made is data, not an error.
"""

from typing import ClassVar, Final

from genfix.message import Arg, Message, text


class GenfixError(Exception):
    """Root of all errors genfix raises.

    ``said`` is what is wrong, one sentence without a final full stop, and ``advice`` what to do next:
    messages, or English templates whose blanks ``args`` fill.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, said: Message | str, advice: Message | str | None = None, /, **args: Arg) -> None:
        self.said = Message("", said, args) if isinstance(said, str) else said
        self.advice = Message("", advice, args) if isinstance(advice, str) else advice
        super().__init__(self.said, self.advice)

    @property
    def message(self) -> str:
        """What is wrong, in English, as the command line says it."""
        return str(self.said)

    @property
    def hint(self) -> str:
        """What to do next, in English, as the command line says it; may be empty."""
        return str(self.advice or "")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        """Both for who calls genfix from Python: with arguments where the command line has options."""
        return in_python(f"{self.message}\n{self.hint}" if self.advice else self.message)


class InputError(GenfixError):
    """The target is not a folder genfix can judge, or a command was called wrongly (exit 2)."""


class BaseModelError(GenfixError):
    """The base model was not found, is not reachable or cannot be read (exit 2)."""


class UnknownModelError(BaseModelError):
    """Nobody knows a model of that name: it may be misspelled (exit 2)."""


class StorageError(GenfixError):
    """Reading or writing a disk failed; nothing was changed (exit 2)."""


class PlanError(GenfixError):
    """A plan failed its own check on the planned result: a bug in genfix (exit 2)."""


class ProbeError(GenfixError):
    """A running model could not be asked: the server, or the engine that runs the folder, gave no answer
    (exit 2).
    """


class PublishError(GenfixError):
    """A commit could not be made on the Hub, or nobody knows whether it was (exit 2)."""


class UncertainError(PublishError):
    """A commit that was sent may be on the Hub, or is there with other files (exit 2)."""


class InterruptedCommitError(UncertainError):
    """Interrupted before the Hub had answered (exit 130)."""

    exit_code: ClassVar[int] = 130


class RefusedError(GenfixError):
    """Refused for safety, nothing written: locked, a linked or cached target, another base (exit 3)."""

    exit_code: ClassVar[int] = 3


class ChangedError(RefusedError):
    """A file is not what it was when the plan or the receipt was made (exit 3)."""


_FLAGS: Final = frozenset({"offline", "allow-base-mismatch", "unsafe-fixes", "push", "dry-run"})
"""Options that are switched on."""
_ARGUMENTS: Final = {
    **{name: name for name in ("base", "adapter", "output", "at", "target", "select", "ignore", "baseline")},
    **{name: name for name in ("model", "folder", "python", "prompts", "concurrency", "engine")},
    "state-dir": "state_dir",
    "with": "other",
    "timeout": "Limits.request_seconds",
    "time-limit": "Limits.total_seconds",
    "max-tokens": "Limits.max_tokens",
}
"""What options with a value are in Python."""


def stale(name: str) -> ChangedError:
    """The error for a plan one of whose files is not what it was."""
    return ChangedError(
        "stale plan: {name} changed since the plan was made",
        "make the plan again, then apply that one",
        name=name,
    )


def in_python(sentence: str) -> str:
    """A sentence with arguments of functions where it has options of the command line.

    What stands in backticks is a command, and stays one.
    """
    import re  # noqa: PLC0415 - only for errors

    def argument(found: re.Match[str]) -> str:
        option, value = found["option"], found["value"]
        if option in _FLAGS:
            return f"{option.replace('-', '_')}=True{found[0][len(option) + 2 :]}"
        name = _ARGUMENTS.get(option)
        if name is None:
            return found[0]
        return f"{name}={value if value.isupper() else repr(value)}" if value else f"{name}={found['gap']}"

    option = re.compile(
        r"--(?P<option>[a-z][a-z-]*[a-z])(?P<gap> |\b)(?P<value>(?<= )(?:[A-Z]+\b|transformers\b|mlx-lm\b"
        r"|(?:\w+://)?[^\s,;:()]*[/@.][^\s,;()]*[^\s,;:().]))?"
    )
    parts = sentence.split("`")
    parts[::2] = [option.sub(argument, part) for part in parts[::2]]
    return "`".join(parts)


def as_genfix_error(error: Exception) -> GenfixError:
    """Any exception as one that has a sentence, an advice and an exit code."""
    if isinstance(error, GenfixError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        what = error.filename if isinstance(error.filename, str) else ""
        why = error.strerror or str(error)
        return StorageError(
            text("cannot use {path}: {why}", path=what, why=why)
            if what
            else text("the disk or the network fails: {why}", why=why),
            text("try again when the disk or the network works; GENFIX_DEBUG=1 shows where it failed"),
        )
    if isinstance(error, ImportError):
        # Parts are loaded when they are needed: an installation that is damaged, or a disk that fails just
        # then.
        said = text("a part of genfix or Python cannot be loaded: {error}", error=str(error))
        return GenfixError(said, text("install genfix again"))
    return GenfixError(
        text("this is a bug in genfix: {kind}: {error}", kind=type(error).__name__, error=str(error)),
        text("run again with GENFIX_DEBUG=1 and report what it prints"),
    )
