"""The documentation of all rules in Chinese, by their codes."""

from collections.abc import Mapping
from typing import Final

from genfix.report.rules_zh import files, tokens
from genfix.report.rules_zh.text import RuleText

__all__ = ["CHINESE", "RuleText"]

CHINESE: Final[Mapping[str, RuleText]] = {**tokens.CHINESE, **files.CHINESE}
