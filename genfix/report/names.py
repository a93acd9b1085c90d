"""The words for the values that findings, fixes and rules are made of."""

from collections.abc import Mapping
from typing import Final

from genfix.message import Message, text
from genfix.rules import Harm, Severity, Witness

SEVERITIES: Final[Mapping[Severity, Message]] = {
    Severity.ERROR: text("error"),
    Severity.WARNING: text("warning"),
    Severity.INFO: text("info"),
}
WITNESSES: Final[Mapping[Witness, Message]] = {
    Witness.BASE: text("the base"),
    Witness.ADAPTER: text("the adapter"),
    Witness.WEIGHTS: text("the weights"),
    Witness.TOKENIZER: text("the tokenizer"),
    Witness.CHAT_TEMPLATE: text("the chat template"),
    Witness.FOLDER: text("the folder's other files"),
    Witness.ENGINE: text("the engines' own code"),
}
HARMS: Final[Mapping[Harm, Message]] = {
    Harm.ENDLESS: text("never stops"),
    Harm.BROKEN: text("broken"),
    Harm.WORSE: text("worse"),
    Harm.KNOWN: text("healthy"),
}


def counted(severity: Severity, count: int) -> Message:
    """So many findings of a severity."""
    match severity:
        case Severity.ERROR:
            return text("{count} error", "{count} errors", count=count)
        case Severity.WARNING:
            return text("{count} warning", "{count} warnings", count=count)
        case Severity.INFO:
            return text("{count} info", count=count)
