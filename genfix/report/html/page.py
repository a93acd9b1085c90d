"""The frame of every page: templates, style, script, and the policy that allows these two and nothing else.

A page says what it shows as text in the template's context. Jinja escapes all of it; ``show`` before that
makes control and bidirectional characters visible, which escaping does not.
"""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

import jinja2

from genfix.language import Language
from genfix.report.style import Style

_STYLE: Final = "page.css"
_SCRIPT: Final = "page.js"
_THEMED: Final = re.compile(r"^:root\[data-theme.*\n|, :root\[data-theme\]", re.MULTILINE)
"""What the button of a page's script switches."""
_WHOLE: Final = re.compile(r"(?<![\w.#-])(?::root|html|body)(?=\s*\{)")
"""Selectors of the page itself."""


def render_page(name: str, language: Language, page: object, *, like: str = "", is_part: bool = False) -> str:
    """The template ``NAME.html.jinja``, which extends the frame, with ``NAME.css``, filled with ``page``.

    With ``like``, it looks as the pages of that name in all that its own style does not say. With ``is_part``
    it is no page but a part of one, such as a notebook: without script, and with a style that ends at its
    border.

    A template says a sentence with ``text("English")``, and shows a message with ``words(message)``.
    """
    above = _read(f"{like}.css") if like else ""
    style, script = _read(_STYLE) + above + _read(f"{name}.css"), _read(_SCRIPT)
    style = _inside(style) if is_part else style
    reader = Style(language=language)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_read),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    return environment.get_template(f"{name}.html.jinja").render(
        page=page,
        frame="part.html.jinja" if is_part else "page.html.jinja",
        language=language.value,
        text=reader.text,
        words=reader.words,
        policy=_policy(style, script),
        style=style,
        script=script,
    )


def _inside(style: str) -> str:
    """A page's style, for a part of another page: what it says of the page is said of the part."""
    own = _THEMED.sub("", style)
    return f".genfix {{\n{_WHOLE.sub('&', own)}\nnav {{ display: none; }}\n}}"


def _policy(style: str, script: str) -> str:
    """No request, no frame, no form, and of style and script these very bytes."""
    own = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (files("genfix.report.html") / name).read_text("utf-8")
