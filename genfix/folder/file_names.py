"""One validator for every file name that comes from a folder, a Hub listing, a config or a journal."""

from typing import Final

from genfix.errors import InputError

STATE_FOLDER: Final = ".cache/huggingface/genfix"
"""Where genfix keeps journals and backups inside a model folder.

On the same filesystem as the files, so that a rename is atomic, and below a name that ``hf upload`` leaves
out.
"""


_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"COM{i}" for i in range(1, 10)), *(f"LPT{i}" for i in range(1, 10))]
)
_FORBIDDEN = frozenset('\\:*?"<>|')


def is_safe_name(name: str) -> bool:
    """Whether ``name`` is a relative path with ``/`` that stays inside its folder on POSIX and on Windows."""
    return len(name) <= 1024 and all(_is_safe_part(part) for part in name.split("/"))


def _is_safe_part(part: str) -> bool:
    if part in {"", ".", ".."} or len(part.encode("utf-8", "surrogatepass")) > 255:
        return False
    if part.startswith("-") or part.endswith((".", " ")):
        return False
    if not part.isprintable() or not _FORBIDDEN.isdisjoint(part):
        return False
    return part.split(".", maxsplit=1)[0].upper() not in _RESERVED


def checked_name(name: str) -> str:
    """Return ``name`` unchanged, or raise `InputError` where it could leave its folder."""
    if not is_safe_name(name):
        raise InputError("the file name '{name}' is not safe to use", "rename or remove that file", name=name)
    return name
