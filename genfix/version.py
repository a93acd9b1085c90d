"""The version of this genfix, and where it comes from; both as in ``pyproject.toml``."""

from typing import Final

__version__: Final = "0.2.0"

HOME: Final = "https://github.com/genfix/genfix"
"""The repository."""

PAGES: Final = f"{HOME}/blob/v{__version__}/docs"
"""Where the pages of this version are."""
