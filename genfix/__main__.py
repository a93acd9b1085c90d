"""``python -m genfix`` and the ``genfix`` command: the only place that exits."""

import sys

__all__ = ["run"]


def run() -> None:
    """Run the command line and exit with its code."""
    from genfix.cli import main  # noqa: PLC0415 - importing this module must stay free

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
