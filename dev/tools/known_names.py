"""Writes ``genfix/known_names.py``: the names of rules and engines, which a completion, or an error about a
name, needs without what they mean (loading all rules takes half a second).

``python -m dev.tools.rule_pages`` calls it.
"""

import json
from pathlib import Path
from typing import Final

from genfix.engines.every import all_engines
from genfix.rules import RULES

FILE: Final = Path(__file__).resolve().parents[2] / "genfix" / "known_names.py"
_HEAD: Final = '''"""The names of rules and engines; written by dev/tools/known_names.py."""

from collections.abc import Mapping
from typing import Final

'''


def known_names() -> str:
    """The module."""
    rows = "".join(f"    {_quoted(rule.code)}: {_quoted(rule.name)},\n" for rule in RULES.values())
    engines = "".join(f"    {_quoted(name)},\n" for name in all_engines())
    return (
        f"{_HEAD}RULE_NAMES: Final[Mapping[str, str]] = {{\n{rows}}}\n"
        '"""Of each code, in the order of codes."""\n\n'
        f"ENGINE_NAMES: Final = (\n{engines})\n"
        '"""In the order of reports."""\n'
    )


def _quoted(word: str) -> str:
    return json.dumps(word)
