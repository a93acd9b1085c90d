"""The line ends of a text, as its readers see them."""


def as_read(text: str) -> str:
    """``text`` as Python reads a text file and Jinja a template: every end of line is a line feed.

    jinja2 3.1.6: lexer.py.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")
