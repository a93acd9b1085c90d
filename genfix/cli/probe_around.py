"""What a probe does before and after a repair: the server started and ended, the folder mended between."""

import shlex
from collections.abc import Callable

from genfix.api.before_after import probe_around
from genfix.api.changing import repair_case
from genfix.api.probing import ProbeReport
from genfix.cli.next_lines import quoted
from genfix.cli.output import Output
from genfix.cli.repairing_options import Repairing, Serving
from genfix.errors import GenfixError, InputError
from genfix.message import text
from genfix.probe.endpoint import endpoint, is_url
from genfix.probe.server import api_key
from genfix.probe.serving import served, wait_for_restart
from genfix.resolver.case import Case


def refuse_around(target: str, repairing: Repairing, serving: Serving, *, against: bool) -> None:
    """Raise `InputError` for options that mean nothing together, before anything is asked."""
    _command(serving)
    if serving.serve is not None and not is_url(target):
        raise InputError(
            "--serve starts a server, and {target} is a folder",
            "name the URL at which the command serves, or leave --serve out",
            target=target,
        )
    if repairing.repair is not None and against:
        raise InputError(
            "--repair compares with what was before, and --against with another model",
            "leave one of them out",
        )


def served_folder(target: str, repairing: Repairing) -> str | None:
    """The folder a server runs is the one that is repaired; a folder is its own."""
    return repairing.repair if is_url(target) else None


def _command(serving: Serving) -> list[str] | None:
    if serving.serve is None:
        return None
    try:
        words = shlex.split(serving.serve)
    except ValueError as error:
        raise InputError(
            "--serve is no command: {why}", "quote it as a shell wants it", why=str(error)
        ) from error
    if not words:
        raise InputError("--serve names no command", "quote it whole: --serve 'vllm serve DIR'")
    return words


def ask_around(
    target: str,
    repairing: Repairing,
    serving: Serving,
    measure: Callable[[], ProbeReport],
    show: Callable[[ProbeReport], None],
    out: Output,
) -> ProbeReport:
    """Probe; with a folder to repair, also repair it and probe again. ``show`` as in `probe_around_shown`."""
    ask = asked_with_server(target, serving, measure, out)
    if repairing.repair is None:
        return ask()
    case = Case(
        repairing.repair,
        repairing.base,
        repairing.adapter,
        offline=repairing.offline,
        allow_base_mismatch=repairing.allow_base_mismatch,
        state_dir=repairing.state_dir,
        progress=out.progress,
    )
    return probe_around_shown(ask, lambda: _repaired(case, out), show)


def probe_around_shown(
    ask: Callable[[], ProbeReport], change: Callable[[], bool], show: Callable[[ProbeReport], None]
) -> ProbeReport:
    """As `probe_around`; where the second probe does not come about, the first is shown before that is
    raised.
    """
    asked: list[ProbeReport] = []

    def keep() -> ProbeReport:
        asked.append(ask())
        return asked[-1]

    try:
        return probe_around(keep, change)
    except (GenfixError, KeyboardInterrupt):
        if asked:
            show(asked[0])
        raise


def asked_with_server(
    target: str, serving: Serving, measure: Callable[[], ProbeReport], out: Output
) -> Callable[[], ProbeReport]:
    """What asks once: with a server of its own each time, or, from the second time on, one that was
    restarted.
    """
    command, seen = _command(serving), 0
    place = endpoint(target, api_key()) if is_url(target) else None

    def ask() -> ProbeReport:
        nonlocal seen
        seen += 1
        if place is not None and command is not None:
            with served(command, place, serving.serve_timeout):
                return measure()
        if place is not None and seen > 1:
            out.say(
                out.aside.text("now restart the server at {server}; Ctrl-C ends the wait", server=place.label)
            )
            wait_for_restart(place, serving.serve_timeout)
        return measure()

    return ask


def _repaired(case: Case, out: Output) -> bool:
    """Repair the folder, and say what was done; whether anything was."""
    done = repair_case(case)
    out.notes(done.plan.notes)
    if done.receipt is None:
        said = text("there is nothing to repair in {target}: this is the only probe", target=case.target)
        out.say(out.aside.words(said))
        return False
    codes = dict.fromkeys(finding.code for finding in done.plan.fixed)
    undo = f"genfix undo {quoted(case.target)}"
    out.say(
        out.aside.text("repaired in {target}: {codes}", target=case.target, codes=[*codes]),
        out.aside.text("take it back with: {command}", command=undo),
    )
    return True
