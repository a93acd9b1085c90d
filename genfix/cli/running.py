"""The command that runs another one first."""

from collections.abc import Sequence

from genfix.api.opening import selection
from genfix.api.running import run_command
from genfix.cli.changing import run_repair
from genfix.cli.options import Case, Ending, Level
from genfix.cli.output import Output, command_line, write_error
from genfix.message import text


def run_run(case: Case, command: Sequence[str], fail_on: Level, out: Output, *, unsafe_fixes: bool) -> int:
    """Run a merge command; where it ends well, repair its output, else return its own code."""
    selection(case.select, case.ignore)  # a wrong code is better known before hours of merging
    ran = run_command(command, case.target)
    repairing = command_line("repair", case, unsafe_fixes=unsafe_fixes)
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
    return run_repair(case, Ending(fail_on), out, unsafe_fixes=unsafe_fixes)
