"""``python -m genfix`` and the ``genfix`` command: the only place that exits."""

import gc
import os
import sys


def run() -> None:
    """Run the command line and exit with its code."""
    # A short process that mostly builds classes: the collector finds nothing and costs a tenth of the time.
    gc.disable()
    try:
        if sys.argv[1:] == ["--version"]:  # what scripts ask before anything else: no command line is needed
            from genfix.version import __version__  # noqa: PLC0415 - as below

            sys.stdout.write(f"genfix {__version__}\n")
            sys.stdout.flush()
            sys.exit(0)
        from genfix.cli import main  # noqa: PLC0415 - importing this module must stay free

        code = main(sys.argv[1:])
    except ImportError as error:
        # A broken installation must not exit with 1, which means that findings remain.
        sys.stderr.write(f"error: genfix is not installed completely: {error}\nhint: install it again\n")
        code = 2
    except KeyboardInterrupt:  # while the command line itself was imported
        sys.stderr.write("error: interrupted; nothing is half done\n")
        code = 130
    from signal import SIG_IGN, SIGINT, signal  # noqa: PLC0415 - it takes long enough to be interrupted

    signal(SIGINT, SIG_IGN)  # all is said: what Python does now is nobody's news
    sys.exit(code)


if __name__ == "__main__":
    # ``python -m`` looks for modules where the user stands first; that may be a stranger's model folder.
    if sys.path[:1] == [os.getcwd()] and not __file__.startswith(os.path.join(sys.path[0], "")):  # noqa: PTH109, PTH118
        del sys.path[0]
    run()
