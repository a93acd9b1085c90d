"""Folders of other people's models, which may be read-only, as copies to work on."""

import shutil
from pathlib import Path

__all__ = ["writable_copy"]


def writable_copy(source: Path, target: Path) -> Path:
    """A copy of all below ``source``, whose files may be written to and removed."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target
