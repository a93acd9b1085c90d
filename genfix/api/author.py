"""Who runs genfix, for the log."""

import getpass


def author() -> str:
    """The user's name; empty where the system has none for this process, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
