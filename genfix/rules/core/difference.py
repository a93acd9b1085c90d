"""How the config files of two folders differ, value by value, without a verdict."""

from dataclasses import dataclass

from genfix.folder import FileKind, kind_of, same_but_for_line_ends, same_file
from genfix.folder.kinds import is_json_config
from genfix.jsontext.json_diff import Difference, diff_values
from genfix.model import Model
from genfix.model.config_meaning import config_differences

_COMPARED = frozenset(FileKind) - {
    FileKind.WEIGHTS,
    FileKind.WEIGHTS_INDEX,
    FileKind.OTHER,
    FileKind.GGUF,
    FileKind.ADAPTER,
}


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that is not the same in both folders."""

    name: str
    status: str
    """``lost`` (only in the base), ``added`` (only here), ``changed``, ``respelled`` (the same meaning in
    other bytes)."""
    values: tuple[Difference, ...] = ()
    """Values that differ in a JSON file: left the base's, right the folder's."""

    def __repr__(self) -> str:
        """Short: a value may be a whole template."""
        return f"<FileDifference {self.name}: {self.status}, {len(self.values)} values>"


def differences(merged: Model, base: Model) -> tuple[FileDifference, ...]:
    """All config, tokenizer, template, processor, code and licence files that differ, by name."""
    names = {name for name in merged.folder.names() | base.folder.names() if kind_of(name) in _COMPARED}
    found: list[FileDifference] = []
    for name in sorted(names):
        if not merged.has(name):
            found.append(FileDifference(name, "lost"))
        elif not base.has(name):
            found.append(FileDifference(name, "added"))
        elif not same_file(merged.folder, base.folder, name):
            found.append(_compare(name, merged, base))
    return tuple(found)


def _compare(name: str, merged: Model, base: Model) -> FileDifference:
    if same_but_for_line_ends(merged.folder, base.folder, name):
        return FileDifference(name, "respelled")
    if not is_json_config(name) or merged.json(name).value is None:
        return FileDifference(name, "changed")
    if name == "config.json":
        values = tuple(config_differences(base, merged))
    else:
        values = tuple(diff_values(dict(base.object(name)), dict(merged.object(name))))
    return FileDifference(name, "changed" if values else "respelled", values)
