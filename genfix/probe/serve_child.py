"""The process between genfix and a server that genfix starts: a script of its own, started by `serving`.

``python -I serve_child.py COMMAND...``. The command runs in a process group of its own until it ends, or
until stdin closes, which it does also where genfix is killed: so no server outlives genfix. Nothing of genfix
is imported.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

_GRACE = 20.0
"""Seconds a server has to end by itself."""


def _end(child: "subprocess.Popen[bytes]") -> None:
    # Not sys.stdin, whose lock a thread that waits would hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)


def main() -> int:
    """Run from the command line."""
    try:
        child = subprocess.Popen(  # noqa: S603 - what the user asked to be run
            sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]}: {error.strerror}\n")
        return 127
    # What ends genfix ends this by stdin; a signal must not end it before the server.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ending = threading.Thread(target=_end, args=(child,), daemon=True)
    ending.start()
    code = child.wait()
    with contextlib.suppress(OSError):  # what it started
        os.killpg(child.pid, signal.SIGKILL)
    return code


if __name__ == "__main__":
    sys.exit(main())
