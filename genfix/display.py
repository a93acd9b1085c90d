"""How a value shows itself: printed, at a prompt, in a notebook.

The words stand in `genfix.report`, which knows the values, and none of them knows it: it is loaded here, by
its name, and only when something is shown.
"""

from importlib import import_module
from typing import Final

_REPORT: Final = "genfix.report.showing"


def printed(value: object) -> str:
    """The text of the command line, for ``print``."""
    found: str = import_module(_REPORT).shown_text(value)
    return found


def in_notebook(value: object) -> str:
    """The same as a part of an HTML page, without any script: for ``_repr_html_``, which notebooks call."""
    found: str = import_module(_REPORT).shown_html(value)
    return found
