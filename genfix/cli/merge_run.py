"""The command that runs another one first."""

from collections.abc import Callable, Sequence
from pathlib import Path

from genfix.api.changing import log
from genfix.api.keeping import Stage, keep_stage
from genfix.api.opening import selection
from genfix.api.running import run_command
from genfix.cli.next_lines import command_line
from genfix.cli.options import Level
from genfix.cli.output import Output
from genfix.cli.planning import Ending, run_repair
from genfix.cli.streams import write_error
from genfix.errors import GenfixError
from genfix.message import text
from genfix.resolver.case import Case


def _alone(repair: Callable[[], int]) -> int:
    return repair()


def run_run(
    case: Case,
    command: Sequence[str],
    fail_on: Level,
    out: Output,
    baseline: Path | None,
    around: Callable[[Callable[[], int]], int] = _alone,
) -> int:
    """Run a merge command; where it succeeds, repair its output, else return its own code.

    ``around`` runs the repair, and may do something before and after it.
    """
    selection(case)  # a wrong code is better known before hours of merging
    ran = run_command(command, case.target)
    repairing = command_line("repair", case)
    if ran.why is not None:
        left = text(
            "{target} was left as it is; once it is complete: {command}",
            target=case.target,
            command=repairing,
        )
        write_error(ran.why, left, out.aside.language)
        return ran.code
    if not ran.changed:
        out.notes(
            [text("the command changed nothing in {target}; is that where it writes?", target=case.target)]
        )
    is_kept = ran.changed and _keep(case, "merged", command, out)
    code = around(lambda: run_repair(case, Ending(fail_on), out, baseline))
    if is_kept and log(case.target, state_dir=case.state_dir)[-1].kind == "repair":
        _keep(case, "repaired", command, out)
    return code


def _keep(case: Case, stage: Stage, command: Sequence[str], out: Output) -> bool:
    """Keep the output as it is now; where that cannot be, the merge was not for nothing all the same."""
    try:
        keep_stage(case.target, stage, command, state_dir=case.state_dir)
    except GenfixError as error:
        out.notes([text("this stage is not kept: {why}", why=error.said)])
        return False
    return True
