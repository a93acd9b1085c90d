"""Take each safeguard of the applier away, one at a time: the tests must notice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from dev.reliability.mutant_table import killers, known_killer, write_killers

__all__ = ["MUTANTS", "Mutant", "run"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_NO_TEST: Final = 5
"""How pytest ends where nothing has the name that is asked for."""
_COPIED: Final = ("genfix", "tests", "pyproject.toml")
_FIRST: Final[Mapping[str, tuple[str, ...]]] = {
    "applying.py": ("apply_undo",),
    "building.py": ("building",),
    "commit.py": ("last_moments", "apply_undo"),
    "drafts.py": ("drafts", "reports"),
    "fs.py": ("refusals", "bonds", "swapped_folders"),
    "gguf_writing.py": ("gguf_writing",),
    "guard.py": ("refusals", "mounts"),
    "history.py": ("bonds",),
    "journal.py": ("journals",),
    "ledger.py": ("bonds",),
    "lock.py": ("processes", "refusals"),
    "pruning.py": ("faults",),
    "recovery.py": ("bonds", "faults"),
    "reports.py": ("reports", "drafts"),
    "snapshots.py": ("snapshots",),
    "staging.py": ("apply_undo", "mounts", "faults"),
    "taking_back.py": ("last_moments", "faults"),
    "transaction.py": ("processes", "faults"),
    "tree.py": ("refusals", "apply_undo"),
    "undoing.py": ("apply_undo", "bonds"),
}
"""The tests that look at what a file does; all of the applier's are asked where they notice nothing. Before
them the test that noticed the last time, and the power cuts of what is not synced.
"""


class Mutant(NamedTuple):
    """One line of the applier changed."""

    name: str
    file: str
    before: str
    after: str


MUTANTS: Final = (
    Mutant(
        "staged bytes are not synced",
        "staging.py",
        "            fs.set_mtime(fd, step.mtime_ns)\n        fs.sync(fd)",
        "            fs.set_mtime(fd, step.mtime_ns)",
    ),
    Mutant(
        "the backup is not synced",
        "staging.py",
        "                write_all(fs, fd, piece)\n            fs.sync(fd)",
        "                write_all(fs, fd, piece)",
    ),
    Mutant(
        "the directory of a backup is not synced",
        "staging.py",
        "            fs.close(fd)\n        fs.sync_dir(directory)\n    return sha",
        "            fs.close(fd)\n    return sha",
    ),
    Mutant("the staging directory is not synced", "staging.py", "        fs.sync_dir(staging)\n", ""),
    Mutant(
        "new directories are not synced",
        "tree.py",
        "                made(current.path / part)\n                fs.sync_dir(current)",
        "                made(current.path / part)",
    ),
    Mutant(
        "the journal is not synced",
        "tree.py",
        "        write_all(fs, fd, content)\n        fs.sync(fd)",
        "        write_all(fs, fd, content)",
    ),
    Mutant("the journal's name is not synced", "commit.py", "        state.fs.sync_dir(state.home)\n", ""),
    Mutant(
        "replaced files are not synced",
        "commit.py",
        "            if directory is not None:\n                fs.sync_dir(directory)",
        "            pass",
    ),
    Mutant("the receipt's name is not synced", "commit.py", "        fs.sync_dir(receipts)\n", ""),
    Mutant(
        "the journal is written in place",
        "commit.py",
        "JOURNAL_DRAFT, encode(journal))\n"
        "        state.fs.rename(state.home, JOURNAL_DRAFT, state.home, JOURNAL)",
        "JOURNAL, encode(journal))",
    ),
    Mutant(
        "the journal's checksum is not looked at", "journal.py", 'file["sha256"] != _checksum(body)', "False"
    ),
    Mutant(
        "names in a journal are believed",
        "journal.py",
        "    if not is_writable_name(name):\n        raise JournalError",
        "    if False:\n        raise JournalError",
    ),
    Mutant(
        "staged bytes are not checked",
        "commit.py",
        "                if found != op.after:\n                    return False",
        "                pass",
    ),
    Mutant(
        "a drifted file is replaced",
        "commit.py",
        "        if place is Place.ELSEWHERE:\n            raise _drift(state, journal, op)\n"
        "        if place is Place.AFTER",
        "        if place is Place.AFTER",
    ),
    Mutant(
        "drift before the first rename is not looked for",
        "commit.py",
        "    if (drift := find_drift(state, journal, places)) is not None:\n        raise drift\n"
        "    _give_back",
        "    _give_back",
    ),
    Mutant(
        "what comes out of a file's place is not looked at",
        "commit.py",
        "            _look_at_what_came_out(state, journal, index, (directory, staging))\n\n\ndef replace",
        "            pass\n\n\ndef replace",
    ),
    Mutant(
        "the next run does not look at what came out",
        "commit.py",
        "    _give_back(state, journal, places)\n    if not is_staged",
        "    if not is_staged",
    ),
    Mutant(
        "a new file replaces one that appeared",
        "commit.py",
        "fs.rename_new(staging, staged_name(index, len(journal.ops)), directory, leaf)",
        "fs.rename(staging, staged_name(index, len(journal.ops)), directory, leaf)",
    ),
    Mutant(
        "a file that goes is deleted",
        "commit.py",
        "    fs.rename(directory, leaf, staging, moved_name(index))\n",
        "    fs.unlink(directory, leaf)\n    return\n",
    ),
    Mutant(
        "what was moved away is not checked",
        "commit.py",
        "    if digest(fs, staging, moved_name(index)) != op.before:",
        "    if False:",
    ),
    Mutant(
        "the backup is not checked against the plan",
        "staging.py",
        "                if (None if old is None else back_up(fs, backup, step.name, old)) != step.before:\n"
        "                    raise changed_meanwhile(step.name)",
        "                if old is not None:\n                    back_up(fs, backup, step.name, old)",
    ),
    Mutant(
        "inputs are not checked",
        "applying.py",
        "        if _input_digest(files, name) != wanted:\n            raise stale(name)",
        "        pass",
    ),
    Mutant(
        "undo does not look at the file first",
        "undoing.py",
        "    if digest(state.fs, state.root, op.name) != op.after:",
        "    if False:",
    ),
    Mutant(
        "undo and restore believe the backup",
        "undoing.py",
        "content is not None and content_digest(content) == digest:",
        "content is not None:",
    ),
    Mutant("no lock", "lock.py", "        free = fs.try_lock(root)", "        free = True"),
    Mutant(
        "an interrupted repair is not recovered first",
        "applying.py",
        "            recover_locked(fs, folder, location)\n",
        "",
    ),
    Mutant(
        "links are followed when reading",
        "fs.py",
        "os.O_RDONLY | _NOFOLLOW | _NONBLOCK",
        "os.O_RDONLY | _NONBLOCK",
    ),
    Mutant(
        "a linked directory is entered",
        "fs.py",
        "os.O_RDONLY | _DIRECTORY | _NOFOLLOW | _CLOEXEC",
        "os.O_RDONLY | _DIRECTORY | _CLOEXEC",
    ),
    Mutant(
        "a FIFO is waited for",
        "tree.py",
        "            if not stat.S_ISREG(fs.fstat(fd).st_mode):\n                raise not_regular(name)",
        "            pass",
    ),
    Mutant(
        "a read-only file is replaced",
        "guard.py",
        "        if ground.is_closed(status) or not fs.may_write(directory, leaf):",
        "        if False:",
    ),
    Mutant("modes are lost", "staging.py", "            fs.set_mode(fd, wanted)\n", "            pass\n"),
    Mutant(
        "files have their mode only later",
        "staging.py",
        "0o666 if wanted is None else wanted)",
        "0o666 if wanted is None else 0o600)",
    ),
    Mutant(
        "a file that is mounted is tried",
        "guard.py",
        "fs.mount_id(directory, leaf) != fs.mount_id(directory)",
        "False",
    ),
    Mutant(
        "the flags of a file are not looked at",
        "guard.py",
        "flag := _locked_by(fs, directory, leaf)",
        'flag := ""',
    ),
    Mutant(
        "a rename is not tried before the first one",
        "staging.py",
        "        _try_all(fs, state.root, staging, steps)\n",
        "",
    ),
    Mutant(
        "what is refused in the middle is left half done",
        "transaction.py",
        "            take_back(state, journal)\n",
        "            return False\n",
    ),
    Mutant(
        "what is taken back is not marked",
        "taking_back.py",
        "        fs.rename(state.home, JOURNAL, state.home, TAKING_BACK)\n        fs.sync_dir(state.home)",
        "        pass",
    ),
    Mutant(
        "what came out when it was taken back is not looked at",
        "taking_back.py",
        "        _give_back(fs, op,",
        "        (lambda *_: None)(fs, op,",
    ),
    Mutant(
        "what is left of a backup is forgotten",
        "staging.py",
        "        return  # what is staged stays",
        "        pass  # what is staged stays",
    ),
    Mutant(
        "a half done folder is judged", "recovery.py", "    if is_half_done(state, journal):", "    if False:"
    ),
    Mutant(
        "another user's half done folder is judged",
        "recovery.py",
        "            _check_unreadable(fs, folder, location)",
        "            pass",
    ),
    Mutant(
        "a closed state folder is taken for a quiet one",
        "recovery.py",
        "        except PermissionError as error:\n            raise RefusedError(",
        "        except PermissionError as error:\n            continue\n            raise RefusedError(",
    ),
    Mutant(
        "a living run's report is removed",
        "drafts.py",
        "fd is not None and fs.try_lock_file(fd)",
        "fd is not None",
    ),
    Mutant("a killed run's report stays", "reports.py", "    remove_stale(real, fs=fs)\n", ""),
    Mutant(
        "the log does not mark what is planted", "history.py", "ours=journal.id in history.ours", "ours=True"
    ),
    Mutant("a planted receipt is undone", "undoing.py", "if journal.id not in history.ours:", "if False:"),
    Mutant(
        "a receipt from the future counts",
        "history.py",
        "journal.id not in self.ours and is_from_the_future(journal)",
        "False",
    ),
    Mutant(
        "a planted journal changes code", "ledger.py", "if code and not is_ours(state, journal)", "if False"
    ),
    Mutant(
        "what root creates stays root's", "fs.py", "if status.st_uid != 0 else None", "if False else None"
    ),
    Mutant(
        "a short write is taken for a whole one",
        "tree.py",
        "        rest = rest[fs.write(fd, rest[:CHUNK]) :]",
        "        fs.write(fd, rest[:CHUNK])\n        rest = rest[CHUNK:]",
    ),
    Mutant(
        "signals are not held back",
        "transaction.py",
        "            signals.stop_if_asked()\n            when",
        "            when",
    ),
    Mutant(
        "a snapshot's receipt is not synced", "snapshots.py", "                fs.sync_dir(receipts)\n", ""
    ),
    Mutant("a prune removes before it renames", "pruning.py", 'f"{PRUNED}{transaction}")', "transaction)"),
    Mutant(
        "the files of a copy are not synced",
        "drafts.py",
        "                fs.set_mtime(fd, mtime_ns)\n            fs.sync(fd)",
        "                fs.set_mtime(fd, mtime_ns)",
    ),
    Mutant(
        "the directories of a copy are not synced",
        "drafts.py",
        "            fs.sync_dir(directory)\n",
        "            pass\n",
    ),
    Mutant("the name of a copy is not synced", "drafts.py", "    fs.sync_dir(parent)\n", ""),
    Mutant("a report is not synced", "reports.py", "            fs.sync(fd)\n", ""),
    Mutant("the name of a report is not synced", "reports.py", "    fs.sync_dir(parent)\n", ""),
    Mutant("a GGUF is not synced", "gguf_writing.py", "                fs.sync(fd)\n", ""),
    Mutant("the name of a GGUF is not synced", "gguf_writing.py", "            fs.sync_dir(parent)\n", ""),
    Mutant(
        "a GGUF that changed while it was copied is not noticed",
        "gguf_writing.py",
        "                if _mark(fs.fstat(source)) != _mark(status):",
        "                if False:",
    ),
    Mutant(
        "a copy is named before it is whole",
        "building.py",
        "            signals.stop_if_asked()\n            content",
        "            break\n            content",
    ),
)


def run(only: str = "") -> int:
    """Try all mutants whose name contains ``only``; 1 where one lives, 2 where one does not apply.

    What killed each goes into the table of docs/reliability.md at once.
    """
    chosen = [mutant for mutant in MUTANTS if only in mutant.name]
    lived, broken = [], []
    for mutant in chosen:
        with TemporaryDirectory(prefix="mutant-") as temporary:
            place = Path(temporary)
            for name in _COPIED:
                source = _ROOT / name
                (shutil.copytree if source.is_dir() else shutil.copy)(source, place / name)
            path = place / "genfix" / "applier" / mutant.file
            text = path.read_text("utf-8")
            if text.count(mutant.before) != 1:
                broken.append(mutant.name)
                print(f"does not apply: {mutant.name}", flush=True)
                continue
            path.write_text(text.replace(mutant.before, mutant.after), "utf-8")
            killer = _killer(place, mutant)
        print(f"{f'killed by {killer}' if killer else 'LIVES'}: {mutant.name}", flush=True)
        write_killers([(one.name, one.file) for one in MUTANTS], {mutant.name: killer or "**lives**"})
        if not killer:
            lived.append(mutant.name)
    print(f"{len(chosen)} mutants, {len(chosen) - len(lived) - len(broken)} killed, {len(lived)} live")
    return 1 if lived else 2 if broken else 0


def _killer(place: Path, mutant: Mutant) -> str:
    """The test that fails; empty where none does.

    Those that look at what the file does are asked first, the sweeps over every call of the disk last.
    """
    file, _, test = known_killer(mutant.name).partition("::")
    last = (
        [[f"tests/applier/{file}", "-k", test]] if test and (place / "tests/applier" / file).exists() else []
    )
    names = [*(["power_cuts"] if "synced" in mutant.name else []), *_FIRST.get(mutant.file, ())]
    first = [f"tests/applier/test_{name}.py" for name in names]
    sweeps = "tests/applier/test_faults.py"
    others = ["tests/applier", *(f"--ignore={tests}" for tests in {*first, sweeps})]
    runs = [*last, first, others, *([] if sweeps in first else [[sweeps]])]
    return next(filter(None, (_failing(place, arguments) for arguments in runs if arguments)), "")


def _failing(place: Path, arguments: list[str]) -> str:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    run = subprocess.run(
        command, cwd=place, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(place)}
    )
    told = run.stdout.decode("utf-8", "replace")
    if run.returncode in {0, _NO_TEST}:
        return ""
    if " failed" not in told:
        sys.exit(told[-2000:])
    return killers(told) or "a test"
