"""genfix finds and repairs missing or wrong config files of a model folder after fine-tune + merge.

The verbs of the command line as functions: `check`, `plan`, `repair`, `apply` and `undo`. Names are loaded
when first used, so that ``import genfix`` costs nothing in a training script.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from genfix.api import Report, apply, check, plan, repair, undo
    from genfix.applier import Receipt
    from genfix.errors import GenfixError
    from genfix.planner import Plan
    from genfix.rules import Finding

__all__ = [
    "Finding",
    "GenfixError",
    "Plan",
    "Receipt",
    "Report",
    "__version__",
    "apply",
    "check",
    "plan",
    "repair",
    "undo",
]

__version__: Final = "0.1.0"

_HOMES: Final = {
    "Finding": "genfix.rules",
    "GenfixError": "genfix.errors",
    "Plan": "genfix.planner",
    "Receipt": "genfix.applier",
    "Report": "genfix.api",
    "apply": "genfix.api",
    "check": "genfix.api",
    "plan": "genfix.api",
    "repair": "genfix.api",
    "undo": "genfix.api",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'genfix' has no attribute {name!r}")
    return getattr(import_module(home), name)
