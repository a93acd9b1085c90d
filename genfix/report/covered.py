"""What a judgement covers, as one line."""

from collections.abc import Mapping, Sequence
from typing import Final

from genfix.message import Message, text
from genfix.report.names import WITNESSES
from genfix.rules import Witness
from genfix.rules.core.coverage import Coverage, FolderKind, Gap

_WITNESSES: Final[Mapping[Witness, Message]] = {**WITNESSES, Witness.FOLDER: text("the folder's own files")}
_GAPS: Final[Mapping[Gap, Message]] = {
    Gap.LOST: text("what was lost (name the base with --base)"),
    Gap.SHAPES: text("shapes (there are no weights to read)"),
}


def coverage_line(covered: Coverage) -> Message:
    """By whom the folder was judged, and what was not."""
    witnesses = _listed([_WITNESSES[witness] for witness in covered.witnesses])
    judged = {
        FolderKind.MODEL: text("judged by {witnesses}", witnesses=witnesses),
        FolderKind.CONFIG_FILES: text("config files only, judged by {witnesses}", witnesses=witnesses),
        FolderKind.EXPORT: text("an exported model, judged by {witnesses}", witnesses=witnesses),
    }[covered.kind]
    if not covered.gaps:
        return judged
    gaps = _listed([_GAPS[gap] for gap in covered.gaps])
    return text("{judged}; not judged: {gaps}", judged=judged, gaps=gaps)


def _listed(words: Sequence[Message]) -> Message:
    first, *rest = words
    return text("{first}, {rest}", first=first, rest=_listed(rest)) if rest else first
