"""The manual page: ``python -m dev.packaging.man_page > genfix.1``, from the help texts of the commands."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from dev.packaging.project import project
from genfix.cli import main
from genfix.cli.app import COMMANDS, EPILOG

_FILES = (
    ("DIR/.cache/huggingface/genfix", "Backups and receipts of a model folder; GENFIX_STATE_DIR moves them."),
    ("genfix.toml, pyproject.toml", "Settings, in the nearest one above the working directory."),
)


def man_page() -> str:
    """The page as roff, for ``man``; the same bytes for the same genfix."""
    facts = project()
    return "\n".join(
        [
            f'.TH GENFIX 1 "" "genfix {facts.version}" "User Commands"',
            ".SH NAME",
            f"genfix {_BAR} {escaped(facts.summary[0].lower() + facts.summary[1:].rstrip('.'))}",
            ".SH SYNOPSIS",
            r".B genfix",
            r"\fICOMMAND\fR [\fIARGS\fR]...",
            ".SH COMMANDS",
            *_commands(),
            ".SH EXIT STATUS",
            escaped(EPILOG),
            ".SH FILES",
            *(line for path, what in _FILES for line in (".TP", f".I {escaped(path)}", escaped(what))),
            ".SH SEE ALSO",
            f"{escaped(facts.address)}",
            "",
        ]
    )


_BAR = r"\-"


def _commands() -> Iterator[str]:
    for name, entry in COMMANDS.items():
        yield f".SS genfix {name}"
        yield escaped(entry.help)
        yield from (".PP", ".nf", escaped(_help(name)), ".fi")


def _help(name: str) -> str:
    """What ``genfix NAME --help`` says, in English and in 78 columns."""
    said = io.StringIO()
    os.environ |= {"COLUMNS": "78", "GENFIX_LANG": "en"}
    with contextlib.redirect_stdout(said):
        code = main([name, "--help"])
    if code:
        raise SystemExit(f"genfix {name} --help ends with {code}")
    return said.getvalue().rstrip()


def escaped(text: str) -> str:
    """``text`` as roff shows it: without escapes of its own, and without a line that is a request."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").split("\n")
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in lines)


if __name__ == "__main__":
    sys.stdout.write(man_page())
