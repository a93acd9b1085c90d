"""The command line: parses, calls `genfix.api`, prints, and says which code to exit with."""

from genfix.cli.main import main

__all__ = ["main"]
