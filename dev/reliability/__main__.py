"""Prove the applier against a real kernel: `python -m dev.reliability COMMAND`. Not a part of the tests:
minutes to hours.

kill [SCENE...]      SIGKILL at every system call
errors [SCENE...]    ENOSPC, EIO, EINTR, EACCES in every call that a disk can fail
reads [COMMAND...]   EIO, ESTALE, EINTR, EACCES in the reads of every file that a command reads
powercut [SCENE...]  cut the power after every operation, on ext4 in four modes (root, a loop image)
soak [--rounds N]    kills at random moments, two writers at once, a writer that races the repair
mounts               real mounts and inode flags (root; what the machine has not is skipped, and told)
sweeps [--rounds N]  kill -9 a sweep with repairs at random moments; one hostile folder of 300
mutants              take each safeguard away in turn: the tests must fail
"""

import argparse
import sys
from collections.abc import Sequence

from dev.reliability import calls, mounts, mutants, powercut, reads, soak, sweeps
from dev.reliability.scenes import SCENES


def main() -> int:
    """Run from the command line; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.reliability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = ["kill", "errors", "reads", "powercut", "soak", "sweeps", "mounts", "mutants"]
    parser.add_argument("command", choices=commands)
    parser.add_argument("scenes", nargs="*", help=f"by default all: {', '.join(SCENES)}; of reads, commands")
    parser.add_argument("--every", type=int, default=1, help="only each Nth point")
    parser.add_argument("--jobs", type=int, default=2, help="processes of kill and errors")
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--only", default="", help="only mutants with this text in their name")
    arguments = parser.parse_args()
    scenes: list[str] = arguments.scenes or [*SCENES]
    known = reads.COMMANDS if arguments.command == "reads" else SCENES
    if unknown := [scene for scene in arguments.scenes if scene not in known]:
        parser.error(f"there is no {unknown[0]}: {', '.join(known)}")
    match arguments.command:
        case "soak":
            return soak.run(arguments.rounds)
        case "sweeps":
            return sweeps.run(min(arguments.rounds, 50))
        case "mounts":
            return mounts.run()
        case "reads":
            return reads.run(arguments.scenes)
        case "mutants":
            return mutants.run(arguments.only)
        case "powercut":
            # Where an end of another scene is right as well, kills have shown it.
            return powercut.run([scene for scene in scenes if not SCENES[scene].also])
        case "kill":
            faults: tuple[str, ...] = ("SIGKILL",)
        case _:
            faults = calls.ERRORS
    return _swept(scenes, faults, arguments.every, arguments.jobs)


def _swept(scenes: Sequence[str], faults: Sequence[str], every: int, jobs: int) -> int:
    wrong = 0
    for scene in scenes:
        for fault in faults:
            found = calls.sweep(scene, fault, every=every, jobs=jobs)
            print(
                f"{scene}, {fault}: {found.points} points, {found.old} old, {found.new} new, "
                f"{found.unreached} not reached, {len(found.wrong)} wrong",
                flush=True,
            )
            for told in found.wrong:
                print(f"    {told}", flush=True)
            if found.is_void:
                print("    too many points were not reached", flush=True)
            wrong += len(found.wrong) + found.is_void
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
