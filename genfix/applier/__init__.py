"""The only code that writes to a model folder: apply, undo, recover, and the log of what was done."""

from genfix.applier.applying import apply, preflight
from genfix.applier.history import damaged_receipts, log
from genfix.applier.records import Change, Receipt, Write
from genfix.applier.recovery import pending, recover
from genfix.applier.undoing import undo

__all__ = [
    "Change",
    "Receipt",
    "Write",
    "apply",
    "damaged_receipts",
    "log",
    "pending",
    "preflight",
    "recover",
    "undo",
]
