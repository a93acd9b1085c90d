"""What may follow options that take one of several words."""

from enum import StrEnum
from typing import Final

FORMAT_VARIABLE: Final = "GENFIX_OUTPUT_FORMAT"
"""Holds for all commands; one that has not the format that it names writes its own default."""


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"
    GITLAB = "gitlab"
    JUNIT = "junit"
    HTML = "html"
    PATCH = "patch"


class Shape(StrEnum):
    """How an answer that is no verdict is written."""

    TEXT = "text"
    JSON = "json"


class PageShape(StrEnum):
    """How an answer that is no verdict, and has a page, is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


class NoteShape(StrEnum):
    """How an answer that is no verdict, and may be sent to others, is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


class ColorMode(StrEnum):
    """When to use color."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"
